//! Remembers in a DynamoDB table, so that many instances share one truth. Reads are consistent, writes conditional; the
//! table forgets by itself what has expired.

use super::{Change, Entry, Stamp, Store, StoreError, Write};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::time::Duration;

/// The partition key; the templates name it too.
const KEY: &str = "id";
const STAMP: &str = "stamp";
const VALUE: &str = "content";
/// The attribute that the table expires records by.
const EXPIRES_AT: &str = "expires_at";
/// An item may have 400 kB with its names and keys.
const VALUE_BYTES_MAX: usize = 380_000;
/// Two transactions that touch the same record at once: DynamoDB refuses one, and it is tried again.
const TRIES_MAX: u32 = 6;

/// A store of all instances that share a table.
#[derive(Debug, Clone)]
pub struct DynamoDbStore {
    client: Client,
    table: String,
}

enum Outcome {
    Made,
    NotAsExpected,
    /// Refused for another's sake, without having looked.
    Again,
}

impl DynamoDbStore {
    pub fn new(config: &aws_config::SdkConfig, table: String) -> Self {
        Self {
            client: Client::new(config),
            table,
        }
    }

    async fn read(&self, key: &str) -> Result<Option<Entry>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(KEY, AttributeValue::S(key.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError(runtime::describe(&error)))?;
        found.item.as_ref().map(entry).transpose()
    }

    async fn write(&self, changes: Vec<Change>, stamp: Stamp) -> Result<bool, StoreError> {
        for attempt in 0..TRIES_MAX {
            let outcome = match changes.as_slice() {
                [one] => self.write_one(one, stamp).await?,
                several => self.write_several(several, stamp).await?,
            };
            match outcome {
                Outcome::Made => return Ok(true),
                Outcome::NotAsExpected => return self.is_ours(&changes, stamp).await,
                Outcome::Again => tokio::time::sleep(pause(attempt, stamp)).await,
            }
        }
        Err(StoreError("the table is too busy".into()))
    }

    /// A write whose answer was lost is sent again by the SDK and then refused for its own sake.
    async fn is_ours(&self, changes: &[Change], stamp: Stamp) -> Result<bool, StoreError> {
        let Some(put) = changes
            .iter()
            .find(|change| matches!(change.write, Write::Put { .. }))
        else {
            return Ok(false);
        };
        let found = self.read(&put.key).await?;
        Ok(found.is_some_and(|found| found.stamp == stamp))
    }

    async fn write_one(&self, change: &Change, stamp: Stamp) -> Result<Outcome, StoreError> {
        let (condition, values) = condition(change.expected);
        match &change.write {
            Write::Put { value, expires_at } => {
                let sent = self
                    .client
                    .put_item()
                    .table_name(&self.table)
                    .set_item(Some(item(&change.key, stamp, value, *expires_at)))
                    .condition_expression(condition)
                    .set_expression_attribute_values(values)
                    .send()
                    .await;
                judged(sent, |error| {
                    let error = error.as_service_error();
                    error.is_some_and(PutItemError::is_conditional_check_failed_exception)
                })
            }
            Write::Delete => {
                let sent = self
                    .client
                    .delete_item()
                    .table_name(&self.table)
                    .key(KEY, AttributeValue::S(change.key.clone()))
                    .condition_expression(condition)
                    .set_expression_attribute_values(values)
                    .send()
                    .await;
                judged(sent, |error| {
                    let error = error.as_service_error();
                    error.is_some_and(DeleteItemError::is_conditional_check_failed_exception)
                })
            }
        }
    }

