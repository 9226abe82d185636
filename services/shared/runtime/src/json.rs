//! JSON of foreign parties: the values are bounded, and their texts go through `text`.

use serde_json::{Map, Value};

use crate::text::{CUT, clean, clean_lines};

/// The longest key of a JSON object that counts as a name.
const KEY_CHARACTERS_MAX: usize = 200;

/// A JSON value with clean texts and names, of about `bytes_max` bytes when it is written. What comes after that is left out,
/// and the last text ends with ` [cut]`.
pub fn clean_json(value: &Value, bytes_max: usize) -> Value {
    let mut bytes_left = bytes_max;
    clean_part(value, &mut bytes_left)
}

fn clean_part(value: &Value, bytes_left: &mut usize) -> Value {
    match value {
        Value::String(text) => clean_text(text, bytes_left).into(),
        Value::Array(values) => {
            take(bytes_left, 2);
            let kept = values.iter().map_while(|value| {
                take(bytes_left, 1);
                (*bytes_left > 0).then(|| clean_part(value, bytes_left))
            });
            kept.collect()
        }
        Value::Object(fields) => {
            take(bytes_left, 2);
            let kept = fields.iter().map_while(|(name, value)| {
                let name = clean(name, KEY_CHARACTERS_MAX);
                take(bytes_left, name.len() + 4);
                (*bytes_left > 0).then(|| (name, clean_part(value, bytes_left)))
            });
            Value::Object(kept.collect::<Map<_, _>>())
        }
        other => {
            take(bytes_left, other.to_string().len());
            other.clone()
        }
    }
}

fn clean_text(text: &str, bytes_left: &mut usize) -> String {
    let mut cleaned = clean_lines(text, *bytes_left).into_owned();
    if cleaned.len() > *bytes_left + CUT.len() {
        cleaned.truncate(cleaned.floor_char_boundary(*bytes_left));
        cleaned.push_str(CUT);
    }
    take(bytes_left, cleaned.len() + 2);
    cleaned
}

fn take(bytes_left: &mut usize, bytes: usize) {
    *bytes_left = bytes_left.saturating_sub(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_keep_their_shape_within_a_size() {
        let value = json!({ "city": "Os\u{202e}lo", "a\u{1b}[31mb": [1, true, null, "x\ny"], "n": { "deep": 2.5 } });
        let cleaned =
            json!({ "city": "Oslo", "ab": [1, true, null, "x\ny"], "n": { "deep": 2.5 } });
        assert_eq!(clean_json(&value, 1_000), cleaned);
        let long = json!({ "a": "ok", "note": "ü".repeat(2_000_000), "z": 1 });
        let cut = clean_json(&long, 1_000);
        assert_eq!(cut["a"], "ok");
        assert!(cut["note"].as_str().unwrap().ends_with(CUT) && cut.get("z").is_none());
        for wide in [
            json!(vec![json!({}); 100_000]),
            json!(vec![""; 100_000]),
            json!(vec![1e300; 100_000]),
            json!(
                (0..100_000)
                    .map(|key| (key.to_string(), json!(null)))
                    .collect::<Map<_, _>>()
            ),
            json!({ ("k".repeat(1_000_000)): "v".repeat(1_000_000) }),
        ] {
            let bytes = clean_json(&wide, 1_000).to_string().len();
            assert!(bytes < 2_500, "{bytes} bytes");
        }
    }
}
