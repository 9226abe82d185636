//! What is under way.

use crate::claim::{Asker, IdempotencyKey, asker};
use alloy_primitives::{Address, B256};
use std::collections::HashMap;
use tokio::sync::watch;
use x402::reason;
use x402::wire::Authorization;

#[derive(Default)]
pub(super) struct Traffic {
    /// By payer and nonce: of two authorizations with one nonce, one at most is ever sent at a time.
    pub(super) flights: HashMap<(Address, B256), Ticket>,
}

#[derive(Clone)]
pub(super) struct Ticket {
    pub(super) digest: B256,
    /// Of the sale that began it.
    pub(super) key: Option<IdempotencyKey>,
    pub(super) progress: watch::Receiver<Progress>,
}

/// What is known of a settlement so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) transaction: Option<B256>,
    pub(super) outcome: Option<Outcome>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// This transaction of ours moved the money.
    Settled(B256),
    /// Exactly this transfer had been made before, by this transaction, which is none that we know as ours.
    Earlier(B256),
    /// Nothing moved, and nothing will.
    Failed(&'static str),
    /// Whoever reads the journal next may send it.
    Unknown,
}

/// What to answer a request to settle.
pub(super) enum Boarded {
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

impl Traffic {
    /// What is under way for a payment.
    pub(super) fn known(
        &self,
        authorization: &Authorization,
        digest: B256,
        key: Option<&IdempotencyKey>,
    ) -> Option<Boarded> {
        let ticket = self.flights.get(&id(authorization))?;
        Some(if ticket.digest == digest {
            Boarded::Joined(ticket.progress.clone(), asker(ticket.key.as_ref(), key))
        } else {
            // Certain about this authorization: it was never sent.
            Boarded::Refused(reason::TRANSACTION_FAILED)
        })
    }
}
