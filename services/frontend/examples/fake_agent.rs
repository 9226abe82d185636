//! Serves a stand-in for AgentCore, to look at the page without anything else running:
//!
//!     cargo run -p frontend --example fake_agent -- 4099
//!     AWS_ENDPOINT_URL=http://127.0.0.1:4099 AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b ACCESS=open \
//!       AGENTCORE_QUALIFIER=live AGENTCORE_RUNTIME_ARN=arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/a \
//!       cargo run -p frontend
//!
//! A question with one of these words in it shows that state: quota, throttle, busy, broken, denied, missing, cut, hold,
//! "in-band", "tool fails".

#[expect(clippy::unwrap_used, reason = "it is shared with the tests")]
#[path = "../src/tests/fake_agent.rs"]
mod fake_agent;

use std::time::Duration;

use fake_agent::FakeAgent;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let port = std::env::args()
        .nth(1)
        .and_then(|port| port.parse().ok())
        .unwrap_or(4099);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, FakeAgent::new(Duration::from_millis(70)).router()).await
}
