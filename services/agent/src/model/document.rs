//! JSON in the form that the AWS SDK takes it.

use aws_smithy_types::{Document, Number};
use serde_json::{Map, Value};

/// The same JSON as a Smithy document.
pub(crate) fn from_json(value: &Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(truth) => Document::Bool(*truth),
        Value::Number(number) => Document::Number(from_number(number)),
        Value::String(text) => Document::String(text.clone()),
        Value::Array(items) => Document::Array(items.iter().map(from_json).collect()),
        Value::Object(fields) => from_object(fields),
    }
}

/// The same JSON object as a Smithy document.
pub(crate) fn from_object(fields: &Map<String, Value>) -> Document {
    Document::Object(
        fields
            .iter()
            .map(|(name, value)| (name.clone(), from_json(value)))
            .collect(),
    )
}

fn from_number(number: &serde_json::Number) -> Number {
    if let Some(number) = number.as_u64() {
        Number::PosInt(number)
    } else if let Some(number) = number.as_i64() {
        Number::NegInt(number)
    } else {
        Number::Float(number.as_f64().unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_json() {
        let document = from_json(&json!({"a": [null, true, 7, -7, 0.5, "text"]}));
        let expected = Document::Array(vec![
            Document::Null,
            Document::Bool(true),
            Document::Number(Number::PosInt(7)),
            Document::Number(Number::NegInt(-7)),
            Document::Number(Number::Float(0.5)),
            Document::String("text".into()),
        ]);
        assert_eq!(document.as_object().unwrap()["a"], expected);
    }
}
