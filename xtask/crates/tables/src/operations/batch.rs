//! `BatchGetItem` and `BatchWriteItem`: many items in one request, none of them for another's sake.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::write::{Kind, WriteItem};
use super::{Names, Nothing, get, name};
use crate::Tables;
use crate::attribute::{item_from_json, item_size_bytes, item_to_json};
use crate::refusal::{Refusal, Result};

/// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
const KEYS_MAX: usize = 100;
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
const WRITES_MAX: usize = 25;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct BatchGetItem {
    pub request_items: BTreeMap<String, Keys>,
    #[serde(rename = "ReturnConsumedCapacity")]
    _return_consumed_capacity: Option<Nothing>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Keys {
    keys: Vec<Json>,
    projection_expression: Option<String>,
    expression_attribute_names: Names,
    #[serde(rename = "ConsistentRead")]
    _consistent_read: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct BatchWriteItem {
    pub request_items: BTreeMap<String, Vec<Json>>,
    #[serde(rename = "ReturnConsumedCapacity")]
    _return_consumed_capacity: Option<Nothing>,
    #[serde(rename = "ReturnItemCollectionMetrics")]
    _return_item_collection_metrics: Option<Nothing>,
}

fn twice() -> Refusal {
    Refusal::validation("Provided list of item keys contains duplicates")
}

impl Tables {
    pub(super) fn batch_get(&self, batch: &BatchGetItem) -> Result<Json> {
        let wanted: usize = batch
            .request_items
            .values()
            .map(|keys| keys.keys.len())
            .sum();
        if wanted > KEYS_MAX {
            return Err(Refusal::validation(
                "Too many items requested for the BatchGetItem call",
            ));
        }
        if batch.request_items.is_empty()
            || batch
                .request_items
                .values()
                .any(|keys| keys.keys.is_empty())
        {
            return Err(Refusal::validation(
                "The list of keys in RequestItems of BatchGetItem is required",
            ));
        }
        let mut left_bytes = ANSWER_BYTES_MAX;
        let (mut found, mut left) = (serde_json::Map::new(), serde_json::Map::new());
        for (asked, keys) in &batch.request_items {
            let projection = get::shown(
                keys.projection_expression.as_deref(),
                &keys.expression_attribute_names,
            )?;
            let table = self.definition(name(asked))?;
            let mut seen = BTreeSet::new();
            for key in &keys.keys {
                if !seen.insert(table.place_of_key(&item_from_json(key)?)?) {
                    return Err(twice());
                }
            }
            let places: Vec<_> = seen
                .iter()
                .map(|place| (&*table, place.as_slice()))
                .collect();
            let (mut items, mut late) = (Vec::new(), Vec::new());
            for item in self.database.get(&places)?.into_iter().flatten() {
                match left_bytes.checked_sub(item_size_bytes(&item)) {
                    Some(rest) => {
                        left_bytes = rest;
                        let item = projection
                            .as_ref()
                            .map_or_else(|| item.clone(), |projection| projection.shown(&item));
                        items.push(item_to_json(&item));
                    }
                    None => late.push(table.key_of(&item)),
                }
            }
            found.insert(asked.clone(), Json::Array(items));
            if !late.is_empty() {
                let mut rest = json!({ "Keys": late });
                if let Some(text) = &keys.projection_expression {
                    rest["ProjectionExpression"] = json!(text);
                }
                if let Some(names) = &keys.expression_attribute_names {
                    rest["ExpressionAttributeNames"] = json!(names);
                }
                left.insert(asked.clone(), rest);
            }
        }
        Ok(json!({ "Responses": found, "UnprocessedKeys": left }))
    }

    pub(super) async fn batch_write(&self, batch: &BatchWriteItem) -> Result<Json> {
        let wanted: usize = batch.request_items.values().map(Vec::len).sum();
        if wanted > WRITES_MAX {
            return Err(Refusal::validation(
                "Too many items requested for the BatchWriteItem call",
            ));
        }
        if batch.request_items.is_empty() || batch.request_items.values().any(Vec::is_empty) {
            return Err(Refusal::validation(
                "The list of writes in RequestItems of BatchWriteItem is required",
            ));
        }
        let mut prepared = Vec::new();
        let mut seen = BTreeSet::new();
        for (asked, writes) in &batch.request_items {
            for write in writes {
                let (kind, inner) = part(write)?;
                let write = self.prepare(kind, &write_of(asked, inner)?)?;
                if !seen.insert((write.table.name.clone(), write.place.clone())) {
                    return Err(twice());
                }
                prepared.push(write);
            }
        }
        self.database
            .change(move |change| {
                for write in &prepared {
                    let outcome = write.outcome(change.get(&write.table, &write.place)?)?;
                    write.make(change, &outcome)?;
                }
                Ok(json!({ "UnprocessedItems": {} }))
            })
            .await
    }
}

/// A put or a delete, and nothing beside it.
fn part(write: &Json) -> Result<(Kind, &Json)> {
    let members = write.as_object().filter(|members| members.len() == 1);
    let found = members.and_then(|members| {
        let put = members.get("PutRequest").map(|put| (Kind::Put, put));
        put.or_else(|| {
            members
                .get("DeleteRequest")
                .map(|delete| (Kind::Delete, delete))
        })
    });
    found.ok_or_else(|| {
        Refusal::validation(
            "Supplied a write that has not exactly one of PutRequest and DeleteRequest",
        )
    })
}

/// What may be beside an item or a key in a batch: nothing.
fn write_of(table: &str, inner: &Json) -> Result<WriteItem> {
    let mut members = inner.as_object().cloned().unwrap_or_default();
    if members.keys().any(|name| name != "Item" && name != "Key") {
        return Err(Refusal::validation(
            "A write of a batch has an Item or a Key, and nothing else",
        ));
    }
    members.insert("TableName".to_owned(), json!(table));
    serde_json::from_value(Json::Object(members))
        .map_err(|error| Refusal::validation(error.to_string()))
}
