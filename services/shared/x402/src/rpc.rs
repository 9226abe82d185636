//! The little of Ethereum's JSON-RPC that shows what a wallet has and has spent, on a real chain and on the dev ledger alike.

use crate::decode;
use crate::facilitator::{Fate, describe};
use alloy_primitives::{Address, B256, U256, b256};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use url::Url;

/// Topic of `Transfer(address,address,uint256)`.
pub const TRANSFER_TOPIC: B256 =
    b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
/// Selector of `balanceOf(address)`.
pub const BALANCE_OF: [u8; 4] = [0x70, 0xa0, 0x82, 0x31];
/// Topic of `AuthorizationUsed(address,bytes32)`.
pub const AUTHORIZATION_USED_TOPIC: B256 =
    b256!("98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5");
/// Topic of `AuthorizationCanceled(address,bytes32)`.
pub const AUTHORIZATION_CANCELED_TOPIC: B256 =
    b256!("1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81");
/// Selector of `authorizationState(address,bytes32)`.
pub const AUTHORIZATION_STATE: [u8; 4] = [0xe9, 0x4a, 0x01, 0x02];
/// Public nodes search at most 10,000 blocks at once.
const BLOCKS_MAX: u64 = 9_999;
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    #[error("the chain's RPC cannot be reached: {0}")]
    Http(String),
    #[error("the chain's RPC refused `{method}`: {message}")]
    Refused {
        method: &'static str,
        message: String,
    },
    #[error("the chain's RPC answered `{method}` with something unexpected")]
    Malformed { method: &'static str },
}

/// Knows what has become of authorizations: EIP-3009 tokens say of each nonce whether it is used, and in their logs how.
pub trait Chain: Send + Sync + 'static {
    /// What became of one.
    fn fate(
        &self,
        asset: Address,
        payer: Address,
        nonce: B256,
    ) -> BoxFuture<'_, Result<Fate, RpcError>>;
}

impl Chain for Rpc {
    fn fate(
        &self,
        asset: Address,
        payer: Address,
        nonce: B256,
    ) -> BoxFuture<'_, Result<Fate, RpcError>> {
        Box::pin(self.look_up(asset, payer, nonce))
    }
}

/// A chain behind a URL.
#[derive(Debug, Clone)]
pub struct Rpc {
    client: reqwest::Client,
    url: Url,
}

impl Rpc {
    pub fn new(client: reqwest::Client, url: Url) -> Self {
        Self { client, url }
    }

    /// What `owner` has of `asset`, in atomic units.
    ///
    /// # Errors
    /// When the chain cannot be asked.
    pub async fn balance_of(&self, asset: Address, owner: Address) -> Result<U256, RpcError> {
        const METHOD: &str = "eth_call";
        let data = format!(
            "0x{}{}",
            hex::encode(BALANCE_OF),
            hex::encode(owner.into_word())
        );
        let result = self
            .call(METHOD, json!([{ "to": asset, "data": data }, "latest"]))
            .await?;
        result
            .as_str()
            .and_then(word)
            .ok_or(RpcError::Malformed { method: METHOD })
    }

    /// Sum (atomic units) and number of the transfers of `asset` that `owner` has sent: since the chain's beginning where the
    /// node searches that far, else in the last 9,999 blocks.
    ///
    /// # Errors
    /// When the chain cannot be asked.
    pub async fn transfers_sent(
        &self,
        asset: Address,
        owner: Address,
    ) -> Result<(U256, u64), RpcError> {
        match self.transfers_since("earliest", asset, owner).await {
            Err(RpcError::Refused { .. }) => {
                let latest = self.block_number().await?;
                let first = format!("{:#x}", latest.saturating_sub(BLOCKS_MAX));
                self.transfers_since(&first, asset, owner).await
            }
            found => found,
        }
    }

