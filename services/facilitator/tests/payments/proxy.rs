//! Stands between a facilitator and its node, and loses what it is told to lose.

use crate::shop::Meanwhile;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use url::Url;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The node never hears of the transaction.
    CallLost,
    /// The node has the transaction, and its answer is lost.
    AnswerLost,
    /// The node knows its state and finds no events, as one does whose index is behind.
    EventsHidden,
    /// Several nodes behind one address: the one that is asked for the token's state is some blocks behind.
    StateBehind,
    /// The node looks for events in 500 blocks at once and in no more; public ones take between that and 10,000.
    NarrowSearch,
}

#[derive(Clone)]
pub(crate) struct Proxy {
    node: Url,
    client: reqwest::Client,
    fault: Fault,
    /// How many more transactions it loses.
    left: Arc<AtomicUsize>,
    /// How many transactions came by.
    seen: Arc<AtomicUsize>,
    /// What happens before a call of this method reaches the node.
    before: Option<(&'static str, Meanwhile)>,
}

impl Proxy {
    pub(crate) async fn start(node: &Url, fault: Fault, times: usize) -> (Self, Url) {
        Self::with(node, fault, times, None).await
    }

    /// Loses nothing, and does something before each call of one method.
    pub(crate) async fn before(node: &Url, method: &'static str, step: Meanwhile) -> Url {
        let before = Some((method, step));
        Self::with(node, Fault::AnswerLost, 0, before).await.1
    }

    async fn with(
        node: &Url,
        fault: Fault,
        times: usize,
        before: Option<(&'static str, Meanwhile)>,
    ) -> (Self, Url) {
        let proxy = Self {
            node: node.clone(),
            client: runtime::http::client(),
            fault,
            left: Arc::new(AtomicUsize::new(times)),
            seen: Arc::default(),
            before,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/", post(forward))
            .with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (proxy, Url::parse(&url).unwrap())
    }

    pub(crate) fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

fn number(quantity: &Value) -> u64 {
    let digits = quantity.as_str().unwrap().trim_start_matches("0x");
    u64::from_str_radix(digits, 16).unwrap()
}

async fn forward(State(proxy): State<Proxy>, body: Bytes) -> (StatusCode, Bytes) {
    let text = String::from_utf8_lossy(&body);
    if proxy.fault == Fault::EventsHidden && text.contains("eth_getLogs") {
        let none = br#"{"jsonrpc":"2.0","id":1,"result":[]}"#;
        return (StatusCode::OK, Bytes::from_static(none));
    }
    if proxy.fault == Fault::NarrowSearch && text.contains("eth_getLogs") {
        let newest =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": [] });
        let sent = proxy.client.post(proxy.node.clone()).json(&newest).send();
        let newest: Value = sent.await.unwrap().json().await.unwrap();
        let call: Value = serde_json::from_str(&text).unwrap();
        let number = |end: &Value| match end.as_str().unwrap() {
            "earliest" => 0,
            "latest" => number(&newest["result"]),
            _ => number(end),
        };
        let filter = &call["params"][0];
        if number(&filter["toBlock"]) - number(&filter["fromBlock"]) >= 500 {
            let no = br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"more than 500 blocks"}}"#;
            return (StatusCode::OK, Bytes::from_static(no));
        }
    }
    if let Some((method, step)) = &proxy.before
        && text.contains(method)
    {
        step().await;
    }
    let body = match proxy.fault {
        Fault::StateBehind if text.contains("eth_call") => {
            Bytes::from(text.replace("\"latest\"", "\"0x1\""))
        }
        _ => body.clone(),
    };
    let mut fault = None;
    if text.contains("eth_sendRawTransaction") {
        proxy.seen.fetch_add(1, Ordering::SeqCst);
        let lose = proxy
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        fault = lose.is_ok().then_some(proxy.fault);
    }
    let lost = (StatusCode::BAD_GATEWAY, Bytes::from_static(b"lost"));
    if fault == Some(Fault::CallLost) {
        return lost;
    }
    let sent = proxy
        .client
        .post(proxy.node.clone())
        .header("content-type", "application/json")
        .body(body);
    let answer = sent.send().await.unwrap().bytes().await.unwrap();
    if fault == Some(Fault::AnswerLost) {
        return lost;
    }
    (StatusCode::OK, answer)
}
