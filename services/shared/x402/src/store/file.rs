//! Remembers in a file that the processes of one machine share. A change is on the disk before anybody hears of it.

use super::{Change, Entry, Stamp, Store, StoreError, Write};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use redb::{ConcurrencyMode, Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::path::Path;
use std::sync::mpsc;
use tokio::sync::oneshot;

/// A record is its stamp, when it expires, and its value.
const RECORDS: TableDefinition<&str, &[u8]> = TableDefinition::new("records");
/// What expires when, so that purging reads nothing else.
const EXPIRY: TableDefinition<(u64, &str), ()> = TableDefinition::new("expiry");
const HEAD_BYTES: usize = 16 + 8;
const VALUE_BYTES_MAX: usize = 8 * 1024 * 1024;
const CACHE_BYTES: usize = 8 * 1024 * 1024;
/// Expired records that one change takes with it.
const PURGE_MAX: usize = 32;

/// A store of one machine.
pub struct FileStore {
    jobs: mpsc::Sender<Job>,
}

enum Job {
    Get {
        key: String,
        done: oneshot::Sender<Result<Option<Entry>, StoreError>>,
    },
    Change {
        changes: Vec<Change>,
        stamp: Stamp,
        done: oneshot::Sender<Result<bool, StoreError>>,
    },
}

impl FileStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// When it cannot be used, or is not such a file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display();
        let unusable = |error: String| StoreError(format!("{shown} cannot be used: {error}"));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| unusable(error.to_string()))?;
        }
        // Several instances of a function, or the old and the new process of a deploy, have it open at a time.
        let database = Database::builder()
            .set_concurrency_mode(ConcurrencyMode::MultiWriter)
            .set_cache_size(CACHE_BYTES)
            .create(path)
            .map_err(|error| unusable(error.to_string()))?;
        let made = database.begin_write().map_err(failed).and_then(|change| {
            drop(change.open_table(RECORDS).map_err(failed)?);
            drop(change.open_table(EXPIRY).map_err(failed)?);
            change.commit().map_err(failed)
        });
        made.map_err(|error| unusable(error.0))?;
        let (jobs, waiting) = mpsc::channel();
        std::thread::Builder::new()
            .name("payments".into())
            .spawn(move || work(&database, &waiting))
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self { jobs })
    }

    async fn ask<T>(
        &self,
        job: Job,
        answer: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let gone = || StoreError("the thread that writes the file has ended".into());
        self.jobs.send(job).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Store for FileStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        let (done, answer) = oneshot::channel();
        let key = key.to_owned();
        Box::pin(self.ask(Job::Get { key, done }, answer))
    }

    fn change(
        &self,
        changes: Vec<Change>,
        stamp: Stamp,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        let (done, answer) = oneshot::channel();
        Box::pin(self.ask(
            Job::Change {
                changes,
                stamp,
                done,
            },
            answer,
        ))
    }

    fn value_bytes_max(&self) -> usize {
        VALUE_BYTES_MAX
    }
}

/// Takes jobs in turn. What arrives during one commit shares the next: a disk syncs many changes as fast as one.
fn work(database: &Database, waiting: &mpsc::Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let mut changes = Vec::new();
        let mut gets = Vec::new();
        for job in std::iter::once(first).chain(waiting.try_iter()) {
            match job {
                Job::Get { key, done } => gets.push((key, done)),
                Job::Change {
                    changes: parts,
                    stamp,
                    done,
                } => changes.push((parts, stamp, done)),
            }
        }
        if !changes.is_empty() {
            let outcome = commit(database, &changes);
            if let Err(error) = &outcome {
                tracing::error!(%error, "payments cannot be written");
            }
            for (index, (_, _, done)) in changes.into_iter().enumerate() {
                let result = outcome.clone().map(|made| made[index]);
                // The caller may have disconnected.
                done.send(result).ok();
            }
        }
        // Reading after the commit: an answer is never older than the question.
        for (key, done) in gets {
            done.send(read(database, &key)).ok();
        }
    }
}

type Asked = (
    Vec<Change>,
    Stamp,
    oneshot::Sender<Result<bool, StoreError>>,
);

