//! The first transaction of a settlement: what it costs, whether that can be paid, and whether the token would take it.

use super::fees;
use super::journal::Attempt;
use super::ongoing::SettlementOutcome;
use super::settlement_task::SettlementTask;
use super::transaction::Transaction;
use alloy_primitives::U256;
use x402::chain::RpcError;
use x402::reason;

impl SettlementTask {
    /// # Errors
    /// The outcome, when nothing can be sent.
    pub(super) async fn prepare(
        &self,
        next_nonce: Option<u64>,
    ) -> Result<(Transaction, Attempt), SettlementOutcome> {
        let shared = &self.shared;
        let (node, account) = (&shared.node, shared.key.address());
        let asked = tokio::try_join!(
            node.prices(),
            node.transactions(account, "pending"),
            node.wei(account)
        );
        let ((base, tip), waiting, wei) = asked.map_err(|error| nothing_sent(&error))?;
        let Some(fees) = fees::first(base, tip, shared.fee_cap) else {
            tracing::error!(
                base,
                tip,
                cap = shared.fee_cap,
                "the fees are above FEE_CAP_GWEI"
            );
            return Err(self.refuse_all(reason::FACILITATOR_FEE_CAP));
        };
        let gas_max = self.settlement.form.gas_max();
        let too_poor_for = |gas: u64| wei < U256::from(gas) * U256::from(fees.most);
        let too_poor = || {
            tracing::error!(%account, %wei, "the account has too little ether for gas");
            self.refuse_all(reason::FACILITATOR_OUT_OF_GAS)
        };
        let estimate = node.estimate_gas(account, &self.call, fees).await;
        let estimate = match estimate {
            Ok(estimate) => estimate,
            // Of an account that cannot pay for it, nodes refuse the estimate as well.
            Err(RpcError::Refused { .. })
                if too_poor_for(gas_max)
                    && node.simulate(account, &self.call, gas_max).await.is_ok() =>
            {
                return Err(too_poor());
            }
            Err(error @ RpcError::Refused { .. }) => return Err(self.refused(&error).await),
            Err(error) => return Err(nothing_sent(&error)),
        };
        let Some(gas) = fees::gas(estimate, gas_max) else {
            tracing::error!(estimate, "the transfer takes too much gas");
            return Err(SettlementOutcome::Failed(reason::FACILITATOR_GAS_LIMIT));
        };
        if too_poor_for(gas) {
            return Err(too_poor());
        }
        let transaction = Transaction {
            chain_id: shared.chain_id,
            nonce: next_nonce.map_or(waiting, |next| next.max(waiting)),
            fees,
            gas,
            to: self.call.to,
            data: self.call.data.clone(),
        };
        let signed = transaction.sign(&shared.key);
        let attempt = Attempt::new(transaction.nonce, gas, fees, signed);
        Ok((transaction, attempt))
    }

    /// What prevents this settlement prevents all of them.
    fn refuse_all(&self, reason: &'static str) -> SettlementOutcome {
        self.shared.memory.refuse(reason);
        SettlementOutcome::Failed(reason)
    }

    /// The token would refuse the transfer now: somebody else may just have made it.
    async fn refused(&self, error: &RpcError) -> SettlementOutcome {
        tracing::warn!(%error, "nothing was sent");
        let look = async {
            if self.shared.node.is_used(&self.expected()).await? {
                return Ok(self.used().await?.unwrap_or(SettlementOutcome::Unknown));
            }
            Ok(SettlementOutcome::Failed(reason::SIMULATION_FAILED))
        };
        look.await.unwrap_or_else(|error: RpcError| {
            tracing::warn!(%error, "a settlement is open");
            SettlementOutcome::Unknown
        })
    }
}

pub(super) fn nothing_sent(error: &RpcError) -> SettlementOutcome {
    tracing::warn!(%error, "nothing was sent");
    SettlementOutcome::Failed(reason::UNEXPECTED_SETTLE)
}
