//! Conditions: names, and the functions that combine them.

use super::intrinsics::{Scope, arguments, as_text};
use template::{Kind, Node, Result, TemplateError};

impl Scope {
    /// The truth of a condition: its name, or a call.
    pub(crate) fn condition(&self, node: &Node) -> Result<bool> {
        match &node.kind {
            Kind::Call(name, argument) => self.condition_call(name, argument, node.line),
            Kind::Map(entries) if entries.len() == 1 && entries[0].key == "Condition" => {
                self.condition(&entries[0].value)
            }
            _ => {
                let name = self.string(node)?;
                self.conditions.get(&name).copied().ok_or_else(|| {
                    TemplateError::new(
                        node.line,
                        format!("the condition `{name}` does not exist"),
                        "declare it under Conditions",
                    )
                })
            }
        }
    }

    pub(crate) fn condition_call(&self, name: &str, argument: &Node, line: usize) -> Result<bool> {
        match name {
            "Condition" => self.condition(argument),
            "Equals" => {
                let [left, right] = arguments(argument, "Equals", line)?;
                Ok(as_text(&self.value(left)?) == as_text(&self.value(right)?))
            }
            "Not" => {
                let [inner] = arguments(argument, "Not", line)?;
                Ok(!self.condition(inner)?)
            }
            "And" => argument
                .items()
                .iter()
                .try_fold(true, |all, item| Ok(self.condition(item)? && all)),
            "Or" => argument
                .items()
                .iter()
                .try_fold(false, |any, item| Ok(self.condition(item)? || any)),
            _ => Err(TemplateError::new(
                line,
                format!("`{name}` is not a condition"),
                "use Equals, Not, And, Or or Condition",
            )),
        }
    }
}
