//! Whether a payment was made, and for this sale.

use super::checkout::Checkout;
use super::record::Attempt;
use crate::chain::{CLOCK_SKEW_SECONDS, ExpectedTransfer, PaymentState, Proof};
use crate::facilitator::FacilitatorError;
use crate::wire::SettlementResponse;
use crate::{decode, reason};
use alloy_primitives::B256;
use std::time::Duration;

/// Between looks for a transaction that the facilitator has named: two seconds in all, a block or more on most chains.
const PROOF_PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(600),
    Duration::from_millis(700),
];

/// What became of a settlement.
pub(super) enum Settled {
    /// The money has moved, by this transaction, for this sale.
    Paid(B256),
    /// It has not, and will not by what we did.
    No(&'static str),
    /// The facilitator never heard of it.
    NotSent,
    /// It is not known yet. `found_counts` says whether a transfer that turns up later can be this sale's.
    Open { found_counts: bool },
}

/// What the facilitator's answer to one request is worth.
enum Said {
    /// It has settled, by this transaction.
    Settled(B256),
    /// It has not, or not yet, and names this transaction.
    Named(B256),
    /// The nonce was used before, by this transaction if it says so.
    Used(Option<B256>),
    /// It refuses, for a reason after which nothing can have moved.
    Refused(&'static str),
    /// It refuses, or says nothing that makes sense, and money may have moved all the same.
    Failed,
    /// It never heard of it.
    NotSent,
    /// The answer is lost.
    Nothing,
}

/// What a transfer means that is found on the chain, and that the facilitator has not named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Find {
    /// It is this sale's: the answer that would have said so was lost.
    Ours,
    /// It is another's: the facilitator has refused this sale.
    Not,
    /// Only the facilitator can tell, and it has not answered.
    Open,
}

impl Checkout {
    /// Asks for the settlement; an answer that was lost is asked for once more with the identical payment, and then the chain
    /// is asked. An answer that was not lost is taken at its word, as far as the chain bears it out: a transfer that the
    /// facilitator does not name can be another seller's sale of the same payment.
    pub(super) async fn settle(&mut self, attempt: &Attempt) -> Settled {
        self.order.idempotency_key = Some(attempt.key.clone());
        // Whether money may have moved for this sale without our having heard of it.
        let (mut first, mut lost) = (!attempt.resumed, attempt.resumed && attempt.found_counts);
        for _ in 0..2 {
            match self.ask().await {
                Said::Settled(transaction) => return self.proven(transaction, attempt).await,
                Said::Named(transaction) => return self.shown(transaction, attempt).await,
                Said::Used(Some(transaction)) if lost => {
                    return self.shown(transaction, attempt).await;
                }
                Said::Used(_) if first => return Settled::No(reason::NONCE_USED),
                Said::Refused(reason) if first => return self.refused(reason, attempt).await,
                Said::NotSent if first => return Settled::NotSent,
                Said::Used(_) | Said::Refused(_) | Said::Failed if !lost => {
                    return self.found(attempt, Find::Not).await;
                }
                Said::Nothing => (first, lost) = (false, attempt.found_counts),
                _ => break,
            }
        }
        let find = if lost { Find::Ours } else { Find::Open };
        self.found(attempt, find).await
    }

    /// The facilitator has moved nothing; whether somebody else has, it need not say. Hosted ones call a spent nonce an invalid
    /// payload, a failed simulation, or, once the money is gone, too little of it.
    async fn refused(&self, reason: &'static str, attempt: &Attempt) -> Settled {
        let chain = self.offer.chain.as_ref();
        if let Some(chain) = chain.filter(|_| self.offer.chain_proves)
            && let Ok(PaymentState::Paid { .. } | PaymentState::Void) =
                chain.payment_state(&self.expected(attempt)).await
        {
            return Settled::No(reason::NONCE_USED);
        }
        Settled::No(reason)
    }

    /// Whether a transfer that is found on the chain can be taken for this sale's, when the facilitator's answer was lost.
    pub(super) fn found_counts(&self) -> bool {
        !self.route.seller.facilitator.tells_sales_apart()
    }

