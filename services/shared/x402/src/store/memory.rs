//! Remembers for as long as the process lives.

use super::{Change, Entry, Stamp, Store, StoreError, Write};
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

const RECORDS_MAX: usize = 200_000;
const BYTES_MAX: usize = 128 * 1024 * 1024;
const PURGE_EVERY_SECONDS: u64 = 10;
const VALUE_BYTES_MAX: usize = 1024 * 1024;

#[derive(Default)]
struct Records {
    by_key: HashMap<String, (Entry, u64)>,
    bytes: usize,
    next_purge: u64,
}

/// A store of one process, bounded: when it is full, it takes nothing more until something expires.
#[derive(Default)]
pub struct MemoryStore {
    records: Mutex<Records>,
}

impl MemoryStore {
    fn records(&self) -> MutexGuard<'_, Records> {
        // Nothing panics between two changes that belong together.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn purge(&mut self, now: u64) {
        if now < self.next_purge {
            return;
        }
        self.next_purge = now + PURGE_EVERY_SECONDS;
        self.by_key.retain(|_, (_, expires_at)| *expires_at > now);
        self.bytes = self
            .by_key
            .values()
            .map(|(entry, _)| entry.value.len())
            .sum();
    }

    fn stamp(&self, key: &str) -> Option<Stamp> {
        self.by_key.get(key).map(|(entry, _)| entry.stamp)
    }

    fn write(&mut self, key: String, write: Write, stamp: Stamp) {
        let before = match write {
            Write::Put { value, expires_at } => {
                self.bytes += value.len();
                self.by_key
                    .insert(key, (Entry { stamp, value }, expires_at))
            }
            Write::Delete => self.by_key.remove(&key),
        };
        let freed = before.map_or(0, |(entry, _)| entry.value.len());
        self.bytes = self.bytes.saturating_sub(freed);
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        let found = self
            .records()
            .by_key
            .get(key)
            .map(|(entry, _)| entry.clone());
        Box::pin(std::future::ready(Ok(found)))
    }

    fn change(
        &self,
        changes: Vec<Change>,
        stamp: Stamp,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        let mut records = self.records();
        records.purge(crate::now_seconds());
        let expected = changes
            .iter()
            .all(|change| records.stamp(&change.key) == change.expected);
        let adds = changes.iter().any(|change| change.expected.is_none());
        let result = if !expected {
            Ok(false)
        } else if adds && (records.by_key.len() >= RECORDS_MAX || records.bytes >= BYTES_MAX) {
            Err(StoreError("this process remembers too many".into()))
        } else {
            for change in changes {
                records.write(change.key, change.write, stamp);
            }
            Ok(true)
        };
        Box::pin(std::future::ready(result))
    }

    fn value_bytes_max(&self) -> usize {
        VALUE_BYTES_MAX
    }
}
