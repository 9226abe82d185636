//! The little of Ethereum's JSON-RPC by which a wallet, a seller and a facilitator read a chain, on a real one and on the
//! development ledger alike.

use super::search::{BLOCKS_MAX, Block};
use super::{
    AUTHORIZATION_STATE, AUTHORIZATION_USED_TOPIC, BALANCE_OF, Chain, DECIMALS, ExpectedTransfer,
    PaymentState, Proof, TRANSFER_TOPIC, TransactionReceipt,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

/// How many of the last blocks a node is asked to search that does not search all.
const SEARCHED: [u64; 3] = [BLOCKS_MAX, 1_999, 499];
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Of a node's own words.
const MESSAGE_CHARACTERS_MAX: usize = 300;
/// For one call.
const TIMEOUT: Duration = Duration::from_secs(5);

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

/// Transfers of one token by one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransfersSent {
    /// Atomic units.
    pub sum: U256,
    pub count: u64,
    /// Seconds since 1970, where the node searches no further back; earlier transfers are not counted.
    pub since: Option<u64>,
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
        let data = [&BALANCE_OF[..], owner.into_word().as_slice()].concat();
        self.call_word(asset, &data, "latest").await
    }

    /// How many decimal places the token says that its amounts have.
    ///
    /// # Errors
    /// When the chain cannot be asked, and when the token does not say.
    pub async fn decimals_of(&self, asset: Address) -> Result<U256, RpcError> {
        self.call_word(asset, &DECIMALS, "latest").await
    }

    /// Whether the token has seen this nonce of this holder, be it used or taken back.
    ///
    /// # Errors
    /// When the chain cannot be asked.
    pub async fn is_used(
        &self,
        asset: Address,
        payer: Address,
        nonce: B256,
    ) -> Result<bool, RpcError> {
        self.is_used_in("latest", asset, payer, nonce).await
    }

    async fn is_used_in(
        &self,
        block: &str,
        asset: Address,
        payer: Address,
        nonce: B256,
    ) -> Result<bool, RpcError> {
        let words = [payer.into_word(), nonce].concat();
        let data = [&AUTHORIZATION_STATE[..], &words].concat();
        self.call_word(asset, &data, block)
            .await
            .map(|used| !used.is_zero())
    }

    /// The transfers of `asset` that `owner` has sent: since the chain's beginning where the node searches that far, else in as
    /// many of the last blocks as it does.
    ///
    /// # Errors
    /// When the chain cannot be asked.
    pub async fn transfers_sent(
        &self,
        asset: Address,
        owner: Address,
    ) -> Result<TransfersSent, RpcError> {
        let mut found = self.transfers_since("earliest", asset, owner).await;
        for blocks in SEARCHED {
            if !matches!(found, Err(RpcError::Refused { .. })) {
                break;
            }
            let newest = self.newest_block().await?;
            let first = self.block(newest.number.saturating_sub(blocks)).await?;
            let name = format!("{:#x}", first.number);
            found = self.transfers_since(&name, asset, owner).await;
            found = found.map(|sent| TransfersSent {
                since: Some(first.at),
                ..sent
            });
        }
        found
    }

    async fn transfers_since(
        &self,
        first: &str,
        asset: Address,
        owner: Address,
    ) -> Result<TransfersSent, RpcError> {
        #[derive(Deserialize)]
        struct Transfer {
            data: B256,
        }
        let topics = json!([TRANSFER_TOPIC, owner.into_word()]);
        let filter = json!([{ "address": asset, "topics": topics, "fromBlock": first, "toBlock": "latest" }]);
        let logs: Vec<Transfer> = self.call("eth_getLogs", filter).await?;
        let sum = logs
            .iter()
            .map(|log| U256::from_be_bytes(log.data.0))
            .fold(U256::ZERO, U256::saturating_add);
        Ok(TransfersSent {
            sum,
            count: logs.len() as u64,
            since: None,
        })
    }

    async fn look_for(&self, expected: &ExpectedTransfer) -> Result<PaymentState, RpcError> {
        let ExpectedTransfer {
            asset,
            payer,
            nonce,
            ..
        } = *expected;
        if !self.is_used(asset, payer, nonce).await? {
            let newest = self.newest_block().await?;
            if newest.at < expected.valid_before {
                return Ok(PaymentState::Unused);
            }
            // Asked about this very block: a node behind the same address may not have it yet, and then says so.
            let block = format!("{:#x}", newest.number);
            if !self.is_used_in(&block, asset, payer, nonce).await? {
                return Ok(PaymentState::Expired);
            }
        }
        let uses = self.uses(expected).await?;
        let Some(found) = uses.first() else {
            return Ok(PaymentState::Unknown);
        };
        if !found.has_topic(AUTHORIZATION_USED_TOPIC) {
            return Ok(PaymentState::Void);
        }
        let Some(transaction) = found.transaction_hash else {
            return Ok(PaymentState::Unknown);
        };
        Ok(match self.look_at(expected, transaction).await? {
            Proof::Paid { at } => PaymentState::Paid { transaction, at },
            Proof::NotPaid => PaymentState::Void,
            Proof::Missing => PaymentState::Unknown,
        })
    }

    async fn look_at(
        &self,
        expected: &ExpectedTransfer,
        transaction: B256,
    ) -> Result<Proof, RpcError> {
        let Some(receipt) = self.receipt(transaction).await? else {
            return Ok(Proof::Missing);
        };
        let Some(block) = receipt.block_number else {
            return Ok(Proof::Missing);
        };
        if !receipt.is_payment(expected) {
            return Ok(Proof::NotPaid);
        }
        let at = match receipt.at() {
            Some(at) => at,
            None => self.block(block.saturating_to()).await?.at,
        };
        Ok(Proof::Paid { at })
    }

    /// What the chain keeps of a transaction; `None` while it is in no block.
    ///
    /// # Errors
    /// When the chain cannot be asked.
    pub async fn receipt(&self, transaction: B256) -> Result<Option<TransactionReceipt>, RpcError> {
        self.call("eth_getTransactionReceipt", json!([transaction]))
            .await
    }

    pub(super) async fn newest_block(&self) -> Result<Block, RpcError> {
        self.block_named("latest".into()).await
    }

    pub(super) async fn block(&self, number: u64) -> Result<Block, RpcError> {
        self.block_named(format!("{number:#x}")).await
    }

    async fn block_named(&self, name: String) -> Result<Block, RpcError> {
        #[derive(Deserialize)]
        struct Header {
            number: U256,
            timestamp: U256,
        }
        let header: Header = self
            .call("eth_getBlockByNumber", json!([name, false]))
            .await?;
        Ok(Block {
            number: header.number.saturating_to(),
            at: header.timestamp.saturating_to(),
        })
    }

    async fn call_word(
        &self,
        contract: Address,
        data: &[u8],
        block: &str,
    ) -> Result<U256, RpcError> {
        const METHOD: &str = "eth_call";
        let call = json!([{ "to": contract, "data": Bytes::copy_from_slice(data) }, block]);
        let word: Bytes = self.call(METHOD, call).await?;
        let word = <[u8; 32]>::try_from(word.as_ref());
        word.map(U256::from_be_bytes)
            .map_err(|_| RpcError::Malformed { method: METHOD })
    }

    /// Calls a method. The URL may hold an access key, and is in no error.
    ///
    /// # Errors
    /// When the node cannot be reached, says no, or answers something else than `T`.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, RpcError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            result: Value,
            error: Option<Refusal>,
        }
        #[derive(Deserialize)]
        struct Refusal {
            #[serde(default)]
            message: String,
        }
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut headers = http::HeaderMap::new();
        runtime::trace::inject(&mut headers);
        let sent = self
            .client
            .post(self.url.clone())
            .timeout(TIMEOUT)
            .headers(headers)
            .json(&request)
            .send()
            .await;
        let response =
            sent.map_err(|error| RpcError::Http(runtime::describe(&error.without_url())))?;
        let body = crate::client::transport::read_body(response, ANSWER_BYTES_MAX)
            .await
            .map_err(RpcError::Http)?;
        let malformed = |_| RpcError::Malformed { method };
        let answer: Answer = serde_json::from_slice(&body).map_err(malformed)?;
        if let Some(Refusal { message }) = answer.error {
            let message = runtime::text::clean(&message, MESSAGE_CHARACTERS_MAX);
            return Err(RpcError::Refused { method, message });
        }
        serde_json::from_value(answer.result).map_err(malformed)
    }
}

impl Chain for Rpc {
    fn payment_state<'a>(
        &'a self,
        expected: &'a ExpectedTransfer,
    ) -> BoxFuture<'a, Result<PaymentState, RpcError>> {
        Box::pin(self.look_for(expected))
    }

    fn proof<'a>(
        &'a self,
        expected: &'a ExpectedTransfer,
        transaction: B256,
    ) -> BoxFuture<'a, Result<Proof, RpcError>> {
        Box::pin(self.look_at(expected, transaction))
    }

    fn has_code(&self, address: Address) -> BoxFuture<'_, Result<bool, RpcError>> {
        Box::pin(async move {
            let code: Bytes = self.call("eth_getCode", json!([address, "latest"])).await?;
            Ok(!code.is_empty())
        })
    }
}
