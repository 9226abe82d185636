//! Pure: what is known of CloudFormation's resource types. All of it stands in `types.txt`, a row for each type.

mod read;

use std::sync::LazyLock;

static TYPES: LazyLock<Vec<ResourceType>> =
    LazyLock::new(|| read::types(include_str!("types.txt")));

/// What is known of one resource type.
#[derive(Debug, Clone)]
pub struct ResourceType {
    /// `AWS::ECS::Service`.
    pub name: &'static str,
    /// What `GetAtt` may ask for.
    pub attributes: Vec<&'static str>,
    pub properties: Vec<Property>,
    /// The properties that cannot be changed in place; `*` for all of them.
    pub replaced: Vec<&'static str>,
    /// It keeps its older versions, so that another one replaces nothing.
    pub is_versioned: bool,
    /// What people call it, when it holds something that nobody can make again: `bucket`.
    pub holds: Option<&'static str>,
    /// It stays with a thing that holds something, and goes with it.
    pub is_kept: bool,
    /// CloudFormation deletes it only when nothing is in it.
    pub is_emptied: bool,
    pub local: Local,
}

/// What the local cloud makes of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Local {
    /// The maker of the local cloud with this name.
    Made(&'static str),
    /// Nothing but a number, as EC2 gives them: `subnet-0a1b...`.
    Numbered {
        prefix: &'static str,
        /// The attributes that answer it.
        attributes: Vec<&'static str>,
    },
    /// Nothing but a name, and an ARN made of it: `arn:aws:<service>:<region>:<account>:<prefix><name>`.
    Named {
        /// The property that may say the name.
        property: &'static str,
        service: &'static str,
        prefix: &'static str,
    },
    /// The local cloud refuses it.
    Unknown,
}

/// One property of a resource type, or of a map within it.
#[derive(Debug, Clone)]
pub struct Property {
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
pub enum Form {
    Text,
    Number,
    Flag,
    Map,
    /// A map whose keys are free.
    Table,
    Tags,
    TagTable,
    Policy,
    Any,
}

/// Every type, in the order of the file.
pub fn all() -> &'static [ResourceType] {
    &TYPES
}

/// The type with this name.
pub fn find(name: &str) -> Option<&'static ResourceType> {
    TYPES.iter().find(|known| known.name == name)
}

/// True when a change of these properties makes another resource in the place of the old one.
pub fn replaces(name: &str, properties: &[String]) -> bool {
    find(name).is_some_and(|known| known.is_replaced_by(properties))
}

impl ResourceType {
    /// True when a change of these properties makes another resource in the place of the old one.
    pub fn is_replaced_by(&self, properties: &[String]) -> bool {
        let fixed = &self.replaced;
        properties
            .iter()
            .any(|property| fixed.contains(&"*") || fixed.contains(&property.as_str()))
    }

    /// True for what holds something that nobody can make again, and for what stays with it.
    pub fn is_stateful(&self) -> bool {
        self.holds.is_some() || self.is_kept
    }

    /// The property of this name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties
            .iter()
            .find(|property| property.name == name)
    }
}

#[cfg(test)]
mod tests;
