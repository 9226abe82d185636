//! The response to a request to settle.

use super::ongoing::{Progress, SettlementOutcome};
use crate::claim::Asker;
use alloy_primitives::B256;
use tokio::sync::watch;
use tokio::time::Instant;
use x402::wire::{FacilitatorRequest, SettlementResponse};
use x402::{Asset, reason};

/// The response to a request to settle.
pub(super) enum Reply {
    Success(B256),
    /// The nonce is used: by this transaction, where it may be named.
    Used(Option<B256>),
    Refused(&'static str),
    /// It goes on; this is its transaction.
    Pending(Option<B256>),
}

impl Reply {
    pub(super) fn into_response(
        self,
        request: &FacilitatorRequest,
        asset: &Asset,
    ) -> SettlementResponse {
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
pub(super) fn answer_to(progress: Progress, asker: Asker, first: bool) -> Reply {
    let may_hear = |hash: B256| (asker == Asker::Unnamed).then_some(hash);
    match progress.outcome {
        Some(SettlementOutcome::Settled(hash)) if first || asker == Asker::Same => {
            Reply::Success(hash)
        }
        // Somebody else's transaction, or somebody else's question: without keys nobody can tell which sale it has paid.
        Some(SettlementOutcome::Settled(hash) | SettlementOutcome::Earlier(hash)) => {
            Reply::Used(may_hear(hash))
        }
        Some(SettlementOutcome::Failed(reason)) => Reply::Refused(reason),
        Some(SettlementOutcome::Unknown) | None => Reply::Pending(progress.transaction),
    }
}

pub(super) async fn wait(mut receiver: watch::Receiver<Progress>, deadline: Instant) -> Progress {
    let finished = receiver.wait_for(|progress| progress.outcome.is_some());
    // Late or not, what counts is what is known by then.
    drop(tokio::time::timeout_at(deadline, finished).await);
    *receiver.borrow()
}
