//! A template as a tree that remembers its lines and knows its function calls, in both of their spellings.

use serde_json::Value;

use crate::error::Result;

/// One value of the template with the line it starts on.
#[derive(Debug, Clone)]
pub struct Node {
    pub line: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub enum Kind {
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// An intrinsic function by its long name without `Fn::`: `Ref`, `Sub`, `GetAtt`.
    Call(&'static str, Box<Node>),
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub line: usize,
    pub value: Node,
}

/// Every intrinsic function that the local cloud can evaluate.
pub(crate) const FUNCTIONS: [&str; 17] = [
    "Ref",
    "Condition",
    "Sub",
    "GetAtt",
    "Join",
    "Select",
    "Split",
    "If",
    "Equals",
    "Not",
    "And",
    "Or",
    "FindInMap",
    "Cidr",
    "GetAZs",
    "Base64",
    "Length",
];

impl Node {
    /// Reads a template.
    ///
    /// # Errors
    /// The first thing that is not YAML, or that no template here may say, with its line.
    pub fn parse(text: &str) -> Result<Self> {
        crate::read::read(text)
    }

    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// What stands at the end of a path of keys and places in lists: `Policies.0.PolicyName`.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('.')
            .try_fold(self, |node, step| match &node.kind {
                Kind::List(items) => items.get(step.parse::<usize>().ok()?),
                _ => node.get(step),
            })
    }

    /// A text that needs no function and no conversion.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The items of a list, or the node itself: many things may be said alone or as a list.
    pub fn one_or_many(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// A scalar as text, as CloudFormation reads numbers and booleans where it wants a string.
    pub fn text(&self) -> Option<String> {
        match &self.kind {
            Kind::Scalar(Value::String(text)) => Some(text.clone()),
            Kind::Scalar(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_call_are_the_same_and_keep_their_line() {
        let node = Node::parse(
            "a: !Ref X\nb:\n  Ref: X\nc: !GetAtt \"X.Arn\"\nd: !Join [\",\", [a, b]]\n",
        )
        .unwrap();
        for (key, name, line) in [
            ("a", "Ref", 1),
            ("b", "Ref", 3),
            ("c", "GetAtt", 3 + 1),
            ("d", "Join", 5),
        ] {
            let found = node.get(key).unwrap();
            assert!(
                matches!(&found.kind, Kind::Call(function, _) if *function == name),
                "{key}: {found:?}"
            );
            assert_eq!(found.line, line, "{key}");
        }
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, line, problem) in [
            ("a: 1\na: 2\n", 2, "duplicated"),
            ("a: !Frobnicate x\n", 1, "Frobnicate"),
            ("a:\n  Fn::ImportValue: x\n", 2, "ImportValue"),
            ("a: [1\nb: 2\n", 2, "not YAML"),
        ] {
            let error = Node::parse(text).unwrap_err();
            assert!(error.problem.contains(problem), "{error}");
            assert!(error.line >= line.min(1), "{error}");
        }
    }
}
