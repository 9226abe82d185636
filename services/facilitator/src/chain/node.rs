//! A chain's node, by JSON-RPC: what settling needs beside what everybody reads.

use super::token::Call;
use super::transaction::Fees;
use alloy_primitives::{Address, B256, Bytes, U256};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use x402::chain::{Chain, ExpectedTransfer, PaymentState, Rpc, RpcError, TransactionReceipt};

/// A node behind a URL, which may hold an access key and is therefore never logged.
#[derive(Clone)]
pub(super) struct Node {
    rpc: Rpc,
}

/// The part of a block that says what gas costs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    base_fee_per_gas: Option<U256>,
}

impl Node {
    pub(super) fn new(client: reqwest::Client, url: Url) -> Self {
        Self {
            rpc: Rpc::new(client, url),
        }
    }

    pub(super) async fn chain_id(&self) -> Result<u64, RpcError> {
        let id: U256 = self.rpc.call("eth_chainId", json!([])).await?;
        Ok(id.saturating_to())
    }

    pub(super) async fn has_code(&self, address: Address) -> Result<bool, RpcError> {
        self.rpc.has_code(address).await
    }

    /// What a call returns now, without a transaction.
    pub(super) async fn simulate(
        &self,
        from: Address,
        call: &Call,
        gas_max: u64,
    ) -> Result<Bytes, RpcError> {
        let gas = format!("{gas_max:#x}");
        let call = json!({ "from": from, "to": call.to, "data": hex(&call.data), "gas": gas });
        self.rpc.call("eth_call", json!([call, "latest"])).await
    }

    /// The gas that a call takes as the transaction that it is going to be. Its fees are part of the question: without them a
    /// contract sees a base fee of nothing, and knows that it is only being asked.
    pub(super) async fn estimate_gas(
        &self,
        from: Address,
        call: &Call,
        fees: Fees,
    ) -> Result<u64, RpcError> {
        let call = json!({
            "from": from,
            "to": call.to,
            "data": hex(&call.data),
            "maxFeePerGas": format!("{:#x}", fees.most),
            "maxPriorityFeePerGas": format!("{:#x}", fees.tip),
        });
        let gas: U256 = self.rpc.call("eth_estimateGas", json!([call])).await?;
        Ok(gas.saturating_to())
    }

    /// The base fee of the newest block and the usual tip, in wei.
    pub(super) async fn prices(&self) -> Result<(u64, u64), RpcError> {
        let block: Block = self
            .rpc
            .call("eth_getBlockByNumber", json!(["latest", false]))
            .await?;
        let base = block.base_fee_per_gas.ok_or(RpcError::Malformed {
            method: "eth_getBlockByNumber",
        })?;
        // Not every node has an opinion about tips.
        let tip: U256 = self
            .rpc
            .call("eth_maxPriorityFeePerGas", json!([]))
            .await
            .unwrap_or(U256::from(1_000_000));
        Ok((base.saturating_to(), tip.saturating_to::<u64>().max(1)))
    }

    /// How many transactions an account has sent: `latest` counts those in blocks, `pending` those that wait as well.
    pub(super) async fn transactions(
        &self,
        account: Address,
        block: &'static str,
    ) -> Result<u64, RpcError> {
        let count: U256 = self
            .rpc
            .call("eth_getTransactionCount", json!([account, block]))
            .await?;
        Ok(count.saturating_to())
    }

    pub(super) async fn send(&self, raw: &[u8]) -> Result<(), RpcError> {
        let _hash: Value = self
            .rpc
            .call("eth_sendRawTransaction", json!([hex(raw)]))
            .await?;
        Ok(())
    }

    pub(super) async fn receipt(&self, hash: B256) -> Result<Option<TransactionReceipt>, RpcError> {
        self.rpc.receipt(hash).await
    }

    /// Whether the token has seen the nonce, be it used or taken back.
    pub(super) async fn is_used(&self, expected: &ExpectedTransfer) -> Result<bool, RpcError> {
        let ExpectedTransfer {
            asset,
            payer,
            nonce,
            ..
        } = *expected;
        self.rpc.is_used(asset, payer, nonce).await
    }

    /// What an account has to pay gas with, in wei.
    pub(super) async fn wei(&self, account: Address) -> Result<U256, RpcError> {
        self.rpc
            .call("eth_getBalance", json!([account, "latest"]))
            .await
    }

    pub(super) async fn balance(&self, token: Address, owner: Address) -> Result<U256, RpcError> {
        self.rpc.balance_of(token, owner).await
    }

    /// What became of a payment, whoever sent it.
    pub(super) async fn payment_state(
        &self,
        expected: &ExpectedTransfer,
    ) -> Result<PaymentState, RpcError> {
        self.rpc.payment_state(expected).await
    }
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}
