//! What AWS says of a type: its registry schema, a JSON Schema with a few keys more.
//! <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html>

use std::collections::BTreeMap;

use serde::Deserialize;

/// The schema of one resource type, as `schemas/make.py` has pruned it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TypeSchema {
    pub definitions: BTreeMap<String, Schema>,
    /// What `GetAtt` may ask for, as it is written there: `Endpoint.Address`; `Outputs.*` is whatever begins so.
    pub attributes: Vec<String>,
    /// Paths like `Endpoint/Address`: what AWS gives, and no template may.
    pub read_only_properties: Vec<String>,
    /// Paths: a change of these makes another resource.
    pub create_only_properties: Vec<String>,
    /// Paths: a change of these may make another resource.
    pub conditional_create_only_properties: Vec<String>,
    /// Paths: what a resource is known by, and what `Ref` answers where it is one.
    pub primary_identifier: Vec<String>,
    /// It holds something that nobody can make again.
    pub is_stateful: bool,
    /// CloudFormation deletes it only when nothing is in it.
    pub is_emptied: bool,
    pub root: Schema,
}

/// What a value has to be. An object with `properties` has no others unless `additional_properties` says so.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Schema {
    /// `#/definitions/Tag`: it is that one.
    #[serde(rename = "$ref")]
    pub reference: Option<String>,
    #[serde(rename = "type")]
    pub types: Types,
    pub properties: BTreeMap<String, Schema>,
    pub pattern_properties: BTreeMap<String, Schema>,
    pub additional_properties: Option<Box<Schema>>,
    pub required: Vec<String>,
    pub items: Option<Box<Schema>>,
    pub min_items: Option<u64>,
    pub max_items: Option<u64>,
    pub unique_items: bool,
    pub min_properties: Option<u64>,
    pub max_properties: Option<u64>,
    /// In Unicode characters.
    pub min_length: Option<u64>,
    pub max_length: Option<u64>,
    pub pattern: Option<String>,
    #[serde(rename = "enum")]
    pub words: Vec<serde_json::Value>,
    pub enum_case_insensitive: Vec<serde_json::Value>,
    #[serde(rename = "const")]
    pub constant: Option<serde_json::Value>,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    /// What a reference has to lead to: `AWS::IAM::Role.Arn`.
    pub format: Option<String>,
    pub one_of: Vec<Schema>,
    pub any_of: Vec<Schema>,
    pub all_of: Vec<Schema>,
    /// Whoever gives the key gives these too, or must not give these.
    pub dependent_required: BTreeMap<String, Vec<String>>,
    pub dependent_excluded: BTreeMap<String, Vec<String>>,
    /// Exactly one of these, or at least one.
    pub required_xor: Vec<String>,
    pub required_or: Vec<String>,
}

/// `"string"`, or `["string", "object"]`; none is anything.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
pub enum Types {
    #[default]
    Any,
    One(Type),
    Several(Vec<Type>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    String,
    Number,
    Integer,
    Boolean,
    Object,
    Array,
    Null,
}

impl Types {
    pub fn as_slice(&self) -> &[Type] {
        match self {
            Self::Any => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

impl TypeSchema {
    /// What a reference leads to, at its end.
    pub fn resolve<'a>(&'a self, schema: &'a Schema) -> &'a Schema {
        let mut found = schema;
        // A definition that refers to itself and to nothing else would go round for ever.
        for _ in 0..8 {
            let name = found
                .reference
                .as_deref()
                .and_then(|path| path.strip_prefix("#/definitions/"));
            match name.and_then(|name| self.definitions.get(name)) {
                Some(next) => found = next,
                None => break,
            }
        }
        found
    }
}
