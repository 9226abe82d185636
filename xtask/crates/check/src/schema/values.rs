//! The properties of a resource against its schema, and against what rows say beyond it.

use template::{Kind, Node};

use super::super::model::{Stack, is_literal, shown};
use resource_types::{Addition, ResourceType, Schema, Type};

/// What is wrong, and where.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub line: usize,
    pub text: String,
    pub fix: String,
}

/// A walk through the properties of one resource.
pub(super) struct Walk<'a, 'b> {
    pub stack: &'a Stack<'b>,
    pub known: &'static ResourceType,
    /// Where the walk is, for its words: `Service.NetworkConfiguration`.
    path: String,
    /// The value is an item of a list: what a row says of lengths is said of the list.
    pub is_item: bool,
    /// The value has a name of the template's own, as a variable has: it may be empty.
    pub is_named_freely: bool,
    pub found: Vec<Problem>,
}

impl<'a, 'b> Walk<'a, 'b> {
    pub(super) fn new(stack: &'a Stack<'b>, known: &'static ResourceType, id: &str) -> Self {
        Self {
            stack,
            known,
            path: id.to_owned(),
            is_item: false,
            is_named_freely: false,
            found: Vec::new(),
        }
    }

    pub(super) fn problem(&mut self, line: usize, text: &str, fix: impl Into<String>) {
        self.found.push(Problem {
            line,
            text: format!("{} {text}", self.path),
            fix: fix.into(),
        });
    }

    /// Looks at something that stands deeper.
    pub(super) fn within(&mut self, step: &str, look: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push('.');
        self.path.push_str(step);
        look(self);
        self.path.truncate(length);
    }

    /// What is found on the way, without a trace of it here.
    pub(super) fn tried(&mut self, look: impl FnOnce(&mut Self)) -> Vec<Problem> {
        let before = std::mem::take(&mut self.found);
        look(self);
        std::mem::replace(&mut self.found, before)
    }

    /// All properties of the resource.
    pub(super) fn properties(&mut self, node: &Node, line: usize) {
        let known = self.known;
        for entry in node.entries() {
            let is_given = known.schema.read_only_properties.contains(&entry.key);
            // A few are both: given by AWS, and taken from a template.
            if is_given && !known.schema.create_only_properties.contains(&entry.key) {
                let text = format!("has `{}`, which AWS gives", entry.key);
                self.problem(entry.line, &text, "remove the line");
            }
        }
        self.value(node, line, &known.schema.root, None, known.additions());
    }

    /// One value against what it has to be.
    pub(super) fn value(
        &mut self,
        node: &Node,
        line: usize,
        schema: &'static Schema,
        addition: Option<&'static Addition>,
        inner: &'static [Addition],
    ) {
        match &node.kind {
            Kind::Call("If", argument) => {
                for branch in argument.items().iter().skip(1) {
                    self.value(branch, branch.line, schema, addition, inner);
                }
                return;
            }
            Kind::Call("Ref", argument) if argument.as_str() == Some("AWS::NoValue") => return,
            _ => {}
        }
        let schema = self.known.schema.resolve(schema);
        let types = schema.types.as_slice();
        let takes =
            |wanted: &[Type]| types.is_empty() || types.iter().any(|one| wanted.contains(one));
        match &node.kind {
            Kind::Map(_) if takes(&[Type::Object]) => self.map(node, line, schema, inner),
            Kind::List(items) if takes(&[Type::Array]) => {
                self.list(items, line, schema, addition, inner);
            }
            Kind::Scalar(_) | Kind::Call(..) if !takes(&SCALARS) => {
                self.one_for_many(node, line, schema);
            }
            Kind::Scalar(_) | Kind::Call(..) => self.scalar(node, line, schema, addition),
            Kind::List(_) if takes(&[Type::Object]) => {
                let fix = match self.path.rsplit('.').next() {
                    Some("Tags") => "write {name: value}: this type takes a map, where others take a list of Key and Value".to_owned(),
                    _ => names(schema),
                };
                self.problem(line, "is a map, and this is a list", fix);
            }
            Kind::Map(_) if takes(&[Type::Array]) => {
                self.problem(
                    line,
                    "is a list, and this is a map",
                    "write `- ` before its first key, or put it into brackets",
                );
            }
            Kind::Map(_) | Kind::List(_) => self.problem(
                line,
                "is one value, and this is a list or a map",
                "write one value",
            ),
        }
        self.forms(node, line, schema, addition, inner);
    }

