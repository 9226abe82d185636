//! The ways a value gets into a template. Each keeps it in its place: whatever it contains, it stays one scalar.

use std::fmt::Write as _;

use tera::{Kwargs, State, Tera, TeraResult, Value};

use super::names;

/// What every filter says of a value that is not there; the caller adds which value that is.
pub(super) const MISSING: &str = "the value is missing";

/// Adds our filters and tests to an engine.
pub(crate) fn register(tera: &mut Tera) {
    tera.register_filter("yaml", |value: Value, _: Kwargs, _: &State| scalar(&value));
    tera.register_filter("yaml_part", |value: Value, _: Kwargs, _: &State| {
        part(text(&value)?)
    });
    tera.register_filter("sub_part", |value: Value, _: Kwargs, _: &State| {
        sub_part(text(&value)?)
    });
    tera.register_filter("logical_id", |value: Value, _: Kwargs, _: &State| {
        logical_id(&names::pascal_case(text(&value)?))
    });
    tera.register_filter("parameter", |value: Value, _: Kwargs, _: &State| {
        logical_id(text(&value)?)
    });
    tera.register_filter("runtime_name", |value: Value, _: Kwargs, _: &State| {
        runtime_name(&names::underscored(text(&value)?))
    });
    tera.register_test("given", |value: Value, _: Kwargs, _: &State| given(&value));
    tera.register_test("inference_profile", |value: &str, _: Kwargs, _: &State| {
        names::profiled_model(value).is_some()
    });
    tera.register_filter("foundation_model", |value: &str, _: Kwargs, _: &State| {
        names::profiled_model(value).unwrap_or(value).to_owned()
    });
}

fn text(value: &Value) -> TeraResult<&str> {
    if value.is_undefined() || value.is_none() {
        return Err(tera::Error::message(MISSING));
    }
    value
        .as_str()
        .ok_or_else(|| tera::Error::message(format!("a {:?} is not a text", value.kind())))
}

/// `yaml`: a whole scalar, quoted where it is a text. JSON is YAML, apart from what `part` looks after.
fn scalar(value: &Value) -> TeraResult<String> {
    if value.is_string() || value.is_undefined() || value.is_none() {
        return Ok(format!("\"{}\"", part(text(value)?)?));
    }
    if let Some(items) = value.as_array() {
        let items: Vec<String> = items.iter().map(scalar).collect::<TeraResult<_>>()?;
        return Ok(format!("[{}]", items.join(", ")));
    }
    if value.is_bool() || value.is_number() {
        return Ok(value.to_string());
    }
    Err(tera::Error::message(format!(
        "a {:?} is not YAML scalar",
        value.kind()
    )))
}

/// `yaml_part`: what stands between two double quotes.
fn part(text: &str) -> TeraResult<String> {
    if text.contains("{{resolve:") {
        // CloudFormation knows no way to write these ten characters as mere text, and would fetch what they name.
        return Err(tera::Error::message(format!(
            "{text:?} is a dynamic reference; name secrets under `secrets` instead"
        )));
    }
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            // YAML forbids or folds these where JSON would let them stand.
            '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                write!(quoted, "\\u{:04x}", u32::from(character))
                    .expect("a String takes every write");
            }
            _ => quoted.push(character),
        }
    }
    Ok(quoted)
}

/// `sub_part`: the same within `!Sub`, where `${` begins a reference and `${!` is how to write it.
fn sub_part(text: &str) -> TeraResult<String> {
    Ok(part(text)?.replace("${", "${!"))
}

/// `logical_id` and `parameter`: a name that CloudFormation takes for a resource or a parameter.
fn logical_id(name: &str) -> TeraResult<String> {
    let fits = (1..=255).contains(&name.len())
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric());
    if fits {
        return Ok(name.to_owned());
    }
    Err(tera::Error::message(format!(
        "{name:?} is no CloudFormation id: those are made of letters and digits"
    )))
}

/// `runtime_name`: what AgentCore takes, which no schema checks.
fn runtime_name(name: &str) -> TeraResult<String> {
    if name.len() <= 48 && name.starts_with(|character: char| character.is_ascii_alphabetic()) {
        return Ok(name.to_owned());
    }
    Err(tera::Error::message(format!(
        "{name:?} is not a name for an AgentCore runtime: at most 48 characters, a letter first; shorten the project, the stage or the service"
    )))
}

/// `is given`: neither none nor false nor empty. Unlike `{% if value %}` it does not take a misspelt name for an absent value.
fn given(value: &Value) -> TeraResult<bool> {
    if value.is_undefined() {
        return Err(tera::Error::message(MISSING));
    }
    Ok(value.is_truthy())
}
