//! The parameters of a template: what was given, the defaults, and what is allowed.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::Value;

use template::{Entry, Node, Result, TemplateError};

/// The values of all parameters: text, number or a list of texts, as their types say. All problems are told at once.
pub(super) fn resolve(
    declared: &[Entry],
    given: &BTreeMap<String, String>,
) -> std::result::Result<BTreeMap<String, Value>, Vec<TemplateError>> {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for entry in declared {
        match value(entry, given.get(&entry.key)) {
            Ok(value) => {
                values.insert(entry.key.clone(), value);
            }
            Err(error) => problems.push(error.about(&format!("parameter {}", entry.key))),
        }
    }
    for name in given
        .keys()
        .filter(|name| !declared.iter().any(|entry| entry.key == **name))
    {
        problems.push(
            TemplateError::new(
                0,
                "is given but the template does not declare it",
                "declare it under Parameters, or do not pass it",
            )
            .about(&format!("parameter {name}")),
        );
    }
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(problems)
    }
}

fn value(entry: &Entry, given: Option<&String>) -> Result<Value> {
    let kind = entry
        .value
        .get("Type")
        .and_then(Node::text)
        .ok_or_else(|| TemplateError::new(entry.line, "has no Type", "add `Type: String`"))?;
    let text = match (given, entry.value.get("Default").and_then(Node::text)) {
        (Some(text), _) => text.clone(),
        (None, Some(default)) => default,
        (None, None) => {
            return Err(TemplateError::new(
                entry.line,
                "has no value and no default",
                "deploy the stack that it comes from first, or give it a Default",
            ));
        }
    };
    check_allowed(entry, &text)?;
    typed(&kind, &text, entry.line)
}

fn typed(kind: &str, text: &str, line: usize) -> Result<Value> {
    let list = || {
        Value::Array(
            text.split(',')
                .map(|item| Value::String(item.trim().to_owned()))
                .collect(),
        )
    };
    match kind {
        "String" => Ok(Value::String(text.to_owned())),
        "Number" => {
            text.trim().parse::<f64>().map_err(|_| {
                TemplateError::new(line, format!("`{text}` is not a number"), "give a number")
            })?;
            Ok(Value::String(text.trim().to_owned()))
        }
        "CommaDelimitedList" | "List<Number>" | "List<String>" => Ok(list()),
        _ if kind.starts_with("List<AWS::") => {
            if text.is_empty() {
                return Err(TemplateError::new(
                    line,
                    "is an empty list",
                    "deploy the network first",
                ));
            }
            Ok(list())
        }
        _ if kind.starts_with("AWS::") && !kind.starts_with("AWS::SSM::") => {
            if text.is_empty() {
                return Err(TemplateError::new(
                    line,
                    format!("is empty, and {kind} cannot be"),
                    "deploy the stack that it comes from first",
                ));
            }
            Ok(Value::String(text.to_owned()))
        }
        _ => Err(TemplateError::new(
            line,
            format!("the type `{kind}` is not known"),
            "use String, Number, CommaDelimitedList or an AWS:: id type",
        )),
    }
}

fn check_allowed(entry: &Entry, text: &str) -> Result<()> {
    let rule = |name: &str| entry.value.get(name);
    if let Some(allowed) = rule("AllowedValues") {
        let allowed: Vec<String> = allowed.items().iter().filter_map(Node::text).collect();
        if !allowed.iter().any(|value| value == text) {
            return Err(TemplateError::new(
                entry.line,
                format!("`{text}` is not allowed"),
                format!("one of {}", allowed.join(", ")),
            ));
        }
    }
    if let Some(pattern) = rule("AllowedPattern").and_then(Node::text) {
        // CloudFormation matches the whole value.
        let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(|error| {
            TemplateError::new(
                entry.line,
                format!("AllowedPattern is not a regular expression: {error}"),
                "correct the pattern",
            )
        })?;
        if !regex.is_match(text) {
            let shown = if is_hidden(entry) {
                "the value"
            } else {
                &format!("`{text}`")
            };
            return Err(TemplateError::new(
                entry.line,
                format!("{shown} does not match {pattern}"),
                described(entry, "give a value that matches"),
            ));
        }
    }
    let number = |name: &str| {
        rule(name)
            .and_then(Node::text)
            .and_then(|text| text.parse::<f64>().ok())
    };
    let length = text.chars().count() as f64;
    let measures = [("MinLength", length, true), ("MaxLength", length, false)];
    let value = text.parse::<f64>().unwrap_or(0.0);
    for (name, measured, at_least) in measures
        .into_iter()
        .chain([("MinValue", value, true), ("MaxValue", value, false)])
    {
        let Some(limit) = number(name) else { continue };
        if (at_least && measured < limit) || (!at_least && measured > limit) {
            return Err(TemplateError::new(
                entry.line,
                format!("breaks {name} {limit}"),
                described(entry, "give a value within the limits"),
            ));
        }
    }
    Ok(())
}

fn is_hidden(entry: &Entry) -> bool {
    entry
        .value
        .get("NoEcho")
        .and_then(Node::text)
        .is_some_and(|text| text == "true")
}

fn described(entry: &Entry, otherwise: &str) -> String {
    entry
        .value
        .get("ConstraintDescription")
        .and_then(Node::text)
        .unwrap_or_else(|| otherwise.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(declaration: &str, given: Option<&str>) -> String {
        let node = Node::parse(&format!("P: {declaration}\n")).unwrap();
        let given = given
            .map(|text| ("P".to_owned(), text.to_owned()))
            .into_iter()
            .collect();
        match resolve(node.entries(), &given) {
            Ok(values) => values["P"].to_string(),
            Err(problems) => problems[0].to_string(),
        }
    }

    #[test]
    fn values_follow_their_declarations() {
        for (declaration, given, expected) in [
            ("{Type: String}", Some("a"), "\"a\""),
            ("{Type: String, Default: 7}", None, "\"7\""),
            ("{Type: String}", None, "no value and no default"),
            ("{Type: Number}", Some("x"), "`x` is not a number"),
            ("{Type: CommaDelimitedList}", Some("a, b"), "[\"a\",\"b\"]"),
            (
                "{Type: 'List<AWS::EC2::Subnet::Id>'}",
                Some("s-1,s-2"),
                "[\"s-1\",\"s-2\"]",
            ),
            ("{Type: 'AWS::EC2::VPC::Id'}", Some(""), "is empty"),
            ("{Type: Strnig}", Some("a"), "`Strnig` is not known"),
            (
                "{Type: String, AllowedValues: [a, b]}",
                Some("c"),
                "one of a, b",
            ),
            (
                "{Type: String, AllowedPattern: '[a-z]+'}",
                Some("abc1"),
                "does not match",
            ),
            (
                "{Type: String, AllowedPattern: 'https?://.*'}",
                Some("http://x"),
                "\"http://x\"",
            ),
            (
                "{Type: Number, MinValue: 3}",
                Some("2"),
                "breaks MinValue 3",
            ),
        ] {
            let found = one(declaration, given);
            assert!(found.contains(expected), "{declaration} {given:?}: {found}");
        }
        let unknown =
            resolve(&[], &BTreeMap::from([("X".to_owned(), "1".to_owned())])).unwrap_err();
        assert!(
            unknown[0].to_string().contains("does not declare"),
            "{unknown:?}"
        );
    }
}
