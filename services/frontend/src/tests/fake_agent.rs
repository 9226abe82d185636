//! A stand-in for AgentCore's data plane with an agent behind it: what it answers depends on a word in the question.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::Notify;

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the example answers for every agent")
)]
pub(crate) const ARN: &str =
    "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/turnpike_local_agent-a1b2c3d4e5";
pub(crate) const MODEL: &str = "turnpike.offline-model";

/// One call as it arrived.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "the example answers calls and does not look at them"
    )
)]
pub(crate) struct Call {
    pub(crate) arn: String,
    pub(crate) qualifier: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Value,
}

#[derive(Clone)]
pub(crate) struct FakeAgent {
    pub(crate) calls: Arc<Mutex<Vec<Call>>>,
    /// Lets an answer to a question with "hold" in it go on after its first event.
    pub(crate) go_on: Arc<Notify>,
    /// How long it thinks between two events.
    pub(crate) pause: Duration,
    /// Has a clone for each answer that is still being sent, and for each connection.
    pub(crate) open: Arc<()>,
    payments: Arc<Mutex<u64>>,
}

impl FakeAgent {
    pub(crate) fn new(pause: Duration) -> Self {
        Self {
            calls: Arc::default(),
            go_on: Arc::default(),
            pause,
            open: Arc::default(),
            payments: Arc::default(),
        }
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/runtimes/{arn}/invocations", post(invoke))
            .with_state(self.clone())
    }

    fn wallet(&self) -> Value {
        let payments = *self.payments.lock().unwrap();
        let display = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
        json!({
            "address": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "network": "eip155:31337",
            "asset": "0x5FbDB2315678afecb367f032d93F642f64180aa3", "currency": "USDC",
            "balance": ((1000 - payments) * 10_000).to_string(), "displayBalance": display(1000 - payments),
            "spent": (payments * 10_000).to_string(), "displaySpent": display(payments), "payments": payments,
            "limits": { "perCall": "50000", "displayPerCall": "0.05" },
        })
    }

    fn receipt(&self) -> Value {
        let mut payments = self.payments.lock().unwrap();
        *payments += 1;
        json!({
            "amount": "10000", "displayAmount": "0.01", "currency": "USDC", "network": "eip155:31337",
            "asset": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
            "payer": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
            "transaction": format!("0x{:032x}{:032x}", u128::MAX / (3 + 2 * u128::from(*payments)), u128::MAX / 7 * 3 - u128::from(*payments) * 0x9e37_79b9_7f4a_7c15),
            "resource": "http://127.0.0.1:4021/weather",
        })
    }
}

async fn invoke(
    State(agent): State<FakeAgent>,
    Path(arn): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let payload: Value = serde_json::from_slice(&body).unwrap();
    let qualifier = query
        .into_iter()
        .find(|(name, _)| name == "qualifier")
        .map(|(_, value)| value)
        .unwrap_or_default();
    agent.calls.lock().unwrap().push(Call {
        arn,
        qualifier,
        headers,
        payload: payload.clone(),
    });
    if payload["tool"] == "get_wallet" {
        return Json(agent.wallet()).into_response();
    }
    let prompt = payload["prompt"].as_str().unwrap_or_default().to_owned();
    let refusals = [
        ("quota", 402, "ServiceQuotaExceededException"),
        ("throttle", 429, "ThrottlingException"),
        ("busy", 409, "RetryableConflictException"),
        ("broken", 424, "RuntimeClientError"),
        ("denied", 403, "AccessDeniedException"),
        ("missing", 404, "ResourceNotFoundException"),
    ];
    if let Some((_, status, name)) = refusals
        .into_iter()
        .find(|(word, ..)| prompt.contains(word))
    {
        let status = StatusCode::from_u16(status).unwrap();
        return (
            status,
            [("x-amzn-errortype", name)],
            Json(json!({ "message": name })),
        )
            .into_response();
    }
    let body = if prompt.contains("split") {
        split()
    } else {
        agent.answer(&prompt)
    };
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

impl FakeAgent {
    fn answer(&self, prompt: &str) -> Body {
        let done = json!({"type": "done", "stopReason": "endTurn", "model": MODEL, "steps": 2, "inputTokens": 431, "outputTokens": 58});
        let mut events = vec![];
        for word in ["Let me ", "ask the ", "weather ", "service."] {
            events.push(json!({"type": "text", "text": word}));
        }
        if prompt.contains("tool fails") {
            events.push(json!({"type": "toolCall", "id": "t1", "name": "get_weather", "arguments": {"city": "Atlantis"}}));
            events.push(json!({"type": "toolResult", "id": "t1", "name": "get_weather", "ok": false, "error": "There is no weather for Atlantis. Nothing was paid. Known cities begin with Amsterdam, Athens, Auckland."}));
        } else {
            events.push(json!({"type": "toolCall", "id": "t1", "name": "get_weather", "arguments": {"city": "Tokyo"}}));
            let receipt = self.receipt();
            events.push(json!({"type": "payment", "toolCallId": "t1", "receipt": receipt}));
            events.push(json!({"type": "toolResult", "id": "t1", "name": "get_weather", "ok": true, "result": {
                "city": "Tokyo", "country": "JP", "temperatureCelsius": 13.1, "conditions": "partly cloudy", "month": "November",
                "source": "climate normals 1991-2020", "kind": "climateNormal", "payment": receipt}}));
        }
        if prompt.contains("in-band") {
            events.push(json!({"type": "error", "code": "modelUnavailable", "message": "The model did not answer. Try again in a minute."}));
        } else {
            let text = "In November **Tokyo** usually has **13.1 °C**, partly cloudy.\n\n- This is a climate normal (1991–2020), not a forecast.\n- The report cost 0.01 USDC.";
            events.extend(
                text.split_inclusive(' ')
                    .map(|word| json!({"type": "text", "text": word})),
            );
        }
        if prompt.contains("cut") {
            events.truncate(6);
        } else if prompt.contains("garbage") {
            events = vec![json!("hello")];
        } else {
            events.push(done);
        }
        let (hold, go_on, pause) = (prompt.contains("hold"), self.go_on.clone(), self.pause);
        let open = self.open.clone();
        let frames = stream::iter(events.into_iter().enumerate()).then(move |(number, event)| {
            let (go_on, _open) = (go_on.clone(), &open);
            async move {
                if number == 1 && hold {
                    go_on.notified().await;
                }
                let is_tool = event["type"] == "toolResult" || event["type"] == "payment";
                tokio::time::sleep(if is_tool { pause * 12 } else { pause }).await;
                Ok::<_, std::convert::Infallible>(format!("data: {event}\n\n"))
            }
        });
        Body::from_stream(frames)
    }
}

/// Two events in seven pieces, with other line ends, a comment and a field that nobody asked for.
fn split() -> Body {
    let pieces = [
        ": a comment\r\n\r\nda",
        "ta: {\"type\":\"text\",",
        "\"text\":\"13 \u{b0}",
        "C\"}\r",
        "\n\r\nevent: message\r\nda",
        "ta:{\"type\":\"done\",\"model\":\"m\"}\n",
        "\n",
    ];
    let pieces = stream::iter(pieces).then(|piece| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok::<_, std::convert::Infallible>(piece)
    });
    Body::from_stream(pieces)
}
