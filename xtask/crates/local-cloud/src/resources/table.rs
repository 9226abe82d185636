//! `AWS::DynamoDB::Table`.

use serde_json::json;
use tables::{Definition, Key};

use super::plan::TablePlan;
use super::properties::{Input, field};
use super::{Builder, physical};
use crate::template::{Physical, Result};

pub(super) fn make(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let name = input
        .text("TableName")
        .unwrap_or_else(|| builder.name_for(input.id()));
    let arn = format!(
        "arn:aws:dynamodb:{}:{}:table/{name}",
        builder.region, builder.account
    );
    let partition_key = key(input, "HASH")?.ok_or_else(|| {
        input.error(
            "KeySchema",
            "has no key of the type HASH",
            "name the attribute that tells items apart: {AttributeName: id, KeyType: HASH}",
        )
    })?;
    let expires_by = input
        .flag("TimeToLiveSpecification.Enabled", false)
        .then(|| input.text("TimeToLiveSpecification.AttributeName"))
        .flatten();
    let definition = Definition {
        name: name.clone(),
        arn: arn.clone(),
        partition_key,
        sort_key: key(input, "RANGE")?,
        expires_by,
        indexes: indexes(input),
    };
    builder.plan.tables.push(TablePlan {
        definition,
        retained: input.resource.retained,
    });
    Ok(physical(&name, [("Arn", json!(arn))]))
}

/// The key of a type, with what its attribute is defined as.
fn key(input: Input<'_>, kind: &str) -> Result<Option<Key>> {
    let found = input
        .list("KeySchema")
        .iter()
        .find(|key| field(key, "KeyType").as_deref() == Some(kind));
    let Some(name) = found.and_then(|key| field(key, "AttributeName")) else {
        return Ok(None);
    };
    let defined = input
        .list("AttributeDefinitions")
        .iter()
        .find(|attribute| field(attribute, "AttributeName").as_deref() == Some(&*name));
    match defined.and_then(|attribute| field(attribute, "AttributeType")) {
        Some(kind) if ["S", "N", "B"].contains(&&*kind) => Ok(Some(Key { name, kind })),
        _ => Err(input.error(
            "AttributeDefinitions",
            format!("does not say whether the key {name} is S, N or B"),
            format!("define it: {{AttributeName: {name}, AttributeType: S}}"),
        )),
    }
}

fn indexes(input: Input<'_>) -> Vec<String> {
    ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
        .into_iter()
        .flat_map(|property| input.list(property).to_vec())
        .filter_map(|index| field(&index, "IndexName"))
        .collect()
}
