//! Credentials as AgentCore hands them out: by the metadata service of its microVM, in the form of EC2's second version.
//!
//! A session is opened by `PUT /latest/api/token` with the header `X-aws-ec2-metadata-token-ttl-seconds` (1 to 21,600), and every
//! `GET` carries its token; without one the answer is 401
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html>). The names of the fields are those
//! of "Retrieve security credentials from instance metadata" in the same guide.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::bedrock::{Bedrock, calls, says};
use crate::mcp::{self, Mcp};
use crate::process::{Agent, command, serve};

const ROLE: &str = "execution_role";
const TOKEN: &str = "AQAAAexample==";

struct Metadata {
    lifetime: Duration,
    handed_out: AtomicUsize,
    without_token: AtomicUsize,
}

impl Metadata {
    async fn start(lifetime: Duration) -> (Arc<Self>, String) {
        let metadata = Arc::new(Self {
            lifetime,
            handed_out: AtomicUsize::new(0),
            without_token: AtomicUsize::new(0),
        });
        let credentials = "/latest/meta-data/iam/security-credentials/";
        let router = Router::new()
            .route("/latest/api/token", put(session))
            .route(credentials, get(role))
            .route(&format!("{credentials}{ROLE}"), get(of_role))
            .with_state(Arc::clone(&metadata));
        (metadata, serve(router).await)
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let known = headers
            .get("x-aws-ec2-metadata-token")
            .is_some_and(|token| token == TOKEN);
        if !known {
            self.without_token.fetch_add(1, Ordering::Relaxed);
        }
        known
    }
}

async fn session(headers: HeaderMap) -> Response {
    let seconds = headers
        .get("x-aws-ec2-metadata-token-ttl-seconds")
        .and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    match seconds.filter(|seconds| (1..=21_600).contains(seconds)) {
        Some(seconds) => {
            let headers = [("x-aws-ec2-metadata-token-ttl-seconds", seconds.to_string())];
            (headers, TOKEN).into_response()
        }
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn role(State(metadata): State<Arc<Metadata>>, headers: HeaderMap) -> Response {
    match metadata.knows(&headers) {
        true => ROLE.into_response(),
        false => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn of_role(State(metadata): State<Arc<Metadata>>, headers: HeaderMap) -> Response {
    if !metadata.knows(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let number = metadata.handed_out.fetch_add(1, Ordering::Relaxed) + 1;
    let now = std::time::SystemTime::now();
    let time = |time| {
        aws_smithy_types::DateTime::from(time)
            .fmt(aws_smithy_types::date_time::Format::DateTime)
            .unwrap()
    };
    axum::Json(json!({
        "Code": "Success",
        "LastUpdated": time(now),
        "Type": "AWS-HMAC",
        "AccessKeyId": mcp::ACCESS_KEY_ID,
        "SecretAccessKey": mcp::SECRET_ACCESS_KEY,
        "Token": format!("session-{number}"),
        "Expiration": time(now + metadata.lifetime),
    }))
    .into_response()
}

async fn agent(metadata: &str, bedrock: &str, mcp: &Arc<Mcp>) -> Agent {
    let mcp = serve(mcp.router()).await;
    let mut command = command(
        bedrock,
        &mcp,
        &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata)],
    );
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY");
    Agent::start_by(command).await
}

#[tokio::test]
async fn a_turn_with_credentials_of_the_metadata_service() {
    let (metadata, url) = Metadata::start(Duration::from_secs(3600)).await;
    let (bedrock, bedrock_url) = Bedrock::start().await;
    let mcp = Mcp::new();
    let agent = agent(&url, &bedrock_url, &mcp).await;
    bedrock.then([
        calls(&[("t1", "get_weather", r#"{"city":"Tokyo"}"#)]),
        says("11.6 °C."),
    ]);
    let document = agent.ask("s-1", "Weather in Tokyo?").await;
    assert_eq!(document["text"], "11.6 °C.", "{document}");
    // Both clients sign with a session, and neither asks without a token or for each request.
    assert!(
        mcp.header("x-amz-security-token")
            .iter()
            .all(|token| token.starts_with("session-"))
    );
    assert_eq!(metadata.without_token.load(Ordering::Relaxed), 0);
    assert!(metadata.handed_out.load(Ordering::Relaxed) <= 2);
    let log = agent.log().join("\n");
    assert!(!log.contains(mcp::SECRET_ACCESS_KEY) && !log.contains("session-1"));
}

/// Those that end soon are asked for anew, and what is signed with is the newest.
#[tokio::test]
async fn credentials_are_renewed_before_they_end() {
    let (metadata, url) = Metadata::start(Duration::from_secs(60)).await;
    let (bedrock, bedrock_url) = Bedrock::start().await;
    let mcp = Mcp::new();
    let agent = agent(&url, &bedrock_url, &mcp).await;
    for session in ["s-1", "s-2"] {
        bedrock.then([
            calls(&[("t1", "get_weather", r#"{"city":"Tokyo"}"#)]),
            says("11.6 °C."),
        ]);
        let document = agent.ask(session, "Weather in Tokyo?").await;
        assert_eq!(document["text"], "11.6 °C.", "{document}");
    }
    assert!(metadata.handed_out.load(Ordering::Relaxed) > 2);
    let tokens = mcp.header("x-amz-security-token");
    assert_ne!(tokens.first(), tokens.last(), "{tokens:?}");
}
