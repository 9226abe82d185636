//! What a purchase ends in.

use super::answer::ReceiptFault;
use crate::Receipt;
use crate::chain::CLOCK_SKEW_SECONDS;
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
        "the price {price} and the {spent} spent exceed the {which} limit of {limit} (atomic units)"
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
    /// The payment was signed and sent, and never made, as the chain says. There is no answer but a refusal.
    #[error("the payment was not made: {problem}")]
    NotPaid { problem: String },
    /// The chain has the payment, and the seller did not answer.
    #[error(
        "the payment was made in transaction {}, and the seller did not answer: {problem}",
        receipt.transaction
    )]
    PaidUnanswered {
        receipt: Box<Receipt>,
        problem: String,
    },
    /// The payment was signed and sent, and may still be charged until it expires, whatever the seller says: the chain
    /// does not know of it yet, or cannot be asked. The amount stays set aside until then.
    #[error(
        "the payment with nonce {nonce} may still be charged until {}: {problem}",
        utc_minute(chargeable_until(*valid_before))
    )]
    OutcomeUnknown {
        nonce: B256,
        /// Atomic units.
        amount: U256,
        /// Seconds since 1970: the end of the authorization.
        valid_before: u64,
        /// What came back, in words that are cut and clean.
        problem: String,
        /// What the seller answered; `None` when it did not.
        answer: Option<Box<Answered>>,
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

/// What a seller answered to a payment that may or may not have been made.
#[derive(Debug, Clone)]
pub struct Answered {
    pub status: StatusCode,
    pub body: Bytes,
}

/// Until when an authorization may still be charged, in seconds since 1970: clocks differ.
pub fn chargeable_until(valid_before: u64) -> u64 {
    valid_before.saturating_add(CLOCK_SKEW_SECONDS)
}

/// A time of the day for people, rounded up to a whole minute: `14:05 UTC`.
pub fn utc_minute(seconds: u64) -> String {
    let minutes = seconds.div_ceil(60);
    format!("{:02}:{:02} UTC", minutes / 60 % 24, minutes % 60)
}

/// What came back, paid or not: a 404 for a resource that does not exist is an answer too, without a receipt.
#[derive(Debug, Clone)]
pub struct Paid {
    pub status: StatusCode,
    pub body: Bytes,
    /// `None` when nothing was charged.
    pub receipt: Option<Receipt>,
    /// What is wrong with the seller's own receipt. What was charged all the same is known from the chain.
    pub fault: Option<ReceiptFault>,
}

#[cfg(test)]
mod tests {
    use super::utc_minute;

    #[test]
    fn times_are_rounded_up() {
        for (seconds, time) in [
            (0, "00:00 UTC"),
            (1, "00:01 UTC"),
            (50_700, "14:05 UTC"),
            (50_701, "14:06 UTC"),
            (86_399, "00:00 UTC"),
            (1_795_391_600, "23:54 UTC"),
        ] {
            assert_eq!(utc_minute(seconds), time);
        }
    }
}