fn commit(database: &Database, asked: &[Asked]) -> Result<Vec<bool>, StoreError> {
    let transaction = database.begin_write().map_err(failed)?;
    let mut made = Vec::with_capacity(asked.len());
    {
        let mut records = transaction.open_table(RECORDS).map_err(failed)?;
        let mut expiry = transaction.open_table(EXPIRY).map_err(failed)?;
        for (changes, stamp, _) in asked {
            let mut expected = true;
            for change in changes {
                let found = records.get(change.key.as_str()).map_err(failed)?;
                let found = found.map(|found| head(found.value()).map(|(stamp, _)| stamp));
                expected &= found.transpose()? == change.expected;
            }
            if expected {
                for change in changes {
                    write(&mut records, &mut expiry, change, *stamp)?;
                }
            }
            made.push(expected);
        }
        purge(&mut records, &mut expiry)?;
    }
    // `Durability::Immediate` is the default: this returns when the disk has it.
    transaction.commit().map_err(failed)?;
    Ok(made)
}

type Records<'a> = redb::Table<'a, &'static str, &'static [u8]>;
type Expiry<'a> = redb::Table<'a, (u64, &'static str), ()>;

fn write(
    records: &mut Records<'_>,
    expiry: &mut Expiry<'_>,
    change: &Change,
    stamp: Stamp,
) -> Result<(), StoreError> {
    let key = change.key.as_str();
    let before = match &change.write {
        Write::Put { value, expires_at } => {
            let mut bytes = Vec::with_capacity(HEAD_BYTES + value.len());
            bytes.extend_from_slice(&stamp.to_bytes());
            bytes.extend_from_slice(&expires_at.to_le_bytes());
            bytes.extend_from_slice(value);
            expiry.insert((*expires_at, key), ()).map_err(failed)?;
            let before = records.insert(key, bytes.as_slice()).map_err(failed)?;
            // The same second stays in the list.
            expired(before.as_ref())?.filter(|before| before != expires_at)
        }
        Write::Delete => expired(records.remove(key).map_err(failed)?.as_ref())?,
    };
    if let Some(before) = before {
        expiry.remove((before, key)).map_err(failed)?;
    }
    Ok(())
}

fn expired(
    record: Option<&redb::AccessGuard<'_, &'static [u8]>>,
) -> Result<Option<u64>, StoreError> {
    record
        .map(|record| head(record.value()).map(|(_, expires_at)| expires_at))
        .transpose()
}

fn purge(records: &mut Records<'_>, expiry: &mut Expiry<'_>) -> Result<(), StoreError> {
    let now = crate::now_seconds();
    let gone: Vec<(u64, String)> = expiry
        .range(..(now, ""))
        .map_err(failed)?
        .take(PURGE_MAX)
        .map(|entry| {
            entry.map(|(key, _)| {
                let (expires_at, key) = key.value();
                (expires_at, key.to_owned())
            })
        })
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    for (expires_at, key) in gone {
        records.remove(key.as_str()).map_err(failed)?;
        expiry.remove((expires_at, key.as_str())).map_err(failed)?;
    }
    Ok(())
}

fn read(database: &Database, key: &str) -> Result<Option<Entry>, StoreError> {
    let transaction = database.begin_read().map_err(failed)?;
    let records = transaction.open_table(RECORDS).map_err(failed)?;
    let Some(found) = records.get(key).map_err(failed)? else {
        return Ok(None);
    };
    let (stamp, _) = head(found.value())?;
    let value = Bytes::copy_from_slice(&found.value()[HEAD_BYTES..]);
    Ok(Some(Entry { stamp, value }))
}

/// The stamp, and when the record expires.
fn head(record: &[u8]) -> Result<(Stamp, u64), StoreError> {
    let damaged = || StoreError("a record in the file is damaged".into());
    let (stamp, rest) = record.split_first_chunk::<16>().ok_or_else(damaged)?;
    let (expires_at, _) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    Ok((Stamp::from_bytes(*stamp), u64::from_le_bytes(*expires_at)))
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError(error.to_string())
}