    /// A scalar or a function where a list or a map belongs.
    fn one_for_many(&mut self, node: &Node, line: usize, schema: &Schema) {
        let is_list = schema.types.as_slice().contains(&Type::Array);
        match &node.kind {
            Kind::Call("Ref", argument) if is_list => {
                let name = argument.as_str().unwrap_or("");
                let parameters = self.stack.section("Parameters");
                let declared = parameters.iter().find(|entry| entry.key == name);
                let kind = declared.and_then(|entry| entry.value.get("Type")?.as_str());
                if kind.is_some_and(|kind| !kind.contains("List<") && kind != "CommaDelimitedList")
                {
                    self.problem(
                        line,
                        &format!("is a list, and the parameter {name} is one text"),
                        format!("write [!Ref {name}], or make the parameter a list"),
                    );
                } else if self.stack.resource(name).is_some() {
                    let fix = format!("put it into brackets: [!Ref {name}]");
                    self.problem(line, "is a list, and this is one value", fix);
                }
            }
            Kind::Call(
                "Split" | "GetAZs" | "Cidr" | "FindInMap" | "GetAtt" | "Select" | "ImportValue"
                | "Transform",
                _,
            ) => {}
            _ if is_list => self.problem(
                line,
                "is a list, and this is one value",
                "put it into brackets: [value]",
            ),
            _ => self.problem(
                line,
                "is a map of its own properties, and this is something else",
                names(schema),
            ),
        }
    }

    fn list(
        &mut self,
        items: &[Node],
        line: usize,
        schema: &'static Schema,
        addition: Option<&'static Addition>,
        inner: &'static [Addition],
    ) {
        let count = items.len() as u64;
        let low = schema.min_items.unwrap_or(0);
        let high = schema.max_items.unwrap_or(u64::MAX);
        let range = addition.and_then(|addition| addition.range);
        let (low, high) = range.map_or((low, high), |(below, above)| {
            (
                low.max(below.unsigned_abs()),
                high.min(above.unsigned_abs()),
            )
        });
        let is_open = items
            .iter()
            .any(|item| matches!(item.kind, Kind::Call("If" | "Transform", _)));
        if count > high || (count < low && !is_open) {
            let fix = match high {
                u64::MAX => format!("give {low} or more"),
                _ => format!("give {low} to {high}"),
            };
            self.problem(line, &format!("has {count} items"), fix);
        }
        let mut seen: Vec<String> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let text = shown(item);
            if schema.unique_items && matches!(item.kind, Kind::Scalar(_)) && is_literal(&text) {
                if seen.contains(&text) {
                    self.problem(
                        item.line,
                        &format!("has `{text}` twice"),
                        "remove one of them",
                    );
                }
                seen.push(text);
            }
            let Some(of) = schema.items.as_deref() else {
                continue;
            };
            let name = item.get("Name").and_then(Node::as_str);
            let step = name.map_or_else(|| index.to_string(), str::to_owned);
            let outside = std::mem::replace(&mut self.is_item, true);
            self.within(&step, |walk| {
                walk.value(item, item.line, of, addition, inner)
            });
            self.is_item = outside;
        }
    }
}

const SCALARS: [Type; 5] = [
    Type::String,
    Type::Number,
    Type::Integer,
    Type::Boolean,
    Type::Null,
];

fn names(schema: &Schema) -> String {
    let names: Vec<&str> = schema.properties.keys().map(String::as_str).collect();
    match names.is_empty() {
        true => "write key: value".to_owned(),
        false => format!("it has {}", names.join(", ")),
    }
}
