//! What a request to settle is told.

use super::traffic::{Outcome, Progress};
use crate::claim::Asker;
use alloy_primitives::B256;
use tokio::sync::watch;
use tokio::time::Instant;
use x402::wire::{FacilitatorRequest, SettlementResponse};
use x402::{Asset, reason};

/// What a request to settle is told.
pub(super) enum Said {
    Success(B256),
    /// The nonce is used: by this transaction, where it may be named.
    Used(Option<B256>),
    Refused(&'static str),
    /// It goes on; this is its transaction.
    Pending(Option<B256>),
}

impl Said {
    pub(super) fn answer(self, request: &FacilitatorRequest, asset: &Asset) -> SettlementResponse {
        let payer = request.payment_payload.payload.authorization.from;
        let named = |hash: B256| [("transaction".to_owned(), hash.to_string().into())];
        let (transaction, reason, extra) = match self {
            Self::Success(hash) => (hash.to_string(), None, None),
            Self::Used(hash) => (String::new(), Some(reason::NONCE_USED), hash),
            Self::Refused(reason) => (String::new(), Some(reason), None),
            Self::Pending(hash) => (String::new(), Some(reason::SETTLEMENT_PENDING), hash),
        };
        SettlementResponse {
            success: reason.is_none(),
            error_reason: reason.map(str::to_owned),
            payer: Some(payer.to_checksum(None)),
            transaction,
            network: asset.network.clone(),
            extra: extra.map(|hash| named(hash).into_iter().collect()),
        }
    }
}

/// `first` is the request that began the settlement; it and its own repetition hear of a success.
pub(super) fn said(progress: Progress, asker: Asker, first: bool) -> Said {
    let may_hear = |hash: B256| (asker == Asker::Unnamed).then_some(hash);
    match progress.outcome {
        Some(Outcome::Settled(hash)) if first || asker == Asker::Same => Said::Success(hash),
        // Somebody else's transaction, or somebody else's question: without keys nobody can tell which sale it has paid.
        Some(Outcome::Settled(hash) | Outcome::Earlier(hash)) => Said::Used(may_hear(hash)),
        Some(Outcome::Failed(reason)) => Said::Refused(reason),
        Some(Outcome::Unknown) | None => Said::Pending(progress.transaction),
    }
}

pub(super) async fn wait(mut receiver: watch::Receiver<Progress>, deadline: Instant) -> Progress {
    let landed = receiver.wait_for(|progress| progress.outcome.is_some());
    // Late or not, what counts is what is known by then.
    drop(tokio::time::timeout_at(deadline, landed).await);
    *receiver.borrow()
}
