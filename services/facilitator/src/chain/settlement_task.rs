//! One settlement, from the first look at the chain to the receipt. It runs to its end whoever still waits for it.

use super::draft::nothing_sent;
use super::fees;
use super::journal::{Attempt, Unfinished};
use super::ongoing::{Progress, SettlementOutcome};
use super::shared::Shared;
use super::token::{Call, Form};
use super::transaction::Transaction;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use x402::chain::{ExpectedTransfer, PaymentState, RpcError};
use x402::reason;
use x402::wire::Authorization;

const POLL_FIRST: Duration = Duration::from_millis(100);
const POLL_MAX: Duration = Duration::from_secs(2);
/// Nodes behind one address can be a block apart: what two of them say has to stay true for a while.
const SEEN_TAKEN: u32 = 3;
const NONCES_TRIED: usize = 3;

pub(super) struct SettlementTask {
    pub(super) shared: Arc<Shared>,
    pub(super) settlement: Unfinished,
    /// The call that every attempt makes.
    pub(super) call: Call,
    pub(super) progress: watch::Sender<Progress>,
}

/// How the attempt to send ended.
enum Sent {
    Yes,
    /// Somebody else's transaction has the account nonce.
    NonceTaken,
    No,
}

impl SettlementTask {
    /// Ends once the outcome is certain.
    pub(super) async fn run(mut self) {
        let outcome = match self.settlement.attempts.last() {
            None => self.start().await,
            // It was recorded before a crash, and may or may not have been sent.
            Some(last) => {
                self.send(last).await;
                None
            }
        };
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => self.follow().await,
        };
        self.shared.finish(&self, outcome).await;
    }

    pub(super) fn authorization(&self) -> &Authorization {
        &self.settlement.payload.authorization
    }

    pub(super) fn expected(&self) -> ExpectedTransfer {
        self.shared.expected(self.authorization())
    }

    /// Looks at the chain, sets fees, records and sends. `None` when a transaction may have been sent.
    async fn start(&mut self) -> Option<SettlementOutcome> {
        match self.look().await {
            Ok(None) => {}
            Ok(Some(outcome)) => return Some(outcome),
            Err(error) => return Some(nothing_sent(&error)),
        }
        let shared = self.shared.clone();
        // One at a time: two transactions with one account nonce would be one transaction.
        let mut next_nonce = shared.next_nonce.lock().await;
        for _ in 0..NONCES_TRIED {
            let prepared = self.prepare(*next_nonce).await;
            let (transaction, attempt) = match prepared {
                Ok(prepared) => prepared,
                Err(outcome) => return Some(outcome),
            };
            if !self.note(attempt.clone()).await {
                // It may be recorded, and then whoever reads the record sends it.
                return Some(SettlementOutcome::Unknown);
            }
            match self.send(&attempt).await {
                Sent::Yes => {
                    *next_nonce = Some(transaction.nonce + 1);
                    return None;
                }
                Sent::NonceTaken => *next_nonce = Some(transaction.nonce + 1),
                Sent::No => return Some(SettlementOutcome::Failed(reason::UNEXPECTED_SETTLE)),
            }
        }
        tracing::error!("another program uses the settlement key");
        Some(SettlementOutcome::Failed(reason::UNEXPECTED_SETTLE))
    }

    /// The outcome, where the chain knows it already.
    async fn look(&self) -> Result<Option<SettlementOutcome>, RpcError> {
        self.shared.ready().await?;
        let (node, token) = (&self.shared.node, self.shared.token());
        if node.is_used(&self.expected()).await? {
            return Ok(Some(
                self.used().await?.unwrap_or(SettlementOutcome::Unknown),
            ));
        }
        if node.balance(token, self.authorization().from).await? < self.authorization().value {
            return Ok(Some(SettlementOutcome::Failed(
                reason::INSUFFICIENT_BALANCE,
            )));
        }
        Ok(None)
    }

    /// What became of a nonce that is used; `None` while that is not found.
    pub(super) async fn used(&self) -> Result<Option<SettlementOutcome>, RpcError> {
        let state = self.shared.node.payment_state(&self.expected()).await?;
        Ok(match state {
            PaymentState::Paid { transaction, .. } => Some(SettlementOutcome::Earlier(transaction)),
            PaymentState::Void => Some(SettlementOutcome::Failed(reason::TRANSACTION_FAILED)),
            PaymentState::Unused | PaymentState::Expired | PaymentState::Unknown => None,
        })
    }

    /// Writes the attempt down; false when that is not certain, or not for us to do.
    async fn note(&mut self, attempt: Attempt) -> bool {
        let hash = attempt.hash;
        self.settlement.attempts.push(attempt);
        self.progress
            .send_modify(|progress| progress.transaction = Some(hash));
        match self.shared.journal.sending(&mut self.settlement).await {
            Ok(true) => true,
            Ok(false) => {
                tracing::warn!(%hash, "another facilitator is working on this settlement");
                false
            }
            Err(error) => {
                tracing::error!(%error, %hash, "nothing is sent: the settlement cannot be recorded");
                false
            }
        }
    }

    async fn send(&self, attempt: &Attempt) -> Sent {
        let error = match self.shared.node.send(&attempt.raw).await {
            Ok(()) => return Sent::Yes,
            Err(error) => error,
        };
        let RpcError::Refused { message, .. } = &error else {
            tracing::warn!(%error, hash = %attempt.hash, "the transaction may have been sent");
            return Sent::Yes;
        };
        let message = message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        if says(&["already known", "already imported"]) {
            Sent::Yes
        } else if says(&["nonce too low", "replacement transaction underpriced"]) {
            Sent::NonceTaken
        } else if says(&["insufficient funds", "underpriced", "base fee", "intrinsic"]) {
            tracing::error!(%error, account = %self.shared.key.address(), "the transaction was refused");
            Sent::No
        } else {
            // A node that forwards to others can refuse what it has passed on.
            tracing::warn!(%error, hash = %attempt.hash, "the transaction may have been sent");
            Sent::Yes
        }
    }

    /// Waits for a receipt of any attempt, and replaces an attempt that waits too long.
    async fn follow(&mut self) -> SettlementOutcome {
        let (mut pause, mut taken, mut sent_at) = (POLL_FIRST, 0, Instant::now());
        loop {
            match self.receipts(&mut taken).await {
                Ok(Some(outcome)) => return outcome,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "a settlement is open"),
            }
            if sent_at.elapsed() >= self.shared.replace_after {
                sent_at = Instant::now();
                self.replace().await;
            }
            tokio::time::sleep(pause.min(self.shared.replace_after)).await;
            pause = (pause * 2).min(POLL_MAX);
        }
    }

    async fn receipts(&self, taken: &mut u32) -> Result<Option<SettlementOutcome>, RpcError> {
        let (node, expected) = (&self.shared.node, self.expected());
        let account = self.shared.key.address();
        // Asked first: a transaction that enters a block in between has a receipt below.
        let mined = node.transactions(account, "latest").await?;
        for attempt in self.settlement.attempts.iter().rev() {
            let Some(receipt) = node.receipt(attempt.hash).await? else {
                continue;
            };
            if receipt.is_payment(&expected) {
                return Ok(Some(SettlementOutcome::Settled(attempt.hash)));
            }
            tracing::warn!(hash = %attempt.hash, succeeded = receipt.succeeded(), "the transaction moved nothing");
            return if node.is_used(&expected).await? {
                self.used().await
            } else {
                if self.settlement.form != Form::Key {
                    self.shared.memory.distrust(self.authorization().from);
                }
                Ok(Some(SettlementOutcome::Failed(reason::TRANSACTION_FAILED)))
            };
        }
        let last = self
            .settlement
            .attempts
            .last()
            .map_or(0, |attempt| attempt.account_nonce);
        *taken = if mined > last { *taken + 1 } else { 0 };
        if *taken < SEEN_TAKEN {
            return Ok(None);
        }
        // Another transaction has our account nonce, so none of the attempts can ever enter a block.
        if node.is_used(&expected).await? {
            self.used().await
        } else {
            Ok(Some(SettlementOutcome::Failed(reason::TRANSACTION_FAILED)))
        }
    }

    /// The same call with the same account nonce and higher fees; only one of them can enter a block. Where the fees can go no
    /// higher, the last attempt is sent again, in case nobody has it.
    async fn replace(&mut self) {
        let Some(last) = self.settlement.attempts.last().cloned() else {
            return;
        };
        let prices = self.shared.node.prices().await;
        let higher = prices
            .ok()
            .and_then(|(base, tip)| fees::higher(last.fees(), base, tip, self.shared.fee_cap));
        let Some(fees) = higher else {
            self.send(&last).await;
            return;
        };
        let transaction = Transaction {
            chain_id: self.shared.chain_id,
            nonce: last.account_nonce,
            fees,
            gas: last.gas,
            to: self.call.to,
            data: self.call.data.clone(),
        };
        let signed = transaction.sign(&self.shared.key);
        let attempt = Attempt::new(last.account_nonce, last.gas, fees, signed);
        if self.note(attempt.clone()).await {
            tracing::info!(hash = %attempt.hash, most = fees.most, "replacing a pending transaction");
            self.send(&attempt).await;
        }
    }
}
