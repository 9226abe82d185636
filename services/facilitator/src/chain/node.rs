//! A chain's node, by JSON-RPC.

use super::token::{self, Log, Receipt};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;
use x402::wire::Authorization;

const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Public nodes search at most 10,000 blocks at once.
const BLOCKS_MAX: u64 = 9_999;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The call may or may not have arrived.
    #[error("the chain's node gave no usable answer: {0}")]
    NoAnswer(String),
    #[error("the chain's node refused `{method}`: {message}")]
    Refused {
        method: &'static str,
        message: String,
    },
}

/// A node behind a URL, which may hold an access key and is therefore never logged.
#[derive(Clone)]
pub(super) struct Node {
    client: reqwest::Client,
    url: Url,
}

#[derive(Deserialize)]
struct Answer {
    result: Option<Value>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
}

/// The part of a block that says what gas costs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    base_fee_per_gas: Option<U256>,
}

impl Node {
    pub(super) fn new(client: reqwest::Client, url: Url) -> Self {
        Self { client, url }
    }

    pub(super) async fn chain_id(&self) -> Result<u64, NodeError> {
        let id: U256 = self.call("eth_chainId", json!([])).await?;
        Ok(id.saturating_to())
    }

    pub(super) async fn has_code(&self, address: Address) -> Result<bool, NodeError> {
        let code: Bytes = self.call("eth_getCode", json!([address, "latest"])).await?;
        Ok(!code.is_empty())
    }

    /// What a call returns now, without a transaction.
    pub(super) async fn simulate(
        &self,
        from: Address,
        to: Address,
        data: &[u8],
    ) -> Result<Bytes, NodeError> {
        let call = json!({ "from": from, "to": to, "data": hex(data) });
        self.call("eth_call", json!([call, "latest"])).await
    }

    pub(super) async fn estimate_gas(
        &self,
        from: Address,
        to: Address,
        data: &[u8],
    ) -> Result<u64, NodeError> {
        let call = json!({ "from": from, "to": to, "data": hex(data) });
        let gas: U256 = self.call("eth_estimateGas", json!([call])).await?;
        Ok(gas.saturating_to())
    }

    /// The base fee of the newest block and the usual tip, in wei.
    pub(super) async fn prices(&self) -> Result<(u64, u64), NodeError> {
        let block: Block = self
            .call("eth_getBlockByNumber", json!(["latest", false]))
            .await?;
        let base = block
            .base_fee_per_gas
            .ok_or_else(|| NodeError::NoAnswer("the chain does not know EIP-1559".into()))?;
        // Not every node has an opinion about tips.
        let tip: U256 = self
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
    ) -> Result<u64, NodeError> {
        let count: U256 = self
            .call("eth_getTransactionCount", json!([account, block]))
            .await?;
        Ok(count.saturating_to())
    }

    pub(super) async fn send(&self, raw: &[u8]) -> Result<(), NodeError> {
        let _hash: Value = self
            .call("eth_sendRawTransaction", json!([hex(raw)]))
            .await?;
        Ok(())
    }

    pub(super) async fn receipt(&self, hash: B256) -> Result<Option<Receipt>, NodeError> {
        self.call("eth_getTransactionReceipt", json!([hash])).await
    }

    /// Whether the token has seen this nonce of this holder.
    pub(super) async fn is_used(
        &self,
        token: Address,
        authorization: &Authorization,
    ) -> Result<bool, NodeError> {
        let word = self
            .simulate(token, token, &token::state(authorization))
            .await?;
        Ok(word.iter().any(|byte| *byte != 0))
    }

    pub(super) async fn balance(&self, token: Address, owner: Address) -> Result<U256, NodeError> {
        let word = self.simulate(token, token, &token::balance(owner)).await?;
        U256::try_from_be_slice(&word)
            .ok_or_else(|| NodeError::NoAnswer("a balance has 32 bytes".into()))
    }

    /// The transaction that used this nonce, where the node still knows it.
    pub(super) async fn used_by(
        &self,
        token: Address,
        authorization: &Authorization,
    ) -> Result<Option<Receipt>, NodeError> {
        let newest: U256 = self.call("eth_blockNumber", json!([])).await?;
        let first = newest.saturating_to::<u64>().saturating_sub(BLOCKS_MAX);
        let topics = json!([
            token::USED_TOPIC,
            authorization.from.into_word(),
            authorization.nonce
        ]);
        let filter = json!([{ "address": token, "topics": topics, "fromBlock": format!("{first:#x}"), "toBlock": "latest" }]);
        let logs: Vec<Log> = self.call("eth_getLogs", filter).await?;
        match logs.first().and_then(|log| log.transaction_hash) {
            Some(hash) => self.receipt(hash).await,
            None => Ok(None),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, NodeError> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let lost = |problem: String| NodeError::NoAnswer(format!("{method}: {problem}"));
        let sent = self
            .client
            .post(self.url.clone())
            .timeout(TIMEOUT)
            .json(&request)
            .send()
            .await;
        let mut response = sent.map_err(|error| lost(runtime::describe(&error.without_url())))?;
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| lost(runtime::describe(&error.without_url())))?
        {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(lost("the answer is too large".into()));
            }
            body.extend_from_slice(&chunk);
        }
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|error| lost(error.to_string()))?;
        if let Some(refusal) = answer.error {
            return Err(NodeError::Refused {
                method,
                message: refusal.message,
            });
        }
        serde_json::from_value(answer.result.unwrap_or_default())
            .map_err(|error| lost(error.to_string()))
    }
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}
