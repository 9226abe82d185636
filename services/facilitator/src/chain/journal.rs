//! The record of every transaction, written before it is sent: after a crash it is looked up, not sent a second time.
//!
//! It stands in a store, so that it outlives the machine: a record for each settlement, and a list of those whose end is not
//! known, which a start takes up again.

mod record;

use record::Record;
pub(super) use record::{Attempt, End, Known, Unfinished};

use alloy_primitives::B256;
use std::sync::Arc;
use tokio::sync::Mutex;
use x402::store::{Change, Entry, Stamp, Store, StoreError, Write};
use x402::wire::ExactPayload;

/// An end is remembered for a day after its authorization has none left to settle; after that the chain is asked.
const KEEP_SECONDS: u64 = 86_400;
/// The end of the year 9999.
const NEVER: u64 = 253_402_300_799;
/// Another facilitator may write the list at the same time.
const TRIES_MAX: usize = 6;
const DIGEST_BYTES: usize = 32;

/// The settlements whose end is not known, by their digests.
#[derive(Default)]
struct List {
    digests: Vec<B256>,
    stamp: Option<Stamp>,
}

pub(super) struct Journal {
    store: Arc<dyn Store>,
    /// The account that settles, and its chain: facilitators with other accounts may use the same store.
    list_key: String,
    list: Mutex<List>,
}

impl Journal {
    /// Reads the unfinished settlements. `name` distinguishes facilitators that share a store.
    pub(super) async fn open(
        store: Arc<dyn Store>,
        name: &str,
    ) -> Result<(Self, Vec<Unfinished>), StoreError> {
        let journal = Self {
            store,
            list_key: format!("settlements/{name}"),
            list: Mutex::default(),
        };
        let mut unfinished = Vec::new();
        {
            let mut list = journal.list.lock().await;
            journal.read_list(&mut list).await?;
            for digest in &list.digests {
                if let Some(Known::Open(found)) = journal.find(*digest).await? {
                    unfinished.push(*found);
                }
            }
        }
        Ok((journal, unfinished))
    }

    pub(super) async fn find(&self, digest: B256) -> Result<Option<Known>, StoreError> {
        let Some(entry) = self.store.get(&key(digest)).await? else {
            return Ok(None);
        };
        let record: Record = serde_json::from_slice(&entry.value)
            .map_err(|error| StoreError(format!("the settlement {digest} is damaged: {error}")))?;
        Ok(Some(match record.transaction {
            Some(transaction) => Known::Settled(transaction, record.idempotency_key),
            None => Known::Open(Box::new(Unfinished {
                digest,
                payload: record.payload,
                key: record.idempotency_key,
                form: record.form,
                attempts: record.attempts,
                stamp: Some(entry.stamp),
            })),
        }))
    }

    /// Records all attempts before the last one is sent; false when another facilitator is working on this settlement.
    pub(super) async fn sending(&self, unfinished: &mut Unfinished) -> Result<bool, StoreError> {
        let record = unfinished.record(unfinished.attempts.clone());
        let (digest, before) = (unfinished.digest, unfinished.stamp);
        let change = put(key(digest), before, json(&record), NEVER);
        let written = match before {
            Some(_) => self.write(vec![change]).await?,
            None => {
                let add = |digests: &mut Vec<B256>| digests.push(digest);
                self.with_list(change, add).await?
            }
        };
        unfinished.stamp = written.or(before);
        Ok(written.is_some())
    }

    /// The end of a settlement. One that is lost costs a look at the chain after the next start, nothing else.
    pub(super) async fn ended(&self, unfinished: &Unfinished, end: End) {
        let mut record = unfinished.record(Vec::new());
        let write = match end {
            End::Settled(transaction) | End::Foreign(transaction) => {
                record.transaction = Some(transaction);
                if end == End::Foreign(transaction) {
                    record.idempotency_key = None;
                }
                Write::Put {
                    value: json(&record).into(),
                    expires_at: kept_until(&unfinished.payload),
                }
            }
            End::Nothing => Write::Delete,
        };
        let change = Change {
            key: key(unfinished.digest),
            expected: unfinished.stamp,
            write,
        };
        let remove = |digests: &mut Vec<B256>| digests.retain(|one| *one != unfinished.digest);
        match self.with_list(change, remove).await {
            Ok(Some(_)) => {}
            Ok(None) => {
                tracing::info!(digest = %unfinished.digest, "another facilitator has recorded the end of a settlement")
            }
            Err(error) => tracing::warn!(%error, "the end of a settlement was not recorded"),
        }
    }

    /// Changes a record and the list together. None when the record is another one than the caller saw, or the list is full.
    async fn with_list(
        &self,
        change: Change,
        edit: impl Fn(&mut Vec<B256>),
    ) -> Result<Option<Stamp>, StoreError> {
        let mut list = self.list.lock().await;
        for _ in 0..TRIES_MAX {
            let mut digests = list.digests.clone();
            edit(&mut digests);
            let value: Vec<u8> = digests.concat();
            if value.len() > self.store.value_bytes_max() {
                return Ok(None);
            }
            let listed = put(self.list_key.clone(), list.stamp, value, NEVER);
            if let Some(stamp) = self.write(vec![listed, change.clone()]).await? {
                *list = List {
                    digests,
                    stamp: Some(stamp),
                };
                return Ok(Some(stamp));
            }
            let found = self.store.get(&change.key).await?;
            if found.map(|entry| entry.stamp) != change.expected {
                return Ok(None);
            }
            self.read_list(&mut list).await?;
        }
        Err(StoreError("the list of settlements is too busy".into()))
    }

    async fn write(&self, changes: Vec<Change>) -> Result<Option<Stamp>, StoreError> {
        let stamp = Stamp::new()?;
        let made = self.store.change(changes, stamp).await?;
        Ok(made.then_some(stamp))
    }

    async fn read_list(&self, list: &mut List) -> Result<(), StoreError> {
        let found = self.store.get(&self.list_key).await?;
        *list = found.map_or_else(List::default, |Entry { stamp, value }| List {
            digests: value
                .chunks_exact(DIGEST_BYTES)
                .map(B256::from_slice)
                .collect(),
            stamp: Some(stamp),
        });
        Ok(())
    }
}

fn key(digest: B256) -> String {
    format!("settlement/{digest}")
}

fn json(record: &Record) -> Vec<u8> {
    serde_json::to_vec(record).expect("records have text keys only, which JSON always takes")
}

fn put(key: String, expected: Option<Stamp>, value: Vec<u8>, expires_at: u64) -> Change {
    Change {
        key,
        expected,
        write: Write::Put {
            value: value.into(),
            expires_at,
        },
    }
}

fn kept_until(payload: &ExactPayload) -> u64 {
    let window = u64::try_from(payload.authorization.valid_before).unwrap_or(NEVER);
    window
        .max(x402::now_seconds())
        .saturating_add(KEEP_SECONDS)
        .min(NEVER)
}

#[cfg(test)]
mod tests;
