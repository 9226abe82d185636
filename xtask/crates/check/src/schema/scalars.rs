//! One text, number or flag against its limits, and a reference against what it has to lead to.

use std::cell::RefCell;
use std::collections::HashMap;

use regex_lite::Regex;
use template::{Kind, Node};

use super::super::model::{is_literal, reference, shown};
use super::meant;
use super::values::Walk;
use resource_types::{Addition, Schema, Type};

thread_local! {
    /// Patterns that have been compiled: hundreds of values are looked at by a few of them.
    static PATTERNS: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
}

/// Whether the pattern fits; none when it is not one that can be read here.
pub(super) fn fits(pattern: &str, text: &str) -> Option<bool> {
    PATTERNS.with_borrow_mut(|known| {
        if !known.contains_key(pattern) {
            known.insert(pattern.to_owned(), Regex::new(pattern).ok());
        }
        let compiled = known.get(pattern)?.as_ref()?;
        Some(compiled.is_match(text))
    })
}

impl Walk<'_, '_> {
    pub(super) fn scalar(
        &mut self,
        node: &Node,
        line: usize,
        schema: &'static Schema,
        addition: Option<&'static Addition>,
    ) {
        if let Some((name, attribute)) = reference(node) {
            return self.source(line, &name, attribute.as_deref(), schema, addition);
        }
        let text = shown(node);
        if text.starts_with('!') && matches!(node.kind, Kind::Call(..)) {
            return;
        }
        let is_written = is_literal(&text);
        let types = schema.types.as_slice();
        if types.is_empty() || types.contains(&Type::String) {
            return self.text(line, &text, is_written, schema, addition);
        }
        if !is_written {
            return;
        }
        if types
            .iter()
            .any(|one| matches!(one, Type::Integer | Type::Number))
        {
            self.number(line, &text, schema, addition);
        } else if types.contains(&Type::Boolean) && text != "true" && text != "false" {
            let found = format!("is true or false, and `{text}` is here");
            self.problem(line, &found, "write true or false");
        }
    }

    fn number(&mut self, line: usize, text: &str, schema: &Schema, addition: Option<&Addition>) {
        let is_whole = !schema.types.as_slice().contains(&Type::Number);
        let number = match text.parse::<f64>() {
            Ok(number) if !is_whole || text.parse::<i64>().is_ok() => number,
            _ => {
                let fix = if is_whole {
                    "write a whole number"
                } else {
                    "write a number"
                };
                return self.problem(line, &format!("is a number, and `{text}` is here"), fix);
            }
        };
        let row = addition
            .filter(|_| !self.is_item)
            .and_then(|addition| addition.range);
        #[expect(
            clippy::cast_precision_loss,
            reason = "limits of AWS are small, and only compared"
        )]
        let row = row.map(|(low, high)| (low as f64, high as f64));
        let low = larger(schema.minimum, row.map(|(low, _)| low));
        let high = smaller(schema.maximum, row.map(|(_, high)| high));
        let fits = low.is_none_or(|low| number >= low) && high.is_none_or(|high| number <= high);
        if !fits {
            self.problem(
                line,
                &format!("is {text}"),
                format!("AWS takes {}", spanned(low, high)),
            );
        }
        let words = words(schema, addition);
        if !words.is_empty() && !words.iter().any(|word| word == text) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            self.problem(line, &format!("is {text}"), meant(text, &words));
        }
    }
}

/// The words that a value may be: AWS's, or a row's.
pub(super) fn words(schema: &Schema, addition: Option<&Addition>) -> Vec<String> {
    let text = |word: &serde_json::Value| {
        word.as_str()
            .map_or_else(|| word.to_string(), str::to_owned)
    };
    let known = schema
        .words
        .iter()
        .chain(&schema.enum_case_insensitive)
        .chain(&schema.constant);
    let known: Vec<String> = known.map(text).collect();
    match addition {
        Some(addition) if known.is_empty() => addition
            .words
            .iter()
            .map(|word| (*word).to_owned())
            .collect(),
        _ => known,
    }
}

fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}

fn smaller(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::min)
}

pub(super) fn spanned(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("{low} or more"),
        (None, Some(high)) => format!("{high} at most"),
        (None, None) => "something else".to_owned(),
    }
}
