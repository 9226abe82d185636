//! The lines of the ledger's file.

use crate::claim::IdempotencyKey;
use serde::{Deserialize, Serialize};
use x402::{Address, Asset, B256, U256, wire::Authorization};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum Record {
    Opened(Opened),
    Transfer(Transfer),
}

/// What the lines after this one mean: which token they move, and what an account starts with that they name first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Opened {
    pub(super) network: String,
    pub(super) asset: Address,
    pub(super) grant: U256,
}

impl Opened {
    pub(super) fn new(asset: &Asset, grant: U256) -> Self {
        Self {
            network: asset.network.clone(),
            asset: asset.address,
            grant,
        }
    }

    pub(super) fn same_token(&self, other: &Self) -> bool {
        self.network == other.network && self.asset == other.asset
    }
}

/// One settled payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    #[serde(flatten)]
    pub authorization: Authorization,
    /// The digest that was signed; it serves as the transaction's hash.
    pub transaction: B256,
    /// Seconds since 1970.
    pub settled_at: u64,
    /// Of the sale that it paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}
