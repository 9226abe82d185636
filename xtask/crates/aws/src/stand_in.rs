//! For tests: a service of AWS on loopback that answers what the test says, and a client's way to it.

use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;

use agentcore_client::config_on_this_machine;

/// One request: the operation's name (`FilterLogEvents`), or the path where the protocol has none, and its body.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub operation: String,
    pub body: Json,
}

/// Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct StandIn {
    endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    server: JoinHandle<()>,
}

impl StandIn {
    /// `answer` gives a status and a body for each request, or the code of an error: see [`refusal`].
    pub(crate) async fn start(
        answer: impl Fn(&Asked) -> (u16, Json) + Send + Sync + 'static,
    ) -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (noted, answer) = (asked.clone(), Arc::new(answer));
        let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let (noted, answer) = (noted.clone(), answer.clone());
            async move {
                let target = headers
                    .get("x-amz-target")
                    .and_then(|value| value.to_str().ok());
                let operation = target.and_then(|target| target.rsplit('.').next());
                let asked = Asked {
                    operation: operation.unwrap_or(uri.path()).to_owned(),
                    body: serde_json::from_slice(&body).unwrap_or_default(),
                };
                let (status, body) = answer(&asked);
                noted.lock().unwrap().push(asked);
                let code = body["__type"].as_str().unwrap_or_default().to_owned();
                let status = StatusCode::from_u16(status).unwrap();
                (status, [("x-amzn-errortype", code)], body.to_string())
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self {
            endpoint,
            asked,
            server,
        }
    }

    /// For a client that asks once: a test of what a refusal means must not wait for six tries.
    pub(crate) fn config(&self) -> SdkConfig {
        let config = config_on_this_machine(&self.endpoint, "us-west-2", "test", "test");
        config
            .into_builder()
            .behavior_version(BehaviorVersion::latest())
            .retry_config(RetryConfig::disabled())
            .build()
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) fn refusal(status: u16, code: &str, message: &str) -> (u16, Json) {
    (status, json!({ "__type": code, "message": message }))
}
