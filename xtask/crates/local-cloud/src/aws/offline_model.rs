//! The offline model by itself, without the signatures and policies of the local cloud: for another emulator of AWS, which
//! has looked at both already, to forward its Bedrock calls to.

use std::sync::Arc;

use axum::routing::post;
use axum::{Extension, Router};
use serde_json::json;

use super::access::Caller;
use super::gateway::BEDROCK;
use super::{Aws, Role, bedrock};

/// `Converse` and `ConverseStream` for whoever can reach it.
pub fn offline_model(region: &str, account: &str) -> Router {
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "bedrock:*", "Resource": "*" } });
    let anybody = Caller {
        role: Arc::new(Role {
            arn: format!("arn:aws:iam::{account}:role/anybody"),
            name: "anybody".to_owned(),
            policies: vec![policy],
        }),
        access_key_id: String::new(),
        service: BEDROCK.to_owned(),
    };
    Router::new()
        .route("/model/{model}/converse", post(bedrock::converse))
        .route(
            "/model/{model}/converse-stream",
            post(bedrock::converse_stream),
        )
        .layer(Extension(anybody))
        .with_state(Aws::new(region, account))
}