    async fn write_several(&self, changes: &[Change], stamp: Stamp) -> Result<Outcome, StoreError> {
        let items: Result<Vec<TransactWriteItem>, StoreError> = changes
            .iter()
            .map(|change| self.part(change, stamp))
            .collect();
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items?))
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Outcome::Made);
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
            error.as_service_error()
        {
            let refused = canceled
                .cancellation_reasons()
                .iter()
                .any(|reason| reason.code() == Some("ConditionalCheckFailed"));
            return Ok(if refused {
                Outcome::NotAsExpected
            } else {
                Outcome::Again
            });
        }
        match error.code() {
            Some("TransactionInProgressException" | "TransactionConflictException") => {
                Ok(Outcome::Again)
            }
            _ => Err(StoreError(runtime::describe(&error))),
        }
    }

    fn part(&self, change: &Change, stamp: Stamp) -> Result<TransactWriteItem, StoreError> {
        let (condition, values) = condition(change.expected);
        let incomplete = |error: aws_sdk_dynamodb::error::BuildError| StoreError(error.to_string());
        let item_of = TransactWriteItem::builder();
        Ok(match &change.write {
            Write::Put { value, expires_at } => item_of
                .put(
                    Put::builder()
                        .table_name(&self.table)
                        .set_item(Some(item(&change.key, stamp, value, *expires_at)))
                        .condition_expression(condition)
                        .set_expression_attribute_values(values)
                        .build()
                        .map_err(incomplete)?,
                )
                .build(),
            Write::Delete => item_of
                .delete(
                    Delete::builder()
                        .table_name(&self.table)
                        .key(KEY, AttributeValue::S(change.key.clone()))
                        .condition_expression(condition)
                        .set_expression_attribute_values(values)
                        .build()
                        .map_err(incomplete)?,
                )
                .build(),
        })
    }
}

impl Store for DynamoDbStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        Box::pin(self.read(key))
    }

    fn change(
        &self,
        changes: Vec<Change>,
        stamp: Stamp,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.write(changes, stamp))
    }

    fn value_bytes_max(&self) -> usize {
        VALUE_BYTES_MAX
    }
}

fn judged<T, E>(
    sent: Result<T, SdkError<E>>,
    not_as_expected: impl Fn(&SdkError<E>) -> bool,
) -> Result<Outcome, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match sent {
        Ok(_) => Ok(Outcome::Made),
        Err(error) if not_as_expected(&error) => Ok(Outcome::NotAsExpected),
        Err(error) if error.code() == Some("TransactionConflictException") => Ok(Outcome::Again),
        Err(error) => Err(StoreError(runtime::describe(&error))),
    }
}

type Values = Option<HashMap<String, AttributeValue>>;

fn condition(expected: Option<Stamp>) -> (&'static str, Values) {
    match expected {
        None => ("attribute_not_exists(id)", None),
        Some(stamp) => {
            let value = AttributeValue::B(Blob::new(stamp.to_bytes()));
            (
                "stamp = :expected",
                Some([(":expected".to_owned(), value)].into()),
            )
        }
    }
}

fn item(
    key: &str,
    stamp: Stamp,
    value: &Bytes,
    expires_at: u64,
) -> HashMap<String, AttributeValue> {
    [
        (KEY, AttributeValue::S(key.to_owned())),
        (STAMP, AttributeValue::B(Blob::new(stamp.to_bytes()))),
        (VALUE, AttributeValue::B(Blob::new(value.to_vec()))),
        (EXPIRES_AT, AttributeValue::N(expires_at.to_string())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn entry(item: &HashMap<String, AttributeValue>) -> Result<Entry, StoreError> {
    let blob = |name: &str| item.get(name).and_then(|value| value.as_b().ok());
    let stamp = blob(STAMP).and_then(|stamp| <[u8; 16]>::try_from(stamp.as_ref()).ok());
    let (Some(stamp), Some(value)) = (stamp, blob(VALUE)) else {
        return Err(StoreError("a record in the table is damaged".into()));
    };
    Ok(Entry {
        stamp: Stamp::from_bytes(stamp),
        value: Bytes::copy_from_slice(value.as_ref()),
    })
}

/// Longer each time, and different for each writer.
fn pause(attempt: u32, stamp: Stamp) -> Duration {
    let spread = u64::from(stamp.to_bytes()[0]);
    Duration::from_millis((10 << attempt) + spread / 4)
}
