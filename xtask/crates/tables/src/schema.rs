//! What a table's template says of it, and where its items stand in the file.

use crate::attribute::{Attribute, Item, item_to_json};
use crate::refusal::{Refusal, Result};
use serde_json::Value as Json;

/// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const PARTITION_KEY_BYTES_MAX: usize = 2048;
const SORT_KEY_BYTES_MAX: usize = 1024;

/// A key attribute; `kind` is `S`, `N` or `B`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub name: String,
    pub kind: String,
}

/// A table as its template makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub name: String,
    pub arn: String,
    pub partition_key: Key,
    pub sort_key: Option<Key>,
    /// The attribute with the second since 1970 from which an item may be gone.
    pub expires_by: Option<String>,
    /// The names of its secondary indexes, which are not served here.
    pub indexes: Vec<String>,
}

impl Key {
    /// A value of a key condition.
    pub(crate) fn check_value(&self, value: &Attribute) -> Result<()> {
        if value.kind() == self.kind {
            return Ok(());
        }
        Err(Refusal::parameter(
            "Condition parameter type does not match schema type",
        ))
    }

    fn check_size(&self, value: &Attribute, what: &str, limit: usize) -> Result<()> {
        let (length, empty) = match value {
            Attribute::S(text) => (text.len(), "string"),
            Attribute::B(bytes) => (bytes.len(), "binary"),
            _ => return Ok(()),
        };
        if length == 0 {
            return Err(Refusal::validation(format!(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {empty} value. Key: {}",
                self.name
            )));
        }
        if length > limit {
            // DynamoDB writes no space between `of` and the number.
            return Err(Refusal::parameter(format!(
                "Size of {what} has exceeded the maximum size limit of{limit} bytes"
            )));
        }
        Ok(())
    }
}

impl Definition {
    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.partition_key).chain(&self.sort_key)
    }

    pub(crate) fn is_key(&self, name: &str) -> bool {
        self.keys().any(|key| key.name == name)
    }

    /// Where an item is, given its key and nothing else.
    pub(crate) fn place_of_key(&self, key: &Item) -> Result<Vec<u8>> {
        let fits = self.keys().all(|own| {
            key.get(&own.name)
                .is_some_and(|value| value.kind() == own.kind)
        });
        if !fits || key.len() != self.keys().count() {
            return Err(Refusal::validation(
                "The provided key element does not match the schema",
            ));
        }
        self.place(key)
    }

    /// Where a whole item goes.
    pub(crate) fn place_of_item(&self, item: &Item) -> Result<Vec<u8>> {
        for key in self.keys() {
            let Some(value) = item.get(&key.name) else {
                return Err(Refusal::parameter(format!(
                    "Missing the key {} in the item",
                    key.name
                )));
            };
            if value.kind() != key.kind {
                return Err(Refusal::parameter(format!(
                    "Type mismatch for key {} expected: {} actual: {}",
                    key.name,
                    key.kind,
                    value.kind()
                )));
            }
        }
        self.place(item)
    }

    fn place(&self, item: &Item) -> Result<Vec<u8>> {
        let value = |key: &Key| {
            item.get(&key.name)
                .ok_or_else(|| Refusal::internal("a key is missing"))
        };
        let partition = value(&self.partition_key)?;
        self.partition_key
            .check_size(partition, "hashkey", PARTITION_KEY_BYTES_MAX)?;
        let mut place = partition_bytes(partition);
        if let Some(key) = &self.sort_key {
            let sort = value(key)?;
            key.check_size(sort, "the range key", SORT_KEY_BYTES_MAX)?;
            place.extend(sort_bytes(sort));
        }
        Ok(place)
    }

    /// The key of an item, as answers show it.
    pub(crate) fn key_of(&self, item: &Item) -> Json {
        let key = item.iter().filter(|(name, _)| self.is_key(name));
        item_to_json(
            &key.map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    /// When an item expires, if it does.
    pub(crate) fn expires_at(&self, item: &Item) -> Option<u64> {
        match item.get(self.expires_by.as_ref()?)? {
            Attribute::N(seconds) => seconds.as_u64(),
            _ => None,
        }
    }
}

/// What all items of a partition begin with, and no others: its length comes first.
pub(crate) fn partition_bytes(value: &Attribute) -> Vec<u8> {
    let bytes = sort_bytes(value);
    let mut place = (bytes.len() as u32).to_be_bytes().to_vec();
    place.extend(bytes);
    place
}

/// Bytes in the order of the values.
fn sort_bytes(value: &Attribute) -> Vec<u8> {
    match value {
        Attribute::S(text) => text.clone().into_bytes(),
        Attribute::N(number) => number.sort_bytes(),
        Attribute::B(bytes) => bytes.clone(),
        _ => Vec::new(),
    }
}
