//! The settlements that are under way.

use crate::claim::{Asker, IdempotencyKey, asker};
use alloy_primitives::{Address, B256};
use std::collections::HashMap;
use tokio::sync::watch;
use x402::reason;
use x402::wire::Authorization;

#[derive(Default)]
pub(super) struct OngoingSettlements {
    /// By payer and nonce: of two authorizations with one nonce, one at most is ever sent at a time.
    pub(super) by_payment: HashMap<(Address, B256), OngoingSettlement>,
}

#[derive(Clone)]
pub(super) struct OngoingSettlement {
    pub(super) digest: B256,
    /// Of the sale that began it.
    pub(super) key: Option<IdempotencyKey>,
    pub(super) progress: watch::Receiver<Progress>,
}

/// The state of a settlement so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) transaction: Option<B256>,
    pub(super) outcome: Option<SettlementOutcome>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SettlementOutcome {
    /// This transaction of ours moved the money.
    Settled(B256),
    /// Exactly this transfer had been made before, by a transaction that we do not know as ours.
    Earlier(B256),
    /// Nothing moved, and nothing will.
    Failed(&'static str),
    /// Whoever reads the journal next may send it.
    Unknown,
}

/// How a request to settle was admitted.
pub(super) enum Admission {
    /// It began with this request.
    First(watch::Receiver<Progress>),
    /// It was under way.
    Joined(watch::Receiver<Progress>, Asker),
    Settled(B256, Asker),
    Refused(&'static str),
}

/// Of two authorizations with one payer and nonce, the token takes one.
pub(super) fn id(authorization: &Authorization) -> (Address, B256) {
    (authorization.from, authorization.nonce)
}

impl OngoingSettlements {
    /// What is under way for a payment.
    pub(super) fn known(
        &self,
        authorization: &Authorization,
        digest: B256,
        key: Option<&IdempotencyKey>,
    ) -> Option<Admission> {
        let settlement = self.by_payment.get(&id(authorization))?;
        Some(if settlement.digest == digest {
            Admission::Joined(
                settlement.progress.clone(),
                asker(settlement.key.as_ref(), key),
            )
        } else {
            // Certain about this authorization: it was never sent.
            Admission::Refused(reason::TRANSACTION_FAILED)
        })
    }
}
