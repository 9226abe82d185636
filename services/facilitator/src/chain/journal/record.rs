//! The record of a settlement.

use crate::chain::token::Form;
use crate::chain::transaction::{Fees, Signed};
use crate::claim::IdempotencyKey;
use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};
use x402::store::Stamp;
use x402::wire::ExactPayload;

/// One form of a settlement's transaction; a replacement has the same account nonce and higher fees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::chain) struct Attempt {
    pub(in crate::chain) account_nonce: u64,
    pub(in crate::chain) gas: u64,
    /// Wei for a unit of gas.
    tip: u64,
    most: u64,
    pub(in crate::chain) hash: B256,
    pub(in crate::chain) raw: Bytes,
}

impl Attempt {
    pub(in crate::chain) fn new(account_nonce: u64, gas: u64, fees: Fees, signed: Signed) -> Self {
        Self {
            account_nonce,
            gas,
            tip: fees.tip,
            most: fees.most,
            hash: signed.hash,
            raw: signed.raw.into(),
        }
    }

    pub(in crate::chain) fn fees(&self) -> Fees {
        Fees {
            tip: self.tip,
            most: self.most,
        }
    }
}

/// A settlement as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) payload: ExactPayload,
    pub(super) attempts: Vec<Attempt>,
    /// The transaction that moved the money, once that is certain.
    pub(super) transaction: Option<B256>,
    /// Of the sale that began it. Nobody's is a transfer that somebody else has sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) idempotency_key: Option<IdempotencyKey>,
    #[serde(default, skip_serializing_if = "is_usual")]
    pub(super) form: Form,
}

/// A settlement whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::chain) struct Unfinished {
    /// Names the authorization.
    pub(in crate::chain) digest: B256,
    pub(in crate::chain) payload: ExactPayload,
    /// Of the sale that began it.
    pub(in crate::chain) key: Option<IdempotencyKey>,
    pub(in crate::chain) form: Form,
    pub(in crate::chain) attempts: Vec<Attempt>,
    /// The last write of its record; `None` before the first.
    pub(super) stamp: Option<Stamp>,
}

impl Unfinished {
    pub(in crate::chain) fn new(
        digest: B256,
        payload: ExactPayload,
        key: Option<IdempotencyKey>,
        form: Form,
    ) -> Self {
        Self {
            digest,
            payload,
            key,
            form,
            attempts: Vec::new(),
            stamp: None,
        }
    }

    pub(super) fn record(&self, attempts: Vec<Attempt>) -> Record {
        Record {
            payload: self.payload.clone(),
            attempts,
            transaction: None,
            idempotency_key: self.key.clone(),
            form: self.form,
        }
    }
}

/// How a settlement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::chain) enum End {
    /// A transaction of ours moved the money.
    Settled(B256),
    /// Somebody else's did: no sale may take it for its own.
    Foreign(B256),
    /// Nothing moved.
    Nothing,
}

/// What the journal knows of a settlement.
pub(in crate::chain) enum Known {
    /// This transaction moved the money, for the sale with this key.
    Settled(B256, Option<IdempotencyKey>),
    /// It began, and its end is not recorded.
    Open(Box<Unfinished>),
}

fn is_usual(form: &Form) -> bool {
    *form == Form::default()
}