    async fn ask(&self) -> Said {
        let settlement = match self.route.seller.facilitator.settle(&self.order).await {
            Ok(settlement) => settlement,
            Err(FacilitatorError::NotSent(error)) => {
                tracing::warn!(error, "payment not settled");
                return Said::NotSent;
            }
            Err(error) => {
                tracing::warn!(%error, "settlement left open");
                return Said::Nothing;
            }
        };
        let named = named_transaction(&settlement);
        if settlement.success {
            let offer = &self.offer;
            let ours = settlement.network == offer.requirements.network
                || offer.network_v1 == Some(settlement.network.as_str());
            return match named {
                Some(transaction) if ours => Said::Settled(transaction),
                _ => {
                    tracing::error!(
                        "the facilitator says that it has settled, and names no transaction of this network"
                    );
                    Said::Failed
                }
            };
        }
        let reason = reason::public(
            settlement.error_reason.as_deref(),
            reason::UNEXPECTED_SETTLE,
        );
        tracing::warn!(reason, "not settled");
        match named {
            _ if reason == reason::NONCE_USED => Said::Used(named),
            _ if reason::is_final(reason) => Said::Refused(reason),
            Some(transaction) => Said::Named(transaction),
            None => Said::Failed,
        }
    }

    fn expected(&self, attempt: &Attempt) -> ExpectedTransfer {
        let authorization = &self.order.request.payment_payload.payload.authorization;
        let asset = self.order.request.payment_requirements.asset;
        ExpectedTransfer::of(asset, authorization, attempt.since)
    }

    /// What the facilitator does not call a success counts only where a chain shows it.
    async fn shown(&self, transaction: B256, attempt: &Attempt) -> Settled {
        if self.offer.chain_proves {
            return self.proven(transaction, attempt).await;
        }
        Settled::Open {
            found_counts: attempt.found_counts,
        }
    }

    /// Holds a transaction that the facilitator names against the chain. A node can be some blocks behind.
    async fn proven(&self, transaction: B256, attempt: &Attempt) -> Settled {
        let Some(chain) = self
            .offer
            .chain
            .as_ref()
            .filter(|_| self.offer.chain_proves)
        else {
            return Settled::Paid(transaction);
        };
        let expected = self.expected(attempt);
        for pause in PROOF_PAUSES {
            match chain.proof(&expected, transaction).await {
                Ok(Proof::Paid { at }) if is_of_sale(at, attempt) => {
                    return Settled::Paid(transaction);
                }
                Ok(Proof::Missing) => {}
                Ok(proof) => {
                    tracing::error!(%transaction, ?proof, "the facilitator names a transaction that is not this payment");
                    return self.found(attempt, Find::Not).await;
                }
                Err(error) => tracing::warn!(%error, "a settlement cannot be looked up"),
            }
            crate::sleep(pause).await;
        }
        tracing::warn!(%transaction, "the chain does not show a settlement yet");
        Settled::Open {
            found_counts: attempt.found_counts,
        }
    }

    /// Asks the chain what became of a payment that the facilitator cannot tell about.
    async fn found(&self, attempt: &Attempt, find: Find) -> Settled {
        let open = Settled::Open {
            found_counts: find == Find::Ours,
        };
        let Some(chain) = &self.offer.chain else {
            return open;
        };
        let expected = self.expected(attempt);
        match chain.payment_state(&expected).await {
            Ok(PaymentState::Paid { transaction, at }) => {
                if find == Find::Ours && is_in_time(at, attempt) {
                    return Settled::Paid(transaction);
                }
                if find == Find::Open {
                    return open;
                }
                tracing::warn!(%transaction, "paid by a transfer that is not of this sale; no answer is given for it");
                Settled::No(reason::NONCE_USED)
            }
            Ok(PaymentState::Void) => Settled::No(reason::NONCE_USED),
            Ok(PaymentState::Expired) => Settled::No(reason::VALID_BEFORE),
            Ok(state) => {
                tracing::warn!(?state, "settlement still open");
                open
            }
            Err(error) => {
                tracing::warn!(%error, "the chain cannot be asked about a settlement");
                open
            }
        }
    }
}

/// Whether a transaction that the facilitator names can have paid this sale. One that tells sales apart names no other's, and
/// then the chain's clock may be behind ours.
fn is_of_sale(at: u64, attempt: &Attempt) -> bool {
    !attempt.found_counts || is_in_time(at, attempt)
}

/// A transfer from before the sale was another's.
fn is_in_time(at: u64, attempt: &Attempt) -> bool {
    at.saturating_add(CLOCK_SKEW_SECONDS) >= attempt.since
}

/// The transaction that a facilitator names, in the field for it or, after a refusal, in `extra`.
fn named_transaction(settlement: &SettlementResponse) -> Option<B256> {
    let extra = settlement.extra.as_ref();
    let in_extra = extra.and_then(|extra| extra.get("transaction")?.as_str());
    let text = Some(settlement.transaction.as_str()).filter(|text| !text.is_empty());
    decode::hex_bytes(text.or(in_extra)?).map(B256::new)
}
