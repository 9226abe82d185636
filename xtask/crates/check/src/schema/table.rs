//! Reads `types.txt`, the resource types that our templates may use. Only the types that occur are read.

use std::collections::BTreeMap;

const TYPES: &str = include_str!("types.txt");

/// What is known of one resource type.
#[derive(Debug, Clone)]
pub(super) struct Type {
    pub attributes: Vec<&'static str>,
    pub properties: Vec<Property>,
}

#[derive(Debug, Clone)]
pub(super) struct Property {
    pub name: &'static str,
    pub required: bool,
    pub list: bool,
    pub form: Form,
    /// The number of items of a list, the length of a text, the size of a number.
    pub range: Option<(i64, i64)>,
    /// The characters that a text may have.
    pub characters: Option<&'static str>,
    /// The words that it may be.
    pub words: Vec<&'static str>,
    /// What of this template it may refer to: a type for its `Ref`, a type and an attribute for a `GetAtt`.
    pub of: Vec<&'static str>,
    pub inner: Vec<Property>,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Number,
    Flag,
    Map,
    /// A map with keys of one's own.
    Table,
    Tags,
    TagTable,
    Policy,
    Any,
}

/// The types that have been looked at.
#[derive(Debug, Default)]
pub(super) struct Types {
    read: BTreeMap<String, Option<Type>>,
}

impl Types {
    pub(super) fn get(&mut self, name: &str) -> Option<&Type> {
        if !self.read.contains_key(name) {
            self.read.insert(name.to_owned(), find(name));
        }
        self.read.get(name)?.as_ref()
    }
}

/// Every type of the table.
pub(super) fn names() -> Vec<&'static str> {
    let heads = TYPES.lines().filter(|line| line.starts_with("AWS::"));
    heads
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

fn find(name: &str) -> Option<Type> {
    let start = TYPES
        .match_indices(name)
        .map(|(start, _)| start)
        .find(|start| {
            let before = TYPES[..*start].ends_with('\n');
            let after = TYPES[start + name.len()..].starts_with(['\n', ' ']);
            before && after
        })?;
    let mut lines = TYPES[start..].lines();
    let attributes = lines.next()?.split_whitespace().skip(1).collect();
    let lines: Vec<&'static str> = lines.take_while(|line| line.starts_with(' ')).collect();
    let mut at = 0;
    Some(Type {
        attributes,
        properties: properties(&lines, &mut at, 2),
    })
}

/// The properties at one depth; those below become the inner ones of the one before.
fn properties(lines: &[&'static str], at: &mut usize, depth: usize) -> Vec<Property> {
    let mut found: Vec<Property> = Vec::new();
    while let Some(line) = lines.get(*at) {
        let here = line.len() - line.trim_start().len();
        if here < depth {
            break;
        }
        if here > depth {
            let inner = properties(lines, at, here);
            if let Some(last) = found.last_mut() {
                last.inner = inner;
            }
            continue;
        }
        *at += 1;
        found.push(property(line.trim()));
    }
    found
}

fn property(line: &'static str) -> Property {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or("");
    let mut property = Property {
        name: name.trim_end_matches('!'),
        required: name.ends_with('!'),
        list: false,
        form: Form::Any,
        range: None,
        characters: None,
        words: Vec::new(),
        of: Vec::new(),
        inner: Vec::new(),
    };
    for word in words {
        match word {
            "list" => property.list = true,
            "text" => property.form = Form::Text,
            "number" => property.form = Form::Number,
            "flag" => property.form = Form::Flag,
            "map" => property.form = Form::Map,
            "table" => property.form = Form::Table,
            "tags" => property.form = Form::Tags,
            "tagtable" => property.form = Form::TagTable,
            "policy" => property.form = Form::Policy,
            "any" => property.form = Form::Any,
            _ => constraint(&mut property, word),
        }
    }
    property
}

/// `1..64`, `[a-z0-9-]`, `<AWS::IAM::Role.Arn`, `ARM64|X86_64`.
fn constraint(property: &mut Property, word: &'static str) {
    if let Some(of) = word.strip_prefix('<') {
        property.of.push(of);
    } else if let Some(characters) = word.strip_prefix('[') {
        property.characters = Some(characters.trim_end_matches(']'));
    } else if let Some((low, high)) = word.split_once("..") {
        property.range = low.parse().ok().zip(high.parse().ok());
    } else {
        property.words = word.split('|').collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood() {
        let names = names();
        assert!(names.len() > 20, "{names:?}");
        let mut types = Types::default();
        for name in names {
            let known = types.get(name).expect("it stands there");
            let mut waiting: Vec<&Property> = known.properties.iter().collect();
            assert!(!waiting.is_empty(), "{name} has no properties");
            while let Some(property) = waiting.pop() {
                let about = format!("{name}: {property:?}");
                assert!(
                    property
                        .name
                        .starts_with(|first: char| first.is_ascii_alphabetic()),
                    "{about}"
                );
                assert_eq!(
                    property.form == Form::Map,
                    !property.inner.is_empty(),
                    "{about}"
                );
                waiting.extend(&property.inner);
            }
        }
        assert!(types.get("AWS::EC2::Subne").is_none());
    }
}
