//! What a tool call came to.

use rmcp::model::CallToolResult;
use serde_json::Value;

/// A result longer than this is cut: it would crowd everything else out of the conversation.
const TEXT_MAX: usize = 50_000;

/// The end of a tool call. The payment stands apart because a call that failed may still have paid.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// The result, or a sentence that says why there is none.
    pub(crate) result: Result<Value, String>,
    pub(crate) payment: Option<Value>,
}

impl Outcome {
    pub(crate) fn failed(sentence: impl Into<String>) -> Self {
        Self {
            result: Err(sentence.into()),
            payment: None,
        }
    }

    /// Structured content is what programs read; a server without it answers in text.
    pub(crate) fn from_mcp(result: CallToolResult) -> Self {
        let text: Vec<&str> = result
            .content
            .iter()
            .filter_map(|block| block.as_text())
            .map(|text| text.text.as_str())
            .collect();
        let text = shorten(text.join("\n"));
        let structured = result.structured_content.filter(|value| !value.is_null());
        let payment = structured
            .as_ref()
            .and_then(|value| value.get("payment"))
            .filter(|value| value.is_object())
            .cloned();
        let result = match (result.is_error == Some(true), structured) {
            (true, structured) => Err(explanation(text, structured)),
            (false, Some(structured)) => Ok(structured),
            (false, None) => Ok(Value::String(text)),
        };
        Self { result, payment }
    }
}

fn explanation(text: String, structured: Option<Value>) -> String {
    match structured {
        _ if !text.trim().is_empty() => text,
        Some(structured) => shorten(structured.to_string()),
        None => "The tool failed and did not say why.".to_owned(),
    }
}

fn shorten(mut text: String) -> String {
    if text.len() > TEXT_MAX {
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        text.push_str(" [cut]");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(result: Value, expected: Result<Value, &str>, payment: Option<Value>) {
        let outcome = Outcome::from_mcp(serde_json::from_value(result).unwrap());
        assert_eq!(
            outcome,
            Outcome {
                result: expected.map_err(str::to_owned),
                payment
            }
        );
    }

    #[test]
    fn structured_content_is_preferred() {
        let receipt = json!({"amount": "10000"});
        check(
            json!({"content": [{"type": "text", "text": "11"}], "structuredContent": {"city": "Tokyo", "payment": receipt}}),
            Ok(json!({"city": "Tokyo", "payment": receipt})),
            Some(receipt.clone()),
        );
        check(
            json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
            Ok(json!("a\nb")),
            None,
        );
        check(json!({"content": []}), Ok(json!("")), None);
        check(
            json!({"content": [], "structuredContent": {"payment": null}}),
            Ok(json!({"payment": null})),
            None,
        );
    }

    #[test]
    fn an_error_keeps_its_sentence_and_its_payment() {
        let receipt = json!({"amount": "10000"});
        check(
            json!({"content": [{"type": "text", "text": "No such city."}], "isError": true, "structuredContent": {"payment": receipt}}),
            Err("No such city."),
            Some(receipt),
        );
        check(
            json!({"content": [], "isError": true}),
            Err("The tool failed and did not say why."),
            None,
        );
    }
}
