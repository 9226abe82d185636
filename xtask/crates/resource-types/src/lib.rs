//! Pure: what is known of CloudFormation's resource types. What AWS says of them is in `schemas/`; what it does not say there,
//! in `types.txt`, a row for each type that needs one.

mod read;
mod schema;
mod schemas;

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

pub use schema::{Schema, Type, TypeSchema, Types};
pub use schemas::{services, source, types_of};

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| read::rows(include_str!("types.txt")));
/// What has been asked for. It stays: a run asks for a few types, and for each again and again.
static FOUND: Mutex<Option<HashMap<String, Option<&'static ResourceType>>>> = Mutex::new(None);

/// What is known of one resource type.
#[derive(Debug)]
pub struct ResourceType {
    /// `AWS::ECS::Service`.
    pub name: &'static str,
    pub schema: TypeSchema,
    row: Option<&'static Row>,
}

/// What a row says.
#[derive(Debug, Default)]
struct Row {
    name: &'static str,
    attributes: Vec<&'static str>,
    properties: Vec<Addition>,
    replaced: Vec<&'static str>,
    is_versioned: bool,
    holds: Option<&'static str>,
    is_kept: bool,
    is_emptied: bool,
    local: Local,
}

/// What the local cloud makes of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    #[default]
    Unknown,
}

/// What a row says of one property, beyond the schema.
#[derive(Debug, Clone, Default)]
pub struct Addition {
    pub name: &'static str,
    pub is_required: bool,
    /// The number of items of a list, the length of a text, the size of a number.
    pub range: Option<(i64, i64)>,
    /// The characters that a text may have.
    pub characters: Option<&'static str>,
    /// The words that it may be.
    pub words: Vec<&'static str>,
    /// AWS may know more words than these.
    pub is_open: bool,
    /// Nothing of this holds beside the property of this name.
    pub unless: Option<&'static str>,
    /// What of this template it may refer to: a type for its `Ref`, a type and an attribute for a `GetAtt`.
    pub of: Vec<&'static str>,
    pub inner: Vec<Addition>,
}

/// The type with this name.
pub fn find(name: &str) -> Option<&'static ResourceType> {
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    let found = found.get_or_insert_default();
    if let Some(known) = found.get(name) {
        return *known;
    }
    let row = ROWS.iter().find(|row| row.name == name);
    let known = schemas::find(name).map(|(name, schema)| {
        let known = ResourceType { name, schema, row };
        &*Box::leak(Box::new(known))
    });
    found.insert(name.to_owned(), known);
    known
}

/// True for what makes other resources, by a program that only AWS or the template's owner has.
pub fn makes_others(name: &str) -> bool {
    name.starts_with("Custom::")
        || name.starts_with("AWS::CloudFormation::")
        || name.starts_with("AWS::Serverless::")
        || name.ends_with("::MODULE")
}

/// What the local cloud makes of each type that has a row, in the order of the file.
pub fn locals() -> impl Iterator<Item = (&'static str, &'static Local)> {
    ROWS.iter().map(|row| (row.name, &row.local))
}

/// True when a change of these properties makes another resource in the place of the old one.
pub fn replaces(name: &str, properties: &[String]) -> bool {
    find(name).is_some_and(|known| known.is_replaced_by(properties))
}

impl ResourceType {
    /// True when a change of these properties makes another resource in the place of the old one, or may.
    pub fn is_replaced_by(&self, properties: &[String]) -> bool {
        let schema = &self.schema;
        let fixed = schema
            .create_only_properties
            .iter()
            .chain(&schema.conditional_create_only_properties)
            .map(|path| path.split('/').next().unwrap_or(path));
        let fixed: Vec<&str> = self
            .row
            .iter()
            .flat_map(|row| row.replaced.iter().copied())
            .chain(fixed)
            .collect();
        properties
            .iter()
            .any(|property| fixed.contains(&property.as_str()))
    }

    /// It keeps its older versions, so that another one replaces nothing.
    pub fn is_versioned(&self) -> bool {
        self.row.is_some_and(|row| row.is_versioned)
    }

    /// What people call it, when it holds something that nobody can make again: `bucket`.
    pub fn holds(&self) -> Option<String> {
        let word = self.row.and_then(|row| row.holds).map(str::to_owned);
        word.or_else(|| {
            let last = self.name.rsplit("::").next()?;
            self.schema.is_stateful.then(|| last.to_lowercase())
        })
    }

    /// True for what holds something that nobody can make again, and for what stays with it.
    pub fn is_stateful(&self) -> bool {
        self.schema.is_stateful
            || self
                .row
                .is_some_and(|row| row.holds.is_some() || row.is_kept)
    }

    /// CloudFormation deletes it only when nothing is in it.
    pub fn is_emptied(&self) -> bool {
        self.schema.is_emptied || self.row.is_some_and(|row| row.is_emptied)
    }

    pub fn local(&self) -> &'static Local {
        const UNKNOWN: &Local = &Local::Unknown;
        self.row.map_or(UNKNOWN, |row| &row.local)
    }

    /// What rows say of its properties.
    pub fn additions(&self) -> &'static [Addition] {
        self.row.map_or(&[], |row| &row.properties)
    }

    pub fn has_property(&self, name: &str) -> bool {
        self.schema.root.properties.contains_key(name)
    }

    /// What `GetAtt` may ask for.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        let more = self.row.iter().flat_map(|row| row.attributes.iter());
        let of_schema = self.schema.attributes.iter().map(String::as_str);
        of_schema.chain(more.copied())
    }

    /// True when `GetAtt` may ask for it.
    pub fn has_attribute(&self, name: &str) -> bool {
        self.attributes()
            .any(|known| match known.strip_suffix(".*") {
                Some(start) => name
                    .strip_prefix(start)
                    .is_some_and(|rest| rest.starts_with('.')),
                None => known == name,
            })
    }
}

#[cfg(test)]
mod tests;
