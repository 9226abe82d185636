//! Whether an example fits its JSON Schema (2020-12).
//!
//! Only what is certain is a misfit: `pattern`, `not`, conditions and the rarer keywords are left out, and of `oneOf` only that
//! none fits. A validator would be ten times the rest of what the tool compiles for this.

use crate::schema::resolve;
use serde_json::{Map, Value};

/// References and schemas within each other: more is a circle.
const DEPTH_MAX: usize = 64;

/// Each with its place: "`city` is not a string".
pub(crate) fn misfits(example: &Value, schema: &Value, whole: &Value) -> Vec<String> {
    let mut judge = Judge {
        whole,
        misfits: Vec::new(),
    };
    judge.hold(example, schema, "", 0);
    judge.misfits
}

struct Judge<'a> {
    /// From whose root references count.
    whole: &'a Value,
    misfits: Vec<String>,
}

impl Judge<'_> {
    fn hold(&mut self, value: &Value, schema: &Value, place: &str, depth: usize) {
        let Value::Object(keywords) = schema else {
            if *schema == Value::Bool(false) {
                self.say(place, "is not allowed");
            }
            return;
        };
        if depth > DEPTH_MAX {
            self.say(place, "has a schema that refers to itself");
            return;
        }
        let get = |keyword: &str| keywords.get(keyword);
        if let Some(of_type) = get("type")
            && !of_any_type(value, of_type)
        {
            self.say(place, &format!("is not of type {}", words(of_type)));
        }
        if let Some(options) = get("enum").and_then(Value::as_array)
            && !options.iter().any(|option| same(option, value))
        {
            self.say(place, "is not one of the `enum`");
        }
        if get("const").is_some_and(|only| !same(only, value)) {
            self.say(place, "is not the `const`");
        }
        self.numbers(value, keywords, place);
        let size = match value {
            Value::String(text) => Some((text.chars().count(), "minLength", "maxLength")),
            Value::Array(items) => Some((items.len(), "minItems", "maxItems")),
            Value::Object(members) => Some((members.len(), "minProperties", "maxProperties")),
            _ => None,
        };
        if let Some((size, least, most)) = size {
            let limit = |keyword| get(keyword).and_then(Value::as_u64);
            let size = size as u64;
            if limit(least).is_some_and(|least| size < least) {
                self.say(place, &format!("is below `{least}`"));
            }
            if limit(most).is_some_and(|most| size > most) {
                self.say(place, &format!("is above `{most}`"));
            }
        }
        if let Value::Object(members) = value {
            self.members(members, keywords, place, depth);
        }
        if let Value::Array(items) = value {
            self.items(items, keywords, place, depth);
        }
        self.others(value, keywords, place, depth);
    }

    fn numbers(&mut self, value: &Value, keywords: &Map<String, Value>, place: &str) {
        let Some(number) = value.as_f64() else { return };
        type Breaks = fn(f64, f64) -> bool;
        let limits: [(&str, Breaks); 4] = [
            ("minimum", |number, limit| number < limit),
            ("maximum", |number, limit| number > limit),
            ("exclusiveMinimum", |number, limit| number <= limit),
            ("exclusiveMaximum", |number, limit| number >= limit),
        ];
        for (keyword, breaks) in limits {
            let limit = keywords.get(keyword).and_then(Value::as_f64);
            if limit.is_some_and(|limit| breaks(number, limit)) {
                self.say(place, &format!("breaks its `{keyword}`"));
            }
        }
    }

    fn members(
        &mut self,
        members: &Map<String, Value>,
        keywords: &Map<String, Value>,
        place: &str,
        depth: usize,
    ) {
        let required = keywords.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                self.say(&within(place, name), "is required and missing");
            }
        }
        let properties = keywords.get("properties").and_then(Value::as_object);
        for (name, member) in members {
            let schema = properties.and_then(|properties| properties.get(name));
            // Which names a pattern takes is not judged here.
            let other = match keywords.contains_key("patternProperties") {
                true => None,
                false => keywords.get("additionalProperties"),
            };
            if let Some(schema) = schema.or(other) {
                self.hold(member, schema, &within(place, name), depth + 1);
            }
        }
    }

    fn items(&mut self, items: &[Value], keywords: &Map<String, Value>, place: &str, depth: usize) {
        let first = keywords.get("prefixItems").and_then(Value::as_array);
        for (index, item) in items.iter().enumerate() {
            let own = first.and_then(|schemas| schemas.get(index));
            if let Some(schema) = own.or_else(|| keywords.get("items")) {
                self.hold(item, schema, &within(place, &index.to_string()), depth + 1);
            }
        }
    }

    /// Schemas that say more of the same value.
    fn others(&mut self, value: &Value, keywords: &Map<String, Value>, place: &str, depth: usize) {
        let reference = keywords.get("$ref").and_then(Value::as_str);
        if let Some(schema) = reference.and_then(|reference| resolve(reference, self.whole)) {
            self.hold(value, schema, place, depth + 1);
        }
        let list = |keyword: &str| keywords.get(keyword).and_then(Value::as_array);
        for schema in list("allOf").into_iter().flatten() {
            self.hold(value, schema, place, depth + 1);
        }
        for keyword in ["anyOf", "oneOf"] {
            let Some(schemas) = list(keyword) else {
                continue;
            };
            let fits = |schema: &Value| {
                let mut judge = Judge {
                    whole: self.whole,
                    misfits: Vec::new(),
                };
                judge.hold(value, schema, place, depth + 1);
                judge.misfits.is_empty()
            };
            if !schemas.iter().any(fits) {
                self.say(place, &format!("fits none of its `{keyword}`"));
            }
        }
    }

    fn say(&mut self, place: &str, what: &str) {
        let place = match place {
            "" => "the example",
            place => &format!("`{place}`"),
        };
        self.misfits.push(format!("{place} {what}"));
    }
}

fn within(place: &str, name: &str) -> String {
    match place {
        "" => name.to_owned(),
        place => format!("{place}/{name}"),
    }
}

fn of_any_type(value: &Value, of_type: &Value) -> bool {
    match of_type {
        Value::Array(types) => types.iter().any(|name| of_any_type(value, name)),
        name => match name.as_str() {
            Some("null") => value.is_null(),
            Some("boolean") => value.is_boolean(),
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("number") => value.is_number(),
            Some("integer") => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            _ => true,
        },
    }
}

/// 1 and 1.0 are one number.
fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

fn words(of_type: &Value) -> String {
    match of_type {
        Value::Array(types) => {
            let names = types.iter().filter_map(Value::as_str);
            names.collect::<Vec<_>>().join(" or ")
        }
        name => name.as_str().unwrap_or_default().to_owned(),
    }
}
