//! The whole server over real sockets, with a stand-in for AgentCore behind it.

mod access;
mod chat;
mod fake_agent;

use std::time::Duration;

use aws_credential_types::Credentials;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use fake_agent::{ARN, FakeAgent};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::access::Gate;
use crate::agent::Agent;
use crate::config::{Access, AgentConfig};

const KEY: &str = "Aa0-enough-characters-for-a-key";
const HOST: &str = "127.0.0.1:8080";

/// The page's server and the agent that it asks.
struct TestServer {
    router: Router,
    agent: FakeAgent,
}

impl TestServer {
    async fn open() -> Self {
        Self::new(Access::Open).await
    }

    async fn with_key() -> Self {
        Self::new(Access::Key(KEY.to_owned().into())).await
    }

    async fn new(access: Access) -> Self {
        let agent = FakeAgent::new(Duration::ZERO);
        let url = serve(agent.router()).await;
        Self {
            router: router(&url, access).await,
            agent,
        }
    }

    async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Signs in and gives the cookie.
    async fn cookie(&self) -> String {
        let response = self.send(form("/sign-in", &format!("key={KEY}"))).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        cookie_of(&response)
    }
}

async fn router(agentcore_url: &str, access: Access) -> Router {
    router_within(agentcore_url, access, Duration::from_secs(110)).await
}

async fn router_within(agentcore_url: &str, access: Access, answer_within: Duration) -> Router {
    let config = AgentConfig {
        runtime_arn: ARN.into(),
        qualifier: "live".into(),
        region: "us-west-2".into(),
        answer_within,
    };
    let sdk = aws_sdk_bedrockagentcore::config::Builder::from(&runtime::aws::config().await)
        .endpoint_url(agentcore_url)
        .credentials_provider(Credentials::new("test", "test", None, None, "test"));
    // As `runtime::serve` runs it, so that calls belong to a trace.
    runtime::layers(crate::app::router(
        Agent::new(sdk, config),
        Gate::new(access),
    ))
}

/// Serves a router on a free port and gives its URL.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

fn get(path: &str) -> Request<Body> {
    Request::get(path)
        .header(header::HOST, HOST)
        .body(Body::empty())
        .unwrap()
}

fn form(path: &str, body: &str) -> Request<Body> {
    let form = "application/x-www-form-urlencoded";
    let request = Request::post(path)
        .header(header::HOST, HOST)
        .header(header::CONTENT_TYPE, form);
    request.body(Body::from(body.to_owned())).unwrap()
}

fn chat(body: &Value) -> Request<Body> {
    let request = Request::post("/api/chat")
        .header(header::HOST, HOST)
        .header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

fn with(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

fn cookie_of(response: &Response) -> String {
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    cookie.split_once(';').unwrap().0.to_owned()
}

async fn text(response: Response) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

async fn json(response: Response) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

/// The events of a whole stream.
fn events(stream: &str) -> Vec<Value> {
    let frames = stream.split("\n\n").filter(|frame| !frame.is_empty());
    frames
        .map(|frame| serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap())
        .collect()
}
