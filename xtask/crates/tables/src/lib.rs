//! DynamoDB's tables on this machine: what services ask of them, in one file that outlives every process.
//!
//! It has the operations on items, with all of their expressions, and refuses the rest by name: secondary indexes, PartiQL,
//! streams, the parameters from before there were expressions. What it answers is what AWS's documents say; where they do not
//! have the words, dynoxide-rs 3.2.0 (`src/validation.rs`, `src/expressions/`), which is compared with AWS itself, has them.

mod attribute;
mod database;
mod expressions;
mod number;
mod operations;
mod path;
mod refusal;
mod schema;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use database::Database;
pub use operations::{Permission, Request};
pub use refusal::Refusal;
pub use schema::{Definition, Key};

/// All tables of one file.
pub struct Tables {
    definitions: RwLock<BTreeMap<String, Arc<Definition>>>,
    database: Database,
}

impl Tables {
    /// Opens the file, or makes it. Only one process has it open at a time.
    ///
    /// # Errors
    /// When it cannot be used, or is not such a file.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            definitions: RwLock::default(),
            database: Database::open(path)?,
        })
    }

    /// Serves this table from now on, with the items that it had.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&self, table: Definition) -> anyhow::Result<()> {
        self.database.make(&table.name)?;
        let mut definitions = self
            .definitions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        definitions.insert(table.name.clone(), Arc::new(table));
        Ok(())
    }

    /// Serves the table no longer; with `for_good` its items are gone.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remove(&self, table: &str, for_good: bool) -> anyhow::Result<()> {
        let mut definitions = self
            .definitions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        definitions.remove(table);
        if for_good {
            self.database.remove(table)?;
        }
        Ok(())
    }

    fn definition(&self, table: &str) -> Result<Arc<Definition>, Refusal> {
        let definitions = self
            .definitions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        definitions
            .get(table)
            .cloned()
            .ok_or_else(Refusal::no_table)
    }

    fn names(&self) -> Vec<String> {
        let definitions = self
            .definitions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        definitions.keys().cloned().collect()
    }
}
