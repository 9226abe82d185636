//! What was handed to the chain, written down before it is: after a crash the transaction is looked for, not sent a second time.

use super::transaction::{Fees, Signed};
use crate::file::{self, FileError, Writer};
use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use x402::wire::ExactPayload;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Record {
    Sending(Box<Sending>),
    Ended(Ended),
}

/// A transaction that may be on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sending {
    /// Names the authorization.
    pub(super) digest: B256,
    pub(super) payload: ExactPayload,
    pub(super) attempt: Attempt,
}

/// One form of a settlement's transaction; a replacement has the same account nonce and higher fees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attempt {
    pub(super) account_nonce: u64,
    pub(super) gas: u64,
    /// Wei for a unit of gas.
    tip: u64,
    most: u64,
    pub(super) hash: B256,
    pub(super) raw: Bytes,
}

impl Attempt {
    pub(super) fn new(account_nonce: u64, gas: u64, fees: Fees, signed: Signed) -> Self {
        Self {
            account_nonce,
            gas,
            tip: fees.tip,
            most: fees.most,
            hash: signed.hash,
            raw: signed.raw.into(),
        }
    }

    pub(super) fn fees(&self) -> Fees {
        Fees {
            tip: self.tip,
            most: self.most,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ended {
    digest: B256,
    /// The transaction that moved the money; none when none did.
    transaction: Option<B256>,
}

/// A settlement whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfinished {
    pub(super) digest: B256,
    pub(super) payload: ExactPayload,
    pub(super) attempts: Vec<Attempt>,
}

/// What a journal says when it is opened.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) unfinished: Vec<Unfinished>,
    /// Digests with the transactions that settled them.
    pub(super) settled: HashMap<B256, B256>,
}

pub(super) struct Journal {
    writer: Writer,
}

impl Journal {
    pub(super) fn open(path: &Path) -> Result<(Self, Past), FileError> {
        let (file, records) = file::open::<Record>(path)?;
        let writer = Writer::start(file).map_err(|source| FileError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok((Self { writer }, Past::read(records)))
    }

    /// False when the line may not have reached the disk.
    pub(super) async fn sending(&self, sending: Sending) -> bool {
        let written = self.writer.send(&Record::Sending(Box::new(sending)));
        written.await.unwrap_or(false)
    }

    /// A lost line of this kind costs a look at the chain after the next start, nothing else.
    pub(super) async fn ended(&self, digest: B256, transaction: Option<B256>) {
        let record = Record::Ended(Ended {
            digest,
            transaction,
        });
        self.writer.send(&record).await.ok();
    }
}

impl Past {
    fn read(records: Vec<Record>) -> Self {
        let mut past = Self::default();
        for record in records {
            match record {
                Record::Sending(sending) => past.add(*sending),
                Record::Ended(ended) => {
                    past.unfinished
                        .retain(|unfinished| unfinished.digest != ended.digest);
                    if let Some(transaction) = ended.transaction {
                        past.settled.insert(ended.digest, transaction);
                    }
                }
            }
        }
        past
    }

    fn add(&mut self, sending: Sending) {
        let known = self
            .unfinished
            .iter_mut()
            .find(|unfinished| unfinished.digest == sending.digest);
        match known {
            Some(unfinished) => unfinished.attempts.push(sending.attempt),
            None => self.unfinished.push(Unfinished {
                digest: sending.digest,
                payload: sending.payload,
                attempts: vec![sending.attempt],
            }),
        }
    }
}
