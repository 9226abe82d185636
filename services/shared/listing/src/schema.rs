//! Whether something is a JSON Schema (2020-12) that stands alone. Keywords that are not known here say nothing, as in the
//! specification.

use crate::error::{ListingError, Which};
use serde_json::{Map, Value};

const TYPES: &[&str] = &[
    "null", "boolean", "object", "array", "number", "string", "integer",
];
/// Keywords by what stands under them.
const ONE_SCHEMA: &[&str] = &[
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
const LIST_OF_SCHEMAS: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];
const SCHEMAS_BY_NAME: &[&str] = &[
    "$defs",
    "dependentSchemas",
    "patternProperties",
    "properties",
];
const COUNTS: &[&str] = &[
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
];
const NUMBERS: &[&str] = &[
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maximum",
    "minimum",
    "multipleOf",
];
const TEXTS: &[&str] = &["$comment", "description", "format", "pattern", "title"];

/// What is wrong with a schema.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A keyword with something under it that does not belong there.
    Form(String),
    /// A reference, and whether it would have meant something if the schema were not a part of another.
    Lost(String, bool),
}

impl Fault {
    pub(crate) fn of(self, which: Which) -> ListingError {
        match self {
            Self::Form(text) => ListingError::Schema(which, text),
            Self::Lost(reference, is_own) => {
                let place = match which {
                    Which::Query => "#/properties/input/properties/queryParams",
                    Which::Answer => "#/properties/output/properties/example",
                };
                let instead = is_own.then(|| [place, reference.trim_start_matches('#')].concat());
                ListingError::Lost(which, reference, instead)
            }
        }
    }
}

/// All faults of a schema that is a part of `whole`, from whose root references count.
pub(crate) fn faults(schema: &Value, whole: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    look(schema, "", &mut |place, keyword, value| {
        let shown = format!("{}{keyword}", &place);
        if keyword == "$ref" {
            let reference = value.as_str().unwrap_or_default();
            if resolve(reference, whole).is_none() {
                let is_own = resolve(reference, schema).is_some();
                faults.push(Fault::Lost(reference.to_owned(), is_own));
            }
        } else if let Some(expected) = misplaced(keyword, value) {
            faults.push(Fault::Form(format!("`{shown}` is not {expected}")));
        }
    });
    faults
}

/// Hands over every keyword of a schema and of those in it; a value that is not a schema comes as the keyword "".
fn look(schema: &Value, place: &str, found: &mut impl FnMut(&str, &str, &Value)) {
    let Value::Object(keywords) = schema else {
        if !schema.is_boolean() {
            found(place.trim_end_matches('/'), "", schema);
        }
        return;
    };
    for (keyword, value) in keywords {
        found(place, keyword, value);
        let keyword_str = keyword.as_str();
        if ONE_SCHEMA.contains(&keyword_str) {
            look(value, &format!("{place}{keyword}/"), found);
        } else if let (true, Some(list)) =
            (LIST_OF_SCHEMAS.contains(&keyword_str), value.as_array())
        {
            for (index, inner) in list.iter().enumerate() {
                look(inner, &format!("{place}{keyword}/{index}/"), found);
            }
        } else if let (true, Some(named)) =
            (SCHEMAS_BY_NAME.contains(&keyword_str), value.as_object())
        {
            for (name, inner) in named {
                look(inner, &format!("{place}{keyword}/{name}/"), found);
            }
        }
    }
}

/// What should stand under the keyword instead.
fn misplaced(keyword: &str, value: &Value) -> Option<&'static str> {
    let is_type = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    let all =
        |test: &dyn Fn(&Value) -> bool| value.as_array().is_some_and(|list| list.iter().all(test));
    let (fits, expected) = match keyword {
        "" => (false, "a schema: an object, true or false"),
        "type" => (
            is_type(value) || all(&is_type),
            "null, boolean, object, array, number, string or integer, or a list of these",
        ),
        "required" => (all(&Value::is_string), "a list of names"),
        "enum" => (value.is_array(), "a list of values"),
        _ if LIST_OF_SCHEMAS.contains(&keyword) => (
            value.as_array().is_some_and(|list| !list.is_empty()),
            "a list of schemas",
        ),
        _ if SCHEMAS_BY_NAME.contains(&keyword) => (value.is_object(), "an object of schemas"),
        _ if COUNTS.contains(&keyword) => (value.is_u64(), "a whole number"),
        _ if NUMBERS.contains(&keyword) => (value.is_number(), "a number"),
        _ if TEXTS.contains(&keyword) => (value.is_string(), "a text"),
        _ => return None,
    };
    (!fits).then_some(expected)
}

/// What `#`, `#/a/b` or `#anchor` means in a schema.
pub(crate) fn resolve<'a>(reference: &str, whole: &'a Value) -> Option<&'a Value> {
    match reference.strip_prefix('#')? {
        "" => Some(whole),
        pointer if pointer.starts_with('/') => whole.pointer(pointer),
        name => anchored(name, whole),
    }
}

fn anchored<'a>(name: &str, schema: &'a Value) -> Option<&'a Value> {
    let is_it =
        |object: &Map<String, Value>| object.get("$anchor").and_then(Value::as_str) == Some(name);
    match schema {
        Value::Object(object) if is_it(object) => Some(schema),
        Value::Object(object) => object.values().find_map(|inner| anchored(name, inner)),
        Value::Array(items) => items.iter().find_map(|inner| anchored(name, inner)),
        _ => None,
    }
}

/// A `$ref` or `$id` to anywhere but the schema itself.
pub(crate) fn foreign_reference(schema: &Value) -> Option<String> {
    match schema {
        Value::Array(items) => items.iter().find_map(foreign_reference),
        Value::Object(members) => members.iter().find_map(|(key, value)| {
            let local = value.as_str().is_some_and(|text| text.starts_with('#'));
            if (key == "$ref" || key == "$id") && !local {
                return Some(
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned),
                );
            }
            foreign_reference(value)
        }),
        _ => None,
    }
}
