//! The intrinsic functions: from a node of the template to the value it stands for.

use std::collections::BTreeMap;

use base64::Engine;
use serde_json::{Map, Value, json};

use template::{Kind, Node, Result, TemplateError};

/// What a resource that exists answers to `Ref` and `GetAtt`.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Physical {
    pub reference: String,
    pub attributes: BTreeMap<String, Value>,
}

/// Everything that a value of a template can refer to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub stack_name: String,
    pub region: String,
    pub account: String,
    pub parameters: BTreeMap<String, Value>,
    pub conditions: BTreeMap<String, bool>,
    pub mappings: Option<Node>,
    /// The resources that exist by now, by logical id.
    pub resources: BTreeMap<String, Physical>,
}

impl Scope {
    /// The value of a node; `None` is `AWS::NoValue`, which removes the property that holds it.
    pub(crate) fn evaluate(&self, node: &Node) -> Result<Option<Value>> {
        Ok(Some(match &node.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.extend(self.evaluate(item)?);
                }
                Value::Array(values)
            }
            Kind::Map(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    if let Some(value) = self.evaluate(&entry.value)? {
                        map.insert(entry.key.clone(), value);
                    }
                }
                Value::Object(map)
            }
            Kind::Call(name, argument) => return self.call(name, argument, node.line),
        }))
    }

    pub(crate) fn value(&self, node: &Node) -> Result<Value> {
        self.evaluate(node)?.ok_or_else(|| {
            TemplateError::new(
                node.line,
                "AWS::NoValue where a value is needed",
                "give a value",
            )
        })
    }

    /// A value as text; a list is not one.
    pub(crate) fn string(&self, node: &Node) -> Result<String> {
        as_text(&self.value(node)?).ok_or_else(|| {
            TemplateError::new(
                node.line,
                "is a list or a map where text is needed",
                "pick one item with !Select, or join them with !Join",
            )
        })
    }

    pub(crate) fn list(&self, node: &Node) -> Result<Vec<Value>> {
        match self.value(node)? {
            Value::Array(items) => Ok(items),
            _ => Err(TemplateError::new(
                node.line,
                "is not a list",
                "give a list, or make one with !Split",
            )),
        }
    }

    fn call(&self, name: &str, argument: &Node, line: usize) -> Result<Option<Value>> {
        let text = |value: String| Ok(Some(Value::String(value)));
        match name {
            "Ref" => self.reference(&self.string(argument)?, line),
            "GetAtt" => self.get_att(argument, line).map(Some),
            "Sub" => text(self.substitute(argument, line)?),
            "Join" | "Split" | "Select" | "Cidr" => self.list_call(name, argument, line).map(Some),
            "If" => {
                let [condition, yes, no] = arguments(argument, "If", line)?;
                let chosen = if self.condition(condition)? { yes } else { no };
                self.evaluate(chosen)
            }
            "FindInMap" => self.find_in_map(argument, line).map(Some),
            "GetAZs" => Ok(Some(json!(
                ["a", "b", "c"].map(|zone| format!("{}{zone}", self.region))
            ))),
            "Base64" => {
                text(base64::engine::general_purpose::STANDARD.encode(self.string(argument)?))
            }
            "Length" => Ok(Some(json!(self.list(argument)?.len()))),
            _ => self
                .condition_call(name, argument, line)
                .map(|value| Some(Value::Bool(value))),
        }
    }

    pub(crate) fn reference(&self, name: &str, line: usize) -> Result<Option<Value>> {
        let value = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => json!(self.region),
            "AWS::AccountId" => json!(self.account),
            "AWS::Partition" => json!("aws"),
            "AWS::URLSuffix" => json!("amazonaws.com"),
            "AWS::StackName" => json!(self.stack_name),
            "AWS::StackId" => json!(format!(
                "arn:aws:cloudformation:{}:{}:stack/{}/local",
                self.region, self.account, self.stack_name
            )),
            "AWS::NotificationARNs" => json!([]),
            _ => match (self.parameters.get(name), self.resources.get(name)) {
                (Some(value), _) => value.clone(),
                (None, Some(physical)) => json!(physical.reference),
                (None, None) => {
                    return Err(TemplateError::new(
                        line,
                        format!("`{name}` is neither a parameter nor a resource of this template"),
                        "declare it, or fix the name",
                    ));
                }
            },
        };
        Ok(Some(value))
    }

    fn get_att(&self, argument: &Node, line: usize) -> Result<Value> {
        let (resource, attribute) = match &argument.kind {
            Kind::List(items) if items.len() == 2 => {
                (self.string(&items[0])?, self.string(&items[1])?)
            }
            _ => split_attribute(&self.string(argument)?, line)?,
        };
        self.attribute(&resource, &attribute, line)
    }

    pub(crate) fn attribute(&self, resource: &str, attribute: &str, line: usize) -> Result<Value> {
        let physical = self.resources.get(resource).ok_or_else(|| {
            TemplateError::new(
                line,
                format!("there is no resource `{resource}` to take {attribute} from"),
                "declare it, or fix the name",
            )
        })?;
        physical.attributes.get(attribute).cloned().ok_or_else(|| {
            let known: Vec<&str> = physical.attributes.keys().map(String::as_str).collect();
            let fix = if known.is_empty() {
                "it has none; use !Ref".to_owned()
            } else {
                format!("it has {}", known.join(", "))
            };
            TemplateError::new(
                line,
                format!("`{resource}` has no attribute `{attribute}`"),
                fix,
            )
        })
    }

    fn find_in_map(&self, argument: &Node, line: usize) -> Result<Value> {
        let [map, first, second] = arguments(argument, "FindInMap", line)?;
        let path = [self.string(map)?, self.string(first)?, self.string(second)?];
        let found = self
            .mappings
            .as_ref()
            .and_then(|mappings| path.iter().try_fold(mappings, |node, key| node.get(key)));
        match found {
            Some(node) => self.value(node),
            None => Err(TemplateError::new(
                line,
                format!("Mappings has no {}", path.join(" / ")),
                "add it under Mappings",
            )),
        }
    }
}

/// `Thing.Attribute`, where the attribute may hold dots of its own.
pub(super) fn split_attribute(text: &str, line: usize) -> Result<(String, String)> {
    text.split_once('.')
        .map(|(resource, attribute)| (resource.to_owned(), attribute.to_owned()))
        .ok_or_else(|| {
            TemplateError::new(
                line,
                format!("`{text}` names no attribute"),
                "write Resource.Attribute",
            )
        })
}

/// A scalar as text.
pub(crate) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// The arguments of a function that takes exactly `N`.
pub(super) fn arguments<'a, const N: usize>(
    argument: &'a Node,
    name: &str,
    line: usize,
) -> Result<[&'a Node; N]> {
    let items: Vec<&Node> = argument.items().iter().collect();
    let count = items.len();
    items.try_into().map_err(|_| {
        TemplateError::new(
            line,
            format!("!{name} takes {N} arguments and has {count}"),
            "see the CloudFormation reference of the function",
        )
    })
}

#[cfg(test)]
#[path = "intrinsics_tests.rs"]
mod tests;
