//! The whole of a turn as one JSON document, for callers that do not stream.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::event::{Event, Failure};

/// Collects the events of one turn.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Transcript {
    text: String,
    tool_calls: Vec<ToolCall>,
    payments: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    stop_reason: String,
    model: String,
    steps: u32,
    usage: Usage,
    /// Text after a tool call starts a new paragraph.
    #[serde(skip)]
    paragraph_ended: bool,
}

#[derive(Debug, Serialize)]
struct ToolCall {
    id: String,
    name: String,
    arguments: Map<String, Value>,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
}

impl Transcript {
    pub(crate) fn add(&mut self, event: Event) {
        match event {
            Event::Text { text } => {
                if self.paragraph_ended && !self.text.is_empty() {
                    self.text.push_str("\n\n");
                }
                self.paragraph_ended = false;
                self.text.push_str(&text);
            }
            Event::ToolCall {
                id,
                name,
                arguments,
            } => {
                self.paragraph_ended = true;
                self.tool_calls.push(ToolCall {
                    id,
                    name,
                    arguments,
                    ok: false,
                    result: None,
                    error: None,
                });
            }
            Event::Payment { receipt, .. } => self.payments.push(receipt),
            Event::ToolResult {
                id,
                ok,
                result,
                error,
                ..
            } => {
                // The newest call with this id, because nothing makes a model's ids unique over several steps.
                if let Some(call) = self.tool_calls.iter_mut().rev().find(|call| call.id == id) {
                    (call.ok, call.result, call.error) = (ok, result, error);
                }
            }
            Event::Error(failure) => self.error = Some(failure),
            Event::Done {
                stop_reason,
                model,
                steps,
                input_tokens,
                output_tokens,
            } => {
                (self.stop_reason, self.model, self.steps) = (stop_reason, model, steps);
                self.usage = Usage {
                    input_tokens,
                    output_tokens,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn events_become_one_document() {
        let mut transcript = Transcript::default();
        let id = || "t1".to_owned();
        for event in [
            Event::Text {
                text: "Let me ".into(),
            },
            Event::Text {
                text: "look.".into(),
            },
            Event::ToolCall {
                id: id(),
                name: "get_weather".into(),
                arguments: Map::new(),
            },
            Event::Payment {
                tool_call_id: id(),
                receipt: json!({"amount": "10000"}),
            },
            Event::ToolResult {
                id: id(),
                name: "get_weather".into(),
                ok: true,
                result: Some(json!({"city": "Tokyo"})),
                error: None,
            },
            Event::Text {
                text: "11 °C.".into(),
            },
            Event::Error(Failure::new("tokenLimit", "Cut off.")),
            Event::Done {
                stop_reason: "maxTokens".into(),
                model: "m".into(),
                steps: 2,
                input_tokens: 30,
                output_tokens: 40,
            },
        ] {
            transcript.add(event);
        }
        expect![[r#"{"text":"Let me look.\n\n11 °C.","toolCalls":[{"id":"t1","name":"get_weather","arguments":{},"ok":true,"result":{"city":"Tokyo"}}],"payments":[{"amount":"10000"}],"error":{"code":"tokenLimit","message":"Cut off."},"stopReason":"maxTokens","model":"m","steps":2,"usage":{"inputTokens":30,"outputTokens":40}}"#]].assert_eq(&serde_json::to_string(&transcript).unwrap());
    }
}