    async fn look_up(&self, asset: Address, payer: Address, nonce: B256) -> Result<Fate, RpcError> {
        const METHOD: &str = "eth_call";
        let data = format!(
            "0x{}{}{}",
            hex::encode(AUTHORIZATION_STATE),
            hex::encode(payer.into_word()),
            hex::encode(nonce)
        );
        let state = self
            .call(METHOD, json!([{ "to": asset, "data": data }, "latest"]))
            .await?;
        let used = state.as_str().and_then(word);
        if used
            .ok_or(RpcError::Malformed { method: METHOD })?
            .is_zero()
        {
            return Ok(Fate::Unused);
        }
        let first = self.block_number().await?.saturating_sub(BLOCKS_MAX);
        let first = format!("{first:#x}");
        for topic in [AUTHORIZATION_USED_TOPIC, AUTHORIZATION_CANCELED_TOPIC] {
            let topics = json!([topic, payer.into_word(), nonce]);
            let filter = json!([{ "address": asset, "topics": topics, "fromBlock": first, "toBlock": "latest" }]);
            let logs = self.call("eth_getLogs", filter).await?;
            let transaction = logs.pointer("/0/transactionHash").and_then(Value::as_str);
            match transaction {
                Some(transaction) if topic == AUTHORIZATION_USED_TOPIC => {
                    return Ok(Fate::Transferred {
                        transaction: transaction.to_owned(),
                    });
                }
                Some(_) => return Ok(Fate::Cancelled),
                None => {}
            }
        }
        Ok(Fate::Unknown)
    }

    async fn block_number(&self) -> Result<u64, RpcError> {
        const METHOD: &str = "eth_blockNumber";
        let result = self.call(METHOD, json!([])).await?;
        let number = result
            .as_str()
            .and_then(|text| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok());
        number.ok_or(RpcError::Malformed { method: METHOD })
    }

    async fn transfers_since(
        &self,
        first: &str,
        asset: Address,
        owner: Address,
    ) -> Result<(U256, u64), RpcError> {
        const METHOD: &str = "eth_getLogs";
        let topics = json!([TRANSFER_TOPIC, owner.into_word()]);
        let filter = json!([{ "address": asset, "topics": topics, "fromBlock": first, "toBlock": "latest" }]);
        let result = self.call(METHOD, filter).await?;
        let malformed = RpcError::Malformed { method: METHOD };
        let logs = result.as_array().ok_or_else(|| malformed.clone())?;
        let mut sum = U256::ZERO;
        for log in logs {
            let value = log
                .get("data")
                .and_then(Value::as_str)
                .and_then(word)
                .ok_or_else(|| malformed.clone())?;
            sum = sum.saturating_add(value);
        }
        Ok((sum, logs.len() as u64))
    }

    async fn call(&self, method: &'static str, params: Value) -> Result<Value, RpcError> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut headers = http::HeaderMap::new();
        runtime::trace::inject(&mut headers);
        let sent = self
            .client
            .post(self.url.clone())
            .headers(headers)
            .json(&request)
            .send()
            .await;
        let response = sent.map_err(|error| RpcError::Http(describe(&error)))?;
        let body = crate::client::transport::read_body(response, ANSWER_BYTES_MAX)
            .await
            .map_err(RpcError::Http)?;
        let mut answer: Value =
            serde_json::from_slice(&body).map_err(|_| RpcError::Malformed { method })?;
        if let Some(error) = answer.get("error") {
            let message = error
                .get("message")
                .and_then(Value::as_str)
                .unwrap_or("no message")
                .to_owned();
            return Err(RpcError::Refused { method, message });
        }
        answer
            .get_mut("result")
            .map(Value::take)
            .ok_or(RpcError::Malformed { method })
    }
}

fn word(text: &str) -> Option<U256> {
    decode::hex_bytes::<32>(text).map(U256::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn names_of_a_token() {
        for (topic, event) in [
            (TRANSFER_TOPIC, "Transfer(address,address,uint256)"),
            (
                AUTHORIZATION_USED_TOPIC,
                "AuthorizationUsed(address,bytes32)",
            ),
            (
                AUTHORIZATION_CANCELED_TOPIC,
                "AuthorizationCanceled(address,bytes32)",
            ),
        ] {
            assert_eq!(topic, keccak256(event), "{event}");
        }
        for (selector, function) in [
            (BALANCE_OF, "balanceOf(address)"),
            (AUTHORIZATION_STATE, "authorizationState(address,bytes32)"),
        ] {
            assert_eq!(selector, keccak256(function)[..4], "{function}");
        }
    }
}
