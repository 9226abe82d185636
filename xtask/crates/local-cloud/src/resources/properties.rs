//! Reads a resource's evaluated properties; every complaint names the line and the way out.

use serde_json::Value;

use crate::template::{Resource, Result, TemplateError, as_text};

/// One resource with its properties, every function called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    pub resource: &'a Resource<'a>,
    pub properties: &'a Value,
    /// 1 when the resource is new, and one more each time its properties change.
    pub version: u32,
}

impl Input<'_> {
    pub(crate) fn id(&self) -> &str {
        &self.resource.logical_id
    }

    /// A property by its path: `Code.S3Key`.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        path.split('.')
            .try_fold(self.properties, |value, key| value.get(key))
            .filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.get(path)
            .and_then(as_text)
            .filter(|text| !text.is_empty())
    }

    pub(crate) fn required(&self, path: &str) -> Result<String> {
        self.text(path).ok_or_else(|| {
            self.error(
                path,
                format!("{path} is missing or empty"),
                format!("give {path} a value"),
            )
        })
    }

    pub(crate) fn number(&self, path: &str, default: u32) -> Result<u32> {
        match self.text(path) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| {
                self.error(
                    path,
                    format!("{path} is `{text}`, not a whole number"),
                    "give a number",
                )
            }),
        }
    }

    pub(crate) fn flag(&self, path: &str, default: bool) -> bool {
        self.text(path).map_or(default, |text| text == "true")
    }

    /// The items of a list; none when there is no list.
    pub(crate) fn list(&self, path: &str) -> &[Value] {
        self.get(path)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// An error at the line of the property's first key.
    pub(crate) fn error(
        &self,
        path: &str,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> TemplateError {
        let first = path.split('.').next().unwrap_or(path);
        let subject = format!(
            "resource {} ({})",
            self.resource.logical_id, self.resource.resource_type
        );
        TemplateError::new(self.resource.line_of(first), problem, fix).about(&subject)
    }
}

/// A field of a nested map as text.
pub(super) fn field(value: &Value, key: &str) -> Option<String> {
    value
        .get(key)
        .and_then(as_text)
        .filter(|text| !text.is_empty())
}

/// A list of texts inside a nested map.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(as_text).collect(),
        Some(single) => as_text(single).into_iter().collect(),
        None => Vec::new(),
    }
}
