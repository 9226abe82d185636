//! `Fn::Sub`: texts with `${Name}` and `${Resource.Attribute}` in them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::intrinsics::{Scope, as_text, split_attribute};
use template::{Kind, Node, Piece, Result, TemplateError, pieces};

impl Scope {
    pub(crate) fn substitute(&self, argument: &Node, line: usize) -> Result<String> {
        let (template, local) = match &argument.kind {
            Kind::List(items) if items.len() == 2 => {
                let mut local = BTreeMap::new();
                for entry in items[1].entries() {
                    local.insert(entry.key.clone(), self.string(&entry.value)?);
                }
                (self.string(&items[0])?, local)
            }
            _ => (self.string(argument)?, BTreeMap::new()),
        };
        let mut result = String::with_capacity(template.len());
        for piece in pieces(&template) {
            match piece {
                Piece::Text(text) => result.push_str(text),
                Piece::Name(name) => {
                    let value = match local.get(name) {
                        Some(value) => Some(Value::String(value.clone())),
                        None if name.contains("::") || !name.contains('.') => {
                            self.reference(name, line)?
                        }
                        None => {
                            let (resource, attribute) = split_attribute(name, line)?;
                            Some(self.attribute(&resource, &attribute, line)?)
                        }
                    };
                    result.push_str(&value.as_ref().and_then(as_text).ok_or_else(|| {
                        TemplateError::new(
                            line,
                            format!("${{{name}}} is not text"),
                            "join a list with !Join first",
                        )
                    })?);
                }
            }
        }
        Ok(result)
    }
}
