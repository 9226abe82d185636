//! `TransactGetItems` and `TransactWriteItems`: all of it or nothing.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::get::GetItem;
use super::write::{Kind, WriteItem};
use super::{Nothing, Permission, name};
use crate::Tables;
use crate::attribute::{item_from_json, item_to_json};
use crate::refusal::{Refusal, Result};

/// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
const PARTS_MAX: usize = 100;
/// How long a token means the same request.
const TOKEN_SECONDS: u64 = 600;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TransactGetItems {
    transact_items: Vec<GetPart>,
    #[serde(rename = "ReturnConsumedCapacity")]
    _return_consumed_capacity: Option<Nothing>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetPart {
    get: GetItem,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TransactWriteItems {
    transact_items: Vec<WritePart>,
    client_request_token: Option<String>,
    #[serde(rename = "ReturnConsumedCapacity")]
    _return_consumed_capacity: Option<Nothing>,
    #[serde(rename = "ReturnItemCollectionMetrics")]
    _return_item_collection_metrics: Option<Nothing>,
}

/// One of them is there.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WritePart {
    put: Option<WriteItem>,
    update: Option<WriteItem>,
    delete: Option<WriteItem>,
    condition_check: Option<WriteItem>,
}

impl WritePart {
    fn kinds(&self) -> impl Iterator<Item = (Kind, &WriteItem)> {
        let parts = [
            (Kind::Put, &self.put),
            (Kind::Update, &self.update),
            (Kind::Delete, &self.delete),
            (Kind::Check, &self.condition_check),
        ];
        parts
            .into_iter()
            .filter_map(|(kind, write)| Some((kind, write.as_ref()?)))
    }
}

impl TransactGetItems {
    pub(super) fn permissions(&self) -> Vec<Permission<'_>> {
        let parts = self.transact_items.iter();
        parts
            .map(|part| ("dynamodb:GetItem", Some(name(&part.get.table_name))))
            .collect()
    }
}

impl TransactWriteItems {
    pub(super) fn permissions(&self) -> Vec<Permission<'_>> {
        let writes = self.transact_items.iter().flat_map(WritePart::kinds);
        writes
            .map(|(kind, write)| (kind.action(), Some(name(&write.table_name))))
            .collect()
    }
}

fn check_count(count: usize) -> Result<()> {
    if (1..=PARTS_MAX).contains(&count) {
        return Ok(());
    }
    Err(Refusal::validation(format!(
        "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to {PARTS_MAX} and greater than or equal to 1"
    )))
}

fn twice() -> Refusal {
    Refusal::validation("Transaction request cannot include multiple operations on one item")
}

impl Tables {
    pub(super) fn transact_get(&self, all: &TransactGetItems) -> Result<Json> {
        check_count(all.transact_items.len())?;
        let mut seen = BTreeSet::new();
        let mut wanted = Vec::new();
        for part in &all.transact_items {
            let projection = part.get.projection()?;
            let table = self.definition(name(&part.get.table_name))?;
            let place = table.place_of_key(&item_from_json(&part.get.key)?)?;
            if !seen.insert((table.name.clone(), place.clone())) {
                return Err(twice());
            }
            wanted.push((table, place, projection));
        }
        let places: Vec<_> = wanted
            .iter()
            .map(|(table, place, _)| (&**table, place.as_slice()))
            .collect();
        let found = self.database.get(&places)?;
        let responses =
            found
                .into_iter()
                .zip(&wanted)
                .map(|(item, (_, _, projection))| match item {
                    None => json!({}),
                    Some(item) => {
                        let item = projection
                            .as_ref()
                            .map_or_else(|| item.clone(), |projection| projection.shown(&item));
                        json!({ "Item": item_to_json(&item) })
                    }
                });
        Ok(json!({ "Responses": responses.collect::<Vec<_>>() }))
    }

    pub(super) async fn transact_write(&self, all: TransactWriteItems) -> Result<Json> {
        check_count(all.transact_items.len())?;
        let mut seen = BTreeSet::new();
        let mut prepared = Vec::new();
        for part in &all.transact_items {
            let kinds: Vec<_> = part.kinds().collect();
            let [(kind, write)] = kinds[..] else {
                return Err(Refusal::validation(
                    "TransactItems can only contain one of Check, Put, Update or Delete",
                ));
            };
            let write = self.prepare(kind, write)?;
            if !seen.insert((write.table.name.clone(), write.place.clone())) {
                return Err(twice());
            }
            prepared.push(write);
        }
        let token = all.client_request_token;
        let digest = Sha256::digest(format!("{:?}", all.transact_items)).to_vec();
        self.database
            .change(move |change| {
                let mut outcomes = Vec::new();
                let mut reasons = Vec::new();
                // A repeat of what was done is answered as the first was.
                if let Some(token) = &token
                    && let Some(earlier) = change.earlier(token, TOKEN_SECONDS)?
                {
                    return if earlier == digest {
                        Ok(json!({}))
                    } else {
                        Err(mismatch())
                    };
                }
                for write in &prepared {
                    match write.outcome(change.get(&write.table, &write.place)?) {
                        Ok(outcome) => {
                            outcomes.push(outcome);
                            reasons.push(json!({ "Code": "None" }));
                        }
                        Err(refusal) if refusal.is_internal() => return Err(refusal),
                        Err(refusal) => reasons.push(reason(&refusal)),
                    }
                }
                if outcomes.len() < prepared.len() {
                    return Err(canceled(&reasons));
                }
                for (write, outcome) in prepared.iter().zip(&outcomes) {
                    write.make(change, outcome)?;
                }
                if let Some(token) = &token {
                    change.remember(token, &digest)?;
                }
                Ok(json!({}))
            })
            .await
    }
}

fn mismatch() -> Refusal {
    Refusal::new(
        "IdempotentParameterMismatchException",
        "The request uses the same client token as a previous, but non-identical request.",
    )
}

/// Why one part could not be done.
fn reason(refusal: &Refusal) -> Json {
    let code = match refusal.code {
        "ConditionalCheckFailedException" => "ConditionalCheckFailed",
        _ => "ValidationError",
    };
    let mut reason = json!({ "Code": code, "Message": refusal.message });
    if let Some(item) = refusal.more.get("Item") {
        reason["Item"] = item.clone();
    }
    reason
}

fn canceled(reasons: &[Json]) -> Refusal {
    let codes: Vec<&str> = reasons
        .iter()
        .filter_map(|reason| reason["Code"].as_str())
        .collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    Refusal::new("TransactionCanceledException", message)
        .with("CancellationReasons", json!(reasons))
}
