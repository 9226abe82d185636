//! What a tool call came to.

use rmcp::model::CallToolResult;
use runtime::json::clean_json;
use runtime::text::clean_lines;
use serde_json::Value;

/// A result longer than this is cut: it would crowd everything else out of the conversation. Bytes of structured content.
const TEXT_MAX: usize = 50_000;
/// A receipt takes 700 bytes. It stays whole where the rest of a result is cut.
const PAYMENT_BYTES_MAX: usize = 4_000;

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

    /// Structured content is what programs read; a server without it answers in text. Both are a stranger's words, and go on
    /// cut and clean.
    pub(crate) fn from_mcp(result: CallToolResult) -> Self {
        let text: Vec<&str> = result
            .content
            .iter()
            .filter_map(|block| block.as_text())
            .map(|text| text.text.as_str())
            .collect();
        let text = clean_lines(&text.join("\n"), TEXT_MAX).into_owned();
        let mut structured = result.structured_content.filter(|value| !value.is_null());
        let payment = structured
            .as_mut()
            .and_then(|value| value.as_object_mut()?.remove("payment"))
            .map(|payment| clean_json(&payment, PAYMENT_BYTES_MAX));
        let structured = structured.map(|value| {
            let mut value = clean_json(&value, TEXT_MAX);
            if let (Some(fields), Some(payment)) = (value.as_object_mut(), &payment) {
                fields.insert("payment".to_owned(), payment.clone());
            }
            value
        });
        let payment = payment.filter(Value::is_object);
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
        Some(structured) => structured.to_string(),
        None => "The tool failed and did not say why.".to_owned(),
    }
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

    #[test]
    fn what_a_tool_says_is_cut_and_clean_and_its_payment_stays_whole() {
        let receipt =
            json!({"amount": "10000", "transaction": "0x12", "resource": "http://shop/weather"});
        let long = "\u{1b}[31mred\u{202e}".to_owned() + &"x".repeat(2_000_000);
        let of = |result: Value| Outcome::from_mcp(serde_json::from_value(result).unwrap());
        for note in [
            json!(long),
            json!(vec![long.clone(); 3]),
            json!(vec![1; 1_000_000]),
        ] {
            let content = json!({"a": "ok", "note": note, "payment": receipt, "z": 1});
            let outcome = of(json!({"content": [], "structuredContent": content}));
            let result = outcome.result.unwrap();
            assert!(
                result.to_string().len() < 110_000,
                "{}",
                result.to_string().len()
            );
            assert!(!result.to_string().contains("u001b"));
            assert_eq!((&result["a"], &result["payment"]), (&json!("ok"), &receipt));
            assert_eq!(outcome.payment, Some(receipt.clone()));
        }
        for is_error in [true, false] {
            let outcome =
                of(json!({"content": [{"type": "text", "text": long}], "isError": is_error}));
            let said = outcome
                .result
                .map_or_else(|error| error, |value| value.as_str().unwrap().to_owned());
            assert!(said.starts_with("redxxx") && said.ends_with("[cut]") && said.len() < 60_000);
        }
        let content = json!({"payment": {"amount": "1", "note": long}});
        let outcome = of(json!({"content": [], "structuredContent": content}));
        assert!(outcome.payment.unwrap().to_string().len() < 5_000);
    }
}
