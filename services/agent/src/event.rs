//! The events that a caller gets while its turn runs, and how the turn learns that the caller has disconnected.

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

/// One thing that happened in a turn. On the wire it is a JSON object tagged by `type`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Event {
    Text {
        text: String,
    },
    ToolCall {
        id: String,
        name: String,
        arguments: Map<String, Value>,
    },
    Payment {
        tool_call_id: String,
        receipt: Value,
    },
    ToolResult {
        id: String,
        name: String,
        ok: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    Error(Failure),
    Done {
        stop_reason: String,
        model: String,
        steps: u32,
        input_tokens: u64,
        output_tokens: u64,
    },
}

/// Why a turn could not be finished: a code for programs, and a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }
}

/// The sending half of one invocation's answer. The channel has no bound because the turn's own limits (steps and tokens) bound
/// what can be in it, and a slow reader must never hold up a payment.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The conversation that the invocation belongs to.
    session_id: Option<String>,
    events: mpsc::UnboundedSender<Event>,
}

impl Caller {
    /// A caller, and the events that it will hear.
    pub(crate) fn new(session_id: Option<String>) -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (events, receiver) = mpsc::unbounded_channel();
        (Self { session_id, events }, receiver)
    }

    pub(crate) fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// Tells the caller, if it is still there.
    pub(crate) fn emit(&self, event: Event) {
        if self.events.send(event).is_err() {
            tracing::debug!("the caller has gone; an event was dropped");
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.events.is_closed()
    }

    /// Returns when the caller has gone.
    pub(crate) async fn gone(&self) {
        self.events.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn check(event: &Event, expected: &Expect) {
        expected.assert_eq(&serde_json::to_string(event).unwrap());
    }

    #[test]
    fn wire_form() {
        check(
            &Event::Text { text: "11".into() },
            &expect![[r#"{"type":"text","text":"11"}"#]],
        );
        check(
            &Event::Payment {
                tool_call_id: "t1".into(),
                receipt: json!({"amount": "10000"}),
            },
            &expect![[r#"{"type":"payment","toolCallId":"t1","receipt":{"amount":"10000"}}"#]],
        );
        check(
            &Event::ToolResult {
                id: "t1".into(),
                name: "get_price".into(),
                ok: false,
                result: None,
                error: Some("no".into()),
            },
            &expect![[
                r#"{"type":"toolResult","id":"t1","name":"get_price","ok":false,"error":"no"}"#
            ]],
        );
        check(
            &Event::Error(Failure::new("modelUnavailable", "Try again.")),
            &expect![[r#"{"type":"error","code":"modelUnavailable","message":"Try again."}"#]],
        );
        check(
            &Event::Done {
                stop_reason: "endTurn".into(),
                model: "m".into(),
                steps: 2,
                input_tokens: 3,
                output_tokens: 4,
            },
            &expect![[
                r#"{"type":"done","stopReason":"endTurn","model":"m","steps":2,"inputTokens":3,"outputTokens":4}"#
            ]],
        );
    }
}
