//! A tool's input schema as every model of Bedrock takes it.
//!
//! Amazon Nova refuses a request whose schema has anything but `type`, `properties` and `required` at its top
//! (<https://docs.aws.amazon.com/nova/latest/userguide/prompting-tool-troubleshooting.html>; zed-industries/zed#28521 has the words:
//! "extraneous key [definitions] is not permitted"). Other models lose nothing: what stands elsewhere at the top is for validators.

use serde_json::{Map, Value, json};

/// Deeper than this a schema that contains itself is cut off: whatever stands there may be anything.
const DEPTH_MAX: usize = 12;
/// Where schemas keep what they refer to.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];
/// Maps from a name to a schema.
const NAMED: [&str; 2] = ["patternProperties", "properties"];

/// More parts than this no tool of a person's making has; one that unfolds into more is cut off.
const PARTS_MAX: usize = 2_000;

/// The schema with nothing else at its top, and with what it refers to in the place of each reference.
pub(crate) fn for_model(schema: &Map<String, Value>) -> Map<String, Value> {
    let whole = Value::Object(schema.clone());
    let mut inliner = Inliner {
        whole: &whole,
        parts_left: PARTS_MAX,
    };
    let top = inliner.object(schema, 0);
    let mut result = Map::new();
    result.insert("type".to_owned(), json!("object"));
    let properties = top.get("properties").filter(|value| value.is_object());
    result.insert(
        "properties".to_owned(),
        properties.cloned().unwrap_or_else(|| json!({})),
    );
    if let Some(required) = top.get("required").filter(|value| value.is_array()) {
        result.insert("required".to_owned(), required.clone());
    }
    result
}

struct Inliner<'a> {
    whole: &'a Value,
    parts_left: usize,
}

impl Inliner<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.value(item, depth)).collect(),
            Value::Object(fields) => Value::Object(self.object(fields, depth)),
            other => other.clone(),
        }
    }

    fn object(&mut self, fields: &Map<String, Value>, depth: usize) -> Map<String, Value> {
        if depth > DEPTH_MAX || self.parts_left == 0 {
            return Map::new();
        }
        self.parts_left -= 1;
        let target = fields.get("$ref").and_then(Value::as_str);
        let target = target.and_then(|path| self.whole.pointer(path.strip_prefix('#')?));
        let mut result = match target {
            Some(Value::Object(target)) => self.object(target, depth + 1),
            _ => Map::new(),
        };
        let is_kept = |name: &str| !name.starts_with('$') && !DEFINITIONS.contains(&name);
        // What is said beside a reference, such as a description, is said of this place.
        for (name, value) in fields.iter().filter(|(name, _)| is_kept(name)) {
            let value = match value {
                // The names in here are not words of JSON Schema.
                Value::Object(named) if NAMED.contains(&name.as_str()) => named
                    .iter()
                    .map(|(name, value)| (name.clone(), self.value(value, depth + 1)))
                    .collect(),
                other => self.value(other, depth + 1),
            };
            result.insert(name.clone(), value);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn told(schema: Value) -> String {
        let Value::Object(schema) = schema else {
            panic!()
        };
        Value::Object(for_model(&schema)).to_string()
    }

    #[test]
    fn nothing_but_three_keys_at_the_top() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Arguments",
            "description": "of a call",
            "additionalProperties": false,
            "type": "object",
            "properties": {"city": {"type": "string", "description": "A city", "title": "City"}},
            "required": ["city"],
        });
        expect![[r#"{"properties":{"city":{"description":"A city","title":"City","type":"string"}},"required":["city"],"type":"object"}"#]]
            .assert_eq(&told(schema));
        expect![[r#"{"properties":{},"type":"object"}"#]]
            .assert_eq(&told(json!({"type": "object"})));
    }

    #[test]
    fn references_are_replaced_by_what_they_lead_to() {
        let schema = json!({
            "type": "object",
            "$defs": {"place": {"type": "object", "properties": {"at": {"$ref": "#/$defs/point"}}}, "point": {"type": "array", "items": {"type": "number"}}},
            "definitions": {"unit": {"enum": ["C", "F"]}},
            "properties": {
                "from": {"$ref": "#/$defs/place", "description": "where it begins"},
                "unit": {"anyOf": [{"$ref": "#/definitions/unit"}, {"type": "null"}]},
                "lost": {"$ref": "#/$defs/nothing"},
                "definitions": {"type": "string"},
            },
        });
        expect![[r#"{"properties":{"definitions":{"type":"string"},"from":{"description":"where it begins","properties":{"at":{"items":{"type":"number"},"type":"array"}},"type":"object"},"lost":{},"unit":{"anyOf":[{"enum":["C","F"]},{"type":"null"}]}},"type":"object"}"#]]
            .assert_eq(&told(schema));
    }

    #[test]
    fn what_contains_itself_ends() {
        let schema = json!({
            "type": "object",
            "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
            "properties": {"list": {"$ref": "#/$defs/node"}, "self": {"$ref": "#"}},
        });
        let endless = told(schema);
        let both = json!({"$ref": "#/$defs/tree"});
        let schema = json!({
            "type": "object",
            "$defs": {"tree": {"properties": {"a": both, "b": both, "c": both, "d": both}}},
            "properties": {"tree": both},
        });
        assert!(told(schema).len() < 100_000);
        let told = endless;
        assert!(
            !told.contains("$ref") && told.len() < 20_000,
            "{}",
            told.len()
        );
    }
}
