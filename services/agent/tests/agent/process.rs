//! The agent as a process, and how the tests talk to it.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::bedrock::Bedrock;
use crate::mcp::{self, Mcp};

const SESSION_ID: &str = "x-amzn-bedrock-agentcore-runtime-session-id";

/// Serves a router on a free port and returns its URL.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// The agent with both its neighbours.
pub(crate) struct Rig {
    pub(crate) agent: Agent,
    pub(crate) bedrock: Arc<Bedrock>,
    pub(crate) mcp: Arc<Mcp>,
}

impl Rig {
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let mcp = Mcp::new();
        let mcp_url = serve(mcp.router()).await;
        let (bedrock, bedrock_url) = Bedrock::start().await;
        let agent = Agent::start(&bedrock_url, &mcp_url, settings).await;
        Self {
            agent,
            bedrock,
            mcp,
        }
    }
}

pub(crate) struct Agent {
    pub(crate) child: Child,
    pub(crate) url: String,
    http: reqwest::Client,
    log: Arc<Mutex<Vec<String>>>,
}

/// The binary with all its settings, ready to be started.
pub(crate) fn command(bedrock_url: &str, mcp_url: &str, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agent"));
    command
        .env_clear()
        .envs([
            ("PORT", "0"),
            ("MCP_SERVER_URL", mcp_url),
            ("BEDROCK_MODEL_ID", "test.model"),
            ("AWS_ENDPOINT_URL", bedrock_url),
            ("AWS_REGION", mcp::REGION),
            ("AWS_ACCESS_KEY_ID", mcp::ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", mcp::SECRET_ACCESS_KEY),
        ])
        .envs(settings.iter().copied())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Agent {
    pub(crate) async fn start(bedrock_url: &str, mcp_url: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_by(command(bedrock_url, mcp_url, settings)).await
    }

    pub(crate) async fn start_by(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines.next_line().await.unwrap().expect("the agent starts");
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == "listening" {
                break format!("http://{}", line["address"].as_str().unwrap());
            }
        };
        let log = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                written.lock().unwrap().push(line);
            }
        });
        Self {
            child,
            url,
            http: runtime::http::client(),
            log,
        }
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) async fn ping(&self) -> Value {
        self.http
            .get(format!("{}/ping", self.url))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Any request to `/invocations`.
    pub(crate) fn request(&self, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}/invocations", self.url))
            .body(body)
    }

    /// A prompt whose answer comes as one document.
    pub(crate) async fn ask(&self, session: &str, prompt: &str) -> Value {
        let request = self
            .request(json!({ "prompt": prompt }).to_string())
            .header(SESSION_ID, session);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// A prompt whose answer comes as events.
    pub(crate) async fn stream(&self, session: &str, prompt: &str) -> Events {
        let request = self
            .request(json!({ "prompt": prompt }).to_string())
            .header(SESSION_ID, session);
        let response = request
            .header("accept", "text/event-stream")
            .send()
            .await
            .unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()[SESSION_ID], session);
        Events {
            body: response.bytes_stream().boxed(),
            buffer: Vec::new(),
        }
    }
}

/// The events of a turn as they come in.
pub(crate) struct Events {
    body: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    buffer: Vec<u8>,
}

impl Events {
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let json = event
                    .strip_prefix(b"data: ")
                    .expect("an event is one line of data");
                return Some(serde_json::from_slice(json).unwrap());
            }
            match self.body.next().await {
                Some(bytes) => self.buffer.extend_from_slice(&bytes.unwrap()),
                None => return None,
            }
        }
    }

    /// Waits for an event of a type.
    pub(crate) async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next().await.expect("the event comes");
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// All that is still to come, one line each.
    pub(crate) async fn rest(mut self) -> String {
        let mut lines = String::new();
        while let Some(event) = self.next().await {
            lines += &format!("{event}\n");
        }
        lines
    }
}

/// Waits until something is so, for at most ten seconds.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("still not so: {what}");
}
