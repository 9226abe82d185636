//! From text to tree, straight from the parser's events: a tree in between would cost more than the parsing.

use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScanError, Tag};
use serde_json::{Number, Value};

use crate::error::{Result, TemplateError};
use crate::node::{Entry, FUNCTIONS, Kind, Node};

/// What is being read, from the outside in.
struct Open {
    line: usize,
    call: Option<&'static str>,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    /// The entries so far, and the key whose value comes next.
    Map(Vec<Entry>, Option<(String, usize)>),
}

/// Reads the one document that a template is.
pub(crate) fn read(text: &str) -> Result<Node> {
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| not_yaml(&error))?;
        let line = span.start.line();
        let node = match event {
            Event::DocumentStart(_) => {
                documents += 1;
                continue;
            }
            Event::Scalar(text, style, _, tag) => {
                let call = called(tag.as_deref(), line)?;
                let scalar = Scalar::parse_from_cow_and_metadata(text, style, tag.as_ref());
                let scalar = scalar.ok_or_else(|| unreadable(line))?;
                let kind = Kind::Scalar(scalar_value(&scalar));
                wrapped(call, Node { line, kind })
            }
            Event::SequenceStart(_, tag) => {
                let call = called(tag.as_deref(), line)?;
                let content = Content::List(Vec::new());
                open.push(Open {
                    line,
                    call,
                    content,
                });
                continue;
            }
            Event::MappingStart(_, tag) => {
                let call = called(tag.as_deref(), line)?;
                let content = Content::Map(Vec::new(), None);
                open.push(Open {
                    line,
                    call,
                    content,
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(opened) => closed(opened)?,
                None => continue,
            },
            Event::Alias(_) => return Err(unreadable(line)),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.take(node)?,
            None => root = Some(node),
        }
    }
    match root {
        Some(root) if documents == 1 => Ok(root),
        _ => Err(TemplateError::new(
            0,
            format!("{documents} YAML documents"),
            "a template is one document",
        )),
    }
}

impl Open {
    /// The next item, key or value.
    fn take(&mut self, node: Node) -> Result<()> {
        match &mut self.content {
            Content::List(items) => items.push(node),
            Content::Map(entries, key) => match key.take() {
                Some((key, line)) => entries.push(Entry {
                    key,
                    line,
                    value: node,
                }),
                None => {
                    let line = node.line;
                    let name = node.text().ok_or_else(|| {
                        let fix = "quote it, or write a plain word";
                        TemplateError::new(line, "a key that is not text", fix)
                    })?;
                    if let Some(first) = entries.iter().find(|entry| entry.key == name) {
                        let problem = format!(
                            "not YAML: duplicated key `{name}`, first on line {}",
                            first.line
                        );
                        let fix = "keep one of the two, or rename one";
                        return Err(TemplateError::new(line, problem, fix));
                    }
                    *key = Some((name, line));
                }
            },
        }
        Ok(())
    }
}

fn closed(open: Open) -> Result<Node> {
    let line = open.line;
    let kind = match open.content {
        Content::List(items) => Kind::List(items),
        Content::Map(entries, _) => call_of_map(entries, line)?,
    };
    Ok(wrapped(open.call, Node { line, kind }))
}

fn wrapped(call: Option<&'static str>, node: Node) -> Node {
    match call {
        None => node,
        Some(name) => Node {
            line: node.line,
            kind: Kind::Call(name, Box::new(node)),
        },
    }
}

/// The function that a tag such as `!Ref` calls.
fn called(tag: Option<&Tag>, line: usize) -> Result<Option<&'static str>> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => function(&tag.suffix, line).map(Some),
        _ => Ok(None),
    }
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
                "templates here use {}; more can be added in xtask/crates/template/src/node.rs and xtask/crates/local-cloud/src/template/intrinsics.rs",
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

fn not_yaml(error: &ScanError) -> TemplateError {
    TemplateError::new(
        error.marker().line(),
        format!("not YAML: {}", error.info()),
        "look at the indentation here and above",
    )
}

fn unreadable(line: usize) -> TemplateError {
    TemplateError::new(
        line,
        "a value that cannot be read",
        "write it out: anchors and odd tags are not for templates",
    )
}
