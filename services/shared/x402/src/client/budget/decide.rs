//! What became of payments, according to the chain alone.

use super::Budget;
use super::book::Open;
use crate::Receipt;
use crate::chain::{Chain, ExpectedTransfer, PaymentState, Proof, RpcError};
use crate::client::PayError;
use crate::receipt::Evidence;
use alloy_primitives::B256;
use futures_util::future::join_all;
use std::time::Duration;

/// Payments that are looked up at once, and written at once: a table takes 100 changes.
const AT_ONCE_MAX: usize = 16;
/// For the receipts of earlier purchases, while the seller is asked for its price.
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);
/// For all that is over.
const SWEEP_WITHIN: Duration = Duration::from_secs(15);

/// What a chain says in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Fate {
    /// This transaction made it.
    Paid(B256),
    /// It has not happened and never will.
    Never,
}

impl Budget {
    /// What the chain says of a payment; `None` while that may change, and when it cannot be asked.
    pub(in super::super) async fn fate(&self, nonce: B256, open: &Open) -> Option<Fate> {
        let chain = self.chain.as_deref()?;
        self.look(chain, nonce, open).await.unwrap_or_else(|error| {
            tracing::warn!(%error, %nonce, "a payment cannot be looked up");
            None
        })
    }

    pub(in super::super) fn has_chain(&self) -> bool {
        self.chain.is_some()
    }

    async fn look(
        &self,
        chain: &dyn Chain,
        nonce: B256,
        open: &Open,
    ) -> Result<Option<Fate>, RpcError> {
        let state = chain.payment_state(&self.expected(nonce, open)).await?;
        Ok(match state {
            PaymentState::Paid { transaction, .. } => Some(Fate::Paid(transaction)),
            PaymentState::Void | PaymentState::Expired => Some(Fate::Never),
            PaymentState::Unused | PaymentState::Unknown => None,
        })
    }

    /// Whether the transaction that the seller has named made the payment. When it did not, another one still may have.
    async fn check_claim(
        &self,
        chain: &dyn Chain,
        nonce: B256,
        open: &Open,
        claimed: B256,
    ) -> Result<Option<Fate>, RpcError> {
        let expected = self.expected(nonce, open);
        match chain.proof(&expected, claimed).await? {
            Proof::Paid { .. } => Ok(Some(Fate::Paid(claimed))),
            _ if is_over(open) => self.look(chain, nonce, open).await,
            Proof::NotPaid | Proof::Missing => Ok(None),
        }
    }

    /// Compares receipts of earlier purchases with the chain: a few, and not for long.
    pub(in super::super) async fn confirm(&self) {
        let confirm = async {
            let (_, book) = self.read().await?;
            let claims = book
                .open
                .into_iter()
                .filter(|(_, open)| open.claimed.is_some());
            self.decide(claims.take(AT_ONCE_MAX).collect()).await
        };
        // What is not confirmed in time is so another time.
        if let Some(Err(error)) = crate::within(CONFIRM_WITHIN, confirm).await {
            tracing::warn!(%error, "earlier receipts cannot be confirmed");
        }
    }

    /// Looks at payments whose time is over, and at receipts that were not confirmed yet. Returns how many it has decided.
    pub(in super::super) async fn sweep(&self) -> Result<usize, PayError> {
        if self.chain.is_none() {
            return Ok(0);
        }
        let (_, book) = self.read().await?;
        let due = book.open.into_iter();
        let due: Vec<_> = due
            .filter(|(_, open)| open.claimed.is_some() || is_over(open))
            .collect();
        let work = async {
            let mut decided = 0;
            for some in due.chunks(AT_ONCE_MAX) {
                decided += self.decide(some.to_vec()).await?;
            }
            Ok(decided)
        };
        crate::within(SWEEP_WITHIN, work).await.unwrap_or(Ok(0))
    }

    /// Asks about some payments at once, and writes down what is certain.
    async fn decide(&self, payments: Vec<(B256, Open)>) -> Result<usize, PayError> {
        let Some(chain) = self.chain.as_deref() else {
            return Ok(0);
        };
        let looks = payments.iter().map(|(nonce, open)| async move {
            let looked = match open.claimed {
                Some(claimed) => self.check_claim(chain, *nonce, open, claimed).await,
                None => self.look(chain, *nonce, open).await,
            };
            looked.unwrap_or_else(|error| {
                tracing::warn!(%error, %nonce, "an open payment cannot be looked up");
                None
            })
        });
        let fates = join_all(looks).await;
        let mut paid: Vec<(B256, Receipt)> = Vec::new();
        let mut never = Vec::new();
        for ((nonce, open), fate) in payments.iter().zip(fates) {
            match fate {
                Some(Fate::Paid(transaction)) => {
                    paid.push((*nonce, self.receipt(open, transaction, Evidence::Chain)));
                }
                Some(Fate::Never) => {
                    if open.claimed.is_some() {
                        tracing::error!(%nonce, "the seller gave a receipt for a payment that was never made");
                    }
                    never.push(*nonce);
                }
                None => {}
            }
        }
        let decided = paid.len() + never.len();
        if decided > 0 {
            let receipts: Vec<_> = paid
                .iter()
                .map(|(nonce, receipt)| (*nonce, receipt))
                .collect();
            self.update(&receipts, |book| {
                for (nonce, receipt) in &receipts {
                    book.paid(*nonce, receipt, true);
                }
                for nonce in &never {
                    book.release(*nonce);
                }
            })
            .await?;
        }
        Ok(decided)
    }

    /// What the chain has to show for a payment of ours to be made. Its nonce is as old as the authorization itself, and the
    /// chain's clock may be behind ours by all that the authorization allows.
    fn expected(&self, nonce: B256, open: &Open) -> ExpectedTransfer {
        ExpectedTransfer {
            asset: self.asset.address,
            payer: self.payer,
            pay_to: open.pay_to,
            amount: open.amount,
            nonce,
            not_before: open
                .valid_before
                .saturating_sub(crate::client::VALID_SECONDS_MAX)
                .saturating_sub(crate::client::CLOCK_SKEW_SECONDS),
            valid_before: open.valid_before,
        }
    }
}

/// Whether an authorization moves nothing any more, by any clock.
fn is_over(open: &Open) -> bool {
    crate::client::chargeable_until(open.valid_before) < crate::now_seconds()
}
