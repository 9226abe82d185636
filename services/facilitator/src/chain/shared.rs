//! The node, the key and the journal, and the questions that are asked of them.

use super::journal::{End, Journal, Unfinished};
use super::memory::Memory;
use super::node::Node;
use super::ongoing::{OngoingSettlements, Progress, SettlementOutcome, id};
use super::settlement_task::SettlementTask;
use super::token::{self, Call, Form};
use super::transaction::SettlementKey;
use crate::rules::Rules;
use alloy_primitives::{Address, U256};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OnceCell, watch};
use x402::chain::{ExpectedTransfer, RpcError};
use x402::reason;
use x402::wire::{Authorization, ExactPayload};

/// How far back a used nonce is looked for.
const SEARCH_SECONDS: u64 = 86_400;

/// What all clones of a chain and all of its settlement tasks use.
pub(super) struct Shared {
    pub(super) rules: Rules,
    pub(super) chain_id: u64,
    pub(super) node: Node,
    pub(super) key: SettlementKey,
    pub(super) factories_allowed: Vec<Address>,
    pub(super) fee_cap: u64,
    pub(super) replace_after: Duration,
    pub(super) answer_within: Duration,
    pub(super) journal: Journal,
    /// The account nonce after the last one that was used; none before the first.
    pub(super) next_nonce: tokio::sync::Mutex<Option<u64>>,
    pub(super) checked: OnceCell<()>,
    pub(super) ongoing: Mutex<OngoingSettlements>,
    pub(super) memory: Memory,
}

impl Shared {
    pub(super) fn token(&self) -> Address {
        self.rules.asset().address
    }

    /// The transfer that settles an authorization. One that was signed to hold for ever is looked for within a day.
    pub(super) fn expected(&self, authorization: &Authorization) -> ExpectedTransfer {
        let yesterday = U256::from(x402::now_seconds().saturating_sub(SEARCH_SECONDS));
        let not_before = authorization.valid_after.max(yesterday);
        ExpectedTransfer::of(self.token(), authorization, not_before.saturating_to())
    }

    pub(super) fn ongoing(&self) -> MutexGuard<'_, OngoingSettlements> {
        // Nothing panics between two changes that belong together.
        self.ongoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn ready(&self) -> Result<(), RpcError> {
        let check = async || {
            let found = self.node.chain_id().await?;
            let refused = |message: String| RpcError::Refused {
                method: "eth_chainId",
                message,
            };
            if found != self.chain_id {
                let wanted = self.chain_id;
                return Err(refused(format!("the chain is {found}, not {wanted}")));
            }
            if !self.node.has_code(self.token()).await? {
                return Err(refused(format!("there is no token at {}", self.token())));
            }
            Ok(())
        };
        self.checked.get_or_try_init(check).await.copied()
    }

    /// # Errors
    /// The reason code for which the token would refuse the transfer now.
    pub(super) async fn simulate(
        &self,
        payload: &ExactPayload,
        form: Form,
    ) -> Result<(), &'static str> {
        let authorization = &payload.authorization;
        if self.ongoing().by_payment.contains_key(&id(authorization)) {
            return Err(reason::NONCE_USED);
        }
        let call = token::settlement(self.token(), payload, form).ok_or(reason::SIGNATURE)?;
        let asked = async {
            self.ready().await?;
            let simulated = self
                .node
                .simulate(self.key.address(), &call, form.gas_max())
                .await;
            Ok(match simulated {
                Ok(_) => Ok(()),
                Err(RpcError::Refused { .. }) => Err(self.why(authorization).await?),
                Err(error) => return Err(error),
            })
        };
        asked.await.unwrap_or_else(|error: RpcError| {
            tracing::warn!(%error, "payment not verified");
            Err(reason::UNEXPECTED_VERIFY)
        })
    }

    /// Why the token refuses.
    async fn why(&self, authorization: &Authorization) -> Result<&'static str, RpcError> {
        if self.node.is_used(&self.expected(authorization)).await? {
            return Ok(reason::NONCE_USED);
        }
        let balance = self.node.balance(self.token(), authorization.from).await?;
        Ok(if balance < authorization.value {
            reason::INSUFFICIENT_BALANCE
        } else {
            reason::SIMULATION_FAILED
        })
    }

    /// Starts or resumes the task of a settlement, which reports to `progress`.
    pub(super) fn start(
        self: &Arc<Self>,
        unfinished: Unfinished,
        call: Call,
        progress: watch::Sender<Progress>,
    ) {
        let task = SettlementTask {
            shared: self.clone(),
            settlement: unfinished,
            call,
            progress,
        };
        tokio::spawn(task.run());
    }

    /// Reports an outcome to the journal, to later requests and to those that wait.
    pub(super) async fn finish(&self, task: &SettlementTask, outcome: SettlementOutcome) {
        let end = match outcome {
            SettlementOutcome::Settled(hash) => Some(End::Settled(hash)),
            SettlementOutcome::Earlier(hash) => Some(End::Foreign(hash)),
            SettlementOutcome::Failed(_) => Some(End::Nothing),
            SettlementOutcome::Unknown => None,
        };
        let settlement = &task.settlement;
        // Before it is removed from the ongoing settlements: a lookup finds it in one place or the other.
        if let Some(end) = end.filter(|_| !settlement.attempts.is_empty()) {
            self.journal.ended(settlement, end).await;
        }
        self.ongoing()
            .by_payment
            .remove(&id(&settlement.payload.authorization));
        task.progress
            .send_modify(|progress| progress.outcome = Some(outcome));
    }
}
