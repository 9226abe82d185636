//! What a purchase ends in.

use crate::Receipt;
use crate::store::StoreError;
use crate::wire::Requirements;
use alloy_primitives::{B256, U256};
use bytes::Bytes;
use http::StatusCode;

/// Why nothing was bought.
#[derive(Debug, thiserror::Error)]
pub enum PayError {
    /// Amounts in atomic units. Nothing was signed.
    #[error("the price {price} is above the limit of {limit} (atomic units)")]
    PriceAboveLimit { price: U256, limit: U256 },
    /// Amounts in atomic units. Nothing was signed.
    #[error(
        "the price {price} and the {spent} spent pass the {which} limit of {limit} (atomic units)"
    )]
    LimitReached {
        /// `session` or `day`.
        which: &'static str,
        price: U256,
        spent: U256,
        limit: U256,
    },
    /// Nothing was signed: without a place to keep it there is no budget.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing was signed.
    #[error("the {what} `{offered}` is not allowed: the policy allows `{allowed}`")]
    NotAllowed {
        what: &'static str,
        offered: String,
        allowed: String,
    },
    /// The seller looked at the payment and refused it. Nothing was charged.
    #[error("the seller refused the payment: {reason}")]
    Refused { reason: String },
    /// The payment was sent, and its answer was lost or the seller cannot tell: it may have been charged until the time
    /// (seconds since 1970) at which the authorization ends.
    #[error("the payment with nonce {nonce} may have been made: {problem}")]
    OutcomeUnknown {
        nonce: B256,
        valid_before: u64,
        problem: String,
    },
    /// The resource has no price: the answer was not a 402.
    #[error("the resource is not for sale: it answered {status}")]
    NotForSale { status: StatusCode },
    /// Nothing was signed.
    #[error("the seller could not be reached: {0}")]
    Http(String),
    /// The seller's answer is not what x402 describes.
    #[error("the seller's offer cannot be read: {0}")]
    Malformed(String),
}

/// What something costs.
#[derive(Debug, Clone)]
pub struct Quote {
    /// Atomic units.
    pub amount: U256,
    pub requirements: Requirements,
    /// URL of what is sold.
    pub resource: String,
}

/// What came back, paid or not: a 404 for a resource that does not exist is an answer too, without a receipt.
#[derive(Debug, Clone)]
pub struct Paid {
    pub status: StatusCode,
    pub body: Bytes,
    /// `None` when nothing was charged.
    pub receipt: Option<Receipt>,
}
