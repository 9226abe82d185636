//! A template as a tree that remembers its lines and knows its function calls, in both of their spellings.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Number, Value};

use super::error::{Result, TemplateError};

/// One value of the template with the line it starts on.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// An intrinsic function by its long name without `Fn::`: `Ref`, `Sub`, `GetAtt`.
    Call(&'static str, Box<Node>),
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) value: Node,
}

/// Every intrinsic function that this interpreter knows.
const FUNCTIONS: [&str; 17] = [
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
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let documents = MarkedYaml::load_from_str(text).map_err(|error| {
            TemplateError::new(
                error.marker().line(),
                format!("not YAML: {}", error.info()),
                "look at the indentation here and above",
            )
        })?;
        match documents.as_slice() {
            [document] => convert(document),
            _ => Err(TemplateError::new(
                0,
                format!("{} YAML documents", documents.len()),
                "a template is one document",
            )),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// The entries of a map; none for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// A scalar as text, as CloudFormation reads numbers and booleans where it wants a string.
    pub(crate) fn text(&self) -> Option<String> {
        match &self.kind {
            Kind::Scalar(Value::String(text)) => Some(text.clone()),
            Kind::Scalar(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            _ => None,
        }
    }
}

fn convert(yaml: &MarkedYaml<'_>) -> Result<Node> {
    let line = yaml.span.start.line();
    let kind = match &yaml.data {
        YamlData::Value(scalar) => Kind::Scalar(scalar_value(scalar)),
        YamlData::Representation(text, ..) => Kind::Scalar(Value::String(text.to_string())),
        YamlData::Sequence(items) => Kind::List(items.iter().map(convert).collect::<Result<_>>()?),
        YamlData::Mapping(pairs) => {
            let mut entries = Vec::with_capacity(pairs.len());
            for (key, value) in pairs {
                let key_line = key.span.start.line();
                let key = convert(key)?.text().ok_or_else(|| {
                    TemplateError::new(
                        key_line,
                        "a key that is not text",
                        "quote it, or write a plain word",
                    )
                })?;
                entries.push(Entry {
                    key,
                    line: key_line,
                    value: convert(value)?,
                });
            }
            call_of_map(entries, line)?
        }
        YamlData::Tagged(tag, inner) => {
            let argument = convert(inner)?;
            Kind::Call(function(&tag.suffix, line)?, Box::new(argument))
        }
        YamlData::Alias(_) | YamlData::BadValue => {
            return Err(TemplateError::new(
                line,
                "a value that cannot be read",
                "write it out: anchors and odd tags are not for templates",
            ));
        }
    };
    Ok(Node { line, kind })
}

/// `{Ref: X}` and `{"Fn::Sub": "..."}` are calls too.
fn call_of_map(mut entries: Vec<Entry>, line: usize) -> Result<Kind> {
    let long_name = match entries.as_slice() {
        [only] if only.key == "Ref" => Some("Ref"),
        [only] => only.key.strip_prefix("Fn::"),
        _ => None,
    };
    let Some(name) = long_name else {
        return Ok(Kind::Map(entries));
    };
    let function = function(name, line)?;
    Ok(entries.pop().map_or(Kind::Map(Vec::new()), |entry| {
        Kind::Call(function, Box::new(entry.value))
    }))
}

fn function(name: &str, line: usize) -> Result<&'static str> {
    FUNCTIONS.iter().copied().find(|known| *known == name).ok_or_else(|| {
        let fix = if name == "ImportValue" {
            "stacks here hand values over as parameters".to_owned()
        } else {
            format!(
                "the local cloud knows {}; more can be added in xtask/src/local/template/intrinsics.rs",
                FUNCTIONS.join(", ")
            )
        };
        TemplateError::new(line, format!("the function `{name}` is not known"), fix)
    })
}

fn scalar_value(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(value) => Value::Number((*value).into()),
        Scalar::FloatingPoint(value) => {
            Number::from_f64(value.0).map_or(Value::Null, Value::Number)
        }
        Scalar::String(text) => Value::String(text.to_string()),
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
