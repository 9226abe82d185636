//! Where payments are remembered: in this process, in a file of this machine, or in a table that many instances share.
//!
//! A store does one thing: it changes a few records together, and only while each is still as the caller saw it. What the
//! records mean is decided once, above all three: by `server::reservations` and by `client::budget`.

mod dynamodb;
mod file;
mod memory;

pub use dynamodb::DynamoDbStore;
pub use file::FileStore;
pub use memory::MemoryStore;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use runtime::Environment;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a store could not be asked. A change may or may not have been made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payments cannot be looked up: {0}")]
pub struct StoreError(pub String);

/// The name of one writing of a record: whoever wrote it, nobody else's writing has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp(u128);

impl Stamp {
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new() -> Result<Self, StoreError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| StoreError(error.to_string()))?;
        Ok(Self(u128::from_le_bytes(bytes)))
    }

    fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }
}

/// A record as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub stamp: Stamp,
    pub value: Bytes,
}

/// One part of a change.
#[derive(Debug, Clone)]
pub struct Change {
    pub key: String,
    /// The writing that must still stand there; `None` where nothing may.
    pub expected: Option<Stamp>,
    pub write: Write,
}

#[derive(Debug, Clone)]
pub enum Write {
    /// `expires_at` is in seconds since 1970. A record may outlive it: nobody may rely on its absence.
    Put {
        value: Bytes,
        expires_at: u64,
    },
    Delete,
}

/// Remembers records by their keys. Every change is atomic and, where the store outlives the process, durable before it is
/// reported.
pub trait Store: Send + Sync + 'static {
    /// The record as the last change left it.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, StoreError>>;

    /// Makes all changes, each put under `stamp`, or none: `false` when a record is not as expected.
    fn change(&self, changes: Vec<Change>, stamp: Stamp)
    -> BoxFuture<'_, Result<bool, StoreError>>;

    /// The largest value that can be put.
    fn value_bytes_max(&self) -> usize;
}

/// Which store to use, by which setting is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `PAYMENTS_TABLE`: a DynamoDB table that all instances share, on every stage.
    Table(String),
    /// `PAYMENTS_FILE`: a file that all processes of this machine share, where a service runs without a cloud.
    File(PathBuf),
    /// Neither: what this process knows ends with it.
    Memory,
}

impl Place {
    pub fn from_environment(environment: &mut Environment) -> Self {
        let table = environment.optional("PAYMENTS_TABLE");
        let file = environment.optional("PAYMENTS_FILE");
        match (table, file) {
            (Some(table), Some(_)) => {
                environment.problem(
                    "PAYMENTS_FILE",
                    "is set beside PAYMENTS_TABLE; set only one",
                );
                Self::Table(table)
            }
            (Some(table), None) => Self::Table(table),
            (None, Some(file)) => Self::File(file.into()),
            (None, None) => Self::Memory,
        }
    }

    /// Opens the store. A table is not asked anything yet.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::Table(table) => Arc::new(DynamoDbStore::new(
                &runtime::aws::config().await,
                table.clone(),
            )),
            Self::File(path) => Arc::new(FileStore::open(path)?),
            Self::Memory => {
                tracing::warn!(
                    "payments are remembered by this process alone: set PAYMENTS_TABLE or PAYMENTS_FILE"
                );
                Arc::new(MemoryStore::default())
            }
        })
    }
}
