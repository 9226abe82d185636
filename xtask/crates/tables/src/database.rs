//! The file of all tables. A change is on the disk before anybody hears of it, and one thread makes all of them, in turn.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use redb::{Database as File, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde_json::Value as Json;
use tokio::sync::oneshot;

use crate::attribute::{Item, item_from_json, item_to_json};
use crate::refusal::{Refusal, Result};
use crate::schema::Definition;

type Records<'a> = TableDefinition<'a, &'static [u8], &'static [u8]>;
/// What expires when, in which table: purging reads nothing else. A name of DynamoDB has no slash.
const EXPIRY: TableDefinition<'_, (u64, &str, &[u8]), ()> = TableDefinition::new("/expiry");
/// The tokens of transactions: when each came, and the digest of what it came with.
const TOKENS: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("/tokens");
const CACHE_BYTES: usize = 8 * 1024 * 1024;
/// Expired items that one change takes with it.
const PURGE_MAX: usize = 32;

pub(crate) struct Database {
    file: Arc<File>,
    /// Always there, until the end.
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<std::thread::JoinHandle<()>>,
}

/// The file is free once its writer has ended.
impl Drop for Database {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            writer.join().ok();
        }
    }
}

/// Looks first, and refuses before it has written anything.
type Work = Box<dyn FnOnce(&Change<'_>) -> Result<Json> + Send>;

struct Job {
    work: Work,
    done: oneshot::Sender<Result<Json>>,
}

impl Database {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::builder()
            .set_cache_size(CACHE_BYTES)
            .create(path)
            .with_context(|| format!("{} cannot be used", path.display()))?;
        let change = file.begin_write()?;
        change.open_table(EXPIRY)?;
        change.open_table(TOKENS)?;
        change.commit()?;
        let file = Arc::new(file);
        let (jobs, waiting) = mpsc::channel();
        let own = file.clone();
        let writer = std::thread::Builder::new()
            .name("tables".into())
            .spawn(move || work(&own, &waiting))
            .context("cannot start the thread that writes the tables")?;
        Ok(Self {
            file,
            jobs: Some(jobs),
            writer: Some(writer),
        })
    }

    /// Makes room for a table's items, if there is none yet.
    pub(crate) fn make(&self, table: &str) -> anyhow::Result<()> {
        let records: Records<'_> = TableDefinition::new(table);
        if self.file.begin_read()?.open_table(records).is_ok() {
            return Ok(());
        }
        let change = self.file.begin_write()?;
        change.open_table(records)?;
        change.commit()?;
        Ok(())
    }

    /// Removes a table with all its items.
    pub(crate) fn remove(&self, table: &str) -> anyhow::Result<()> {
        let change = self.file.begin_write()?;
        change.delete_table(TableDefinition::<&[u8], &[u8]>::new(table))?;
        change
            .open_table(EXPIRY)?
            .retain(|(_, of, _), ()| of != table)?;
        change.commit()?;
        Ok(())
    }

    /// Runs `work` in turn with all other changes, and answers once the disk has it.
    pub(crate) async fn change(
        &self,
        work: impl FnOnce(&Change<'_>) -> Result<Json> + Send + 'static,
    ) -> Result<Json> {
        let gone = || Refusal::internal("the thread that writes it has ended");
        let (done, answer) = oneshot::channel();
        let job = Job {
            work: Box::new(work),
            done,
        };
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(job).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Several items of one moment.
    pub(crate) fn get(&self, wanted: &[(&Definition, &[u8])]) -> Result<Vec<Option<Item>>> {
        let transaction = self.file.begin_read().map_err(Refusal::internal)?;
        let read = |(table, place): &(&Definition, &[u8])| {
            let records = transaction
                .open_table(Records::new(&table.name))
                .map_err(Refusal::internal)?;
            let found = records.get(*place).map_err(Refusal::internal)?;
            found.map(|found| decoded(found.value())).transpose()
        };
        wanted.iter().map(read).collect()
    }

    /// Items in order, until `take` has had enough.
    pub(crate) fn walk(
        &self,
        table: &Definition,
        range: (Bound<&[u8]>, Bound<&[u8]>),
        forward: bool,
        mut take: impl FnMut(&[u8], Item) -> bool,
    ) -> Result<()> {
        let transaction = self.file.begin_read().map_err(Refusal::internal)?;
        let records = transaction
            .open_table(Records::new(&table.name))
            .map_err(Refusal::internal)?;
        let mut found = records.range::<&[u8]>(range).map_err(Refusal::internal)?;
        while let Some(entry) = if forward {
            found.next()
        } else {
            found.next_back()
        } {
            let (place, item) = entry.map_err(Refusal::internal)?;
            if !take(place.value(), decoded(item.value())?) {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn count(&self, table: &Definition) -> Result<u64> {
        use redb::ReadableTableMetadata as _;
        let transaction = self.file.begin_read().map_err(Refusal::internal)?;
        let records = transaction
            .open_table(Records::new(&table.name))
            .map_err(Refusal::internal)?;
        records.len().map_err(Refusal::internal)
    }
}

/// Takes jobs in turn. What arrives during one commit shares the next: a disk syncs many changes as fast as one.
fn work(file: &File, waiting: &mpsc::Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let (mut asked, mut answers) = (Vec::new(), Vec::new());
        for job in std::iter::once(first).chain(waiting.try_iter()) {
            asked.push(job.work);
            answers.push(job.done);
        }
        let results = match commit(file, asked) {
            Ok(results) => results,
            Err(refusal) => vec![Err(refusal); answers.len()],
        };
        for (done, result) in answers.into_iter().zip(results) {
            // The caller may have disconnected.
            done.send(result).ok();
        }
    }
}

fn commit(file: &File, asked: Vec<Work>) -> Result<Vec<Result<Json>>> {
    let transaction = file.begin_write().map_err(Refusal::internal)?;
    let change = Change {
        transaction: &transaction,
    };
    let mut results = Vec::with_capacity(asked.len());
    for work in asked {
        match work(&change) {
            Err(refusal) if refusal.is_internal() => return Err(refusal),
            result => results.push(result),
        }
    }
    change.purge()?;
    // `Durability::Immediate` is the default: this returns when the disk has it.
    transaction.commit().map_err(Refusal::internal)?;
    Ok(results)
}

/// One change to come, and all before it.
pub(crate) struct Change<'a> {
    transaction: &'a WriteTransaction,
}

impl Change<'_> {
    pub(crate) fn get(&self, table: &Definition, place: &[u8]) -> Result<Option<Item>> {
        let records = self
            .transaction
            .open_table(Records::new(&table.name))
            .map_err(Refusal::internal)?;
        let found = records.get(place).map_err(Refusal::internal)?;
        found.map(|found| decoded(found.value())).transpose()
    }

    /// Puts `after` in the place of `before`; `None` is no item.
    pub(crate) fn put(
        &self,
        table: &Definition,
        place: &[u8],
        before: Option<&Item>,
        after: Option<&Item>,
    ) -> Result<()> {
        let mut records = self
            .transaction
            .open_table(Records::new(&table.name))
            .map_err(Refusal::internal)?;
        match after {
            Some(item) => {
                let bytes = item_to_json(item).to_string();
                records
                    .insert(place, bytes.as_bytes())
                    .map_err(Refusal::internal)?;
            }
            None => drop(records.remove(place).map_err(Refusal::internal)?),
        }
        let expires_at = |item: Option<&Item>| item.and_then(|item| table.expires_at(item));
        let (old, new) = (expires_at(before), expires_at(after));
        if old == new {
            return Ok(());
        }
        let mut expiry = self
            .transaction
            .open_table(EXPIRY)
            .map_err(Refusal::internal)?;
        if let Some(old) = old {
            expiry
                .remove((old, table.name.as_str(), place))
                .map_err(Refusal::internal)?;
        }
        if let Some(new) = new {
            expiry
                .insert((new, table.name.as_str(), place), ())
                .map_err(Refusal::internal)?;
        }
        Ok(())
    }

    /// The digest that this token came with, if it did within `seconds`.
    pub(crate) fn earlier(&self, token: &str, seconds: u64) -> Result<Option<Vec<u8>>> {
        let mut tokens = self
            .transaction
            .open_table(TOKENS)
            .map_err(Refusal::internal)?;
        let now = now_seconds();
        tokens
            .retain(|_, (came, _)| came + seconds > now)
            .map_err(Refusal::internal)?;
        let found = tokens.get(token).map_err(Refusal::internal)?;
        Ok(found.map(|found| found.value().1.to_vec()))
    }

    pub(crate) fn remember(&self, token: &str, digest: &[u8]) -> Result<()> {
        let mut tokens = self
            .transaction
            .open_table(TOKENS)
            .map_err(Refusal::internal)?;
        tokens
            .insert(token, (now_seconds(), digest))
            .map_err(Refusal::internal)?;
        Ok(())
    }

    /// Takes items whose time is over. DynamoDB does so within a few days; nobody may rely on their absence.
    fn purge(&self) -> Result<()> {
        let mut expiry = self
            .transaction
            .open_table(EXPIRY)
            .map_err(Refusal::internal)?;
        let mut gone: Vec<(u64, String, Vec<u8>)> = Vec::new();
        for entry in expiry
            .range(..(now_seconds(), "", &[][..]))
            .map_err(Refusal::internal)?
            .take(PURGE_MAX)
        {
            let (key, _) = entry.map_err(Refusal::internal)?;
            let (expires_at, table, place) = key.value();
            gone.push((expires_at, table.to_owned(), place.to_vec()));
        }
        let names: BTreeSet<&str> = gone.iter().map(|(_, table, _)| table.as_str()).collect();
        for name in names {
            let mut records = self
                .transaction
                .open_table(Records::new(name))
                .map_err(Refusal::internal)?;
            for (_, _, place) in gone.iter().filter(|(_, table, _)| table == name) {
                records
                    .remove(place.as_slice())
                    .map_err(Refusal::internal)?;
            }
        }
        for (expires_at, table, place) in &gone {
            expiry
                .remove((*expires_at, table.as_str(), place.as_slice()))
                .map_err(Refusal::internal)?;
        }
        Ok(())
    }
}

fn decoded(bytes: &[u8]) -> Result<Item> {
    let json: Json = serde_json::from_slice(bytes).map_err(Refusal::internal)?;
    item_from_json(&json)
}

pub(crate) fn now_seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}
