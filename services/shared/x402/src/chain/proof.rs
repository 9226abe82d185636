//! The rule: in one transaction that succeeded, the token says that our nonce's authorization was used, and its very next word
//! is the transfer from this payer to this recipient of at least this amount.
//!
//! EIP-3009 ties both events to one call, and the tokens that x402 pays with emit them one after the other
//! (FiatTokenV2, `_transferWithAuthorization`: `_markAuthorizationAsUsed`, then `_transfer`). Neither is enough alone: a nonce
//! can be used for a transfer to anybody, and a transfer can belong to another nonce of the same transaction.

use super::{AUTHORIZATION_USED_TOPIC, ExpectedTransfer, TRANSFER_TOPIC};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde::Deserialize;

/// What a chain keeps of a transaction.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransactionReceipt {
    pub transaction_hash: B256,
    pub block_number: Option<U256>,
    status: U256,
    logs: Vec<Log>,
}

/// One event of a contract.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    /// Seconds since 1970. Newer nodes say it.
    block_timestamp: Option<U256>,
    pub transaction_hash: Option<B256>,
}

impl TransactionReceipt {
    pub fn succeeded(&self) -> bool {
        self.status == U256::from(1)
    }

    /// Seconds since 1970, where the node says it.
    pub fn at(&self) -> Option<u64> {
        let at = self.logs.iter().find_map(|log| log.block_timestamp);
        at.map(|at| at.saturating_to())
    }

    /// Whether this transaction made the payment.
    pub fn is_payment(&self, expected: &ExpectedTransfer) -> bool {
        let used = [
            AUTHORIZATION_USED_TOPIC,
            expected.payer.into_word(),
            expected.nonce,
        ];
        let mut of_token = self.logs.iter().filter(|log| log.address == expected.asset);
        self.succeeded()
            && of_token.any(|log| log.topics == used)
            && of_token.next().is_some_and(|log| log.is_transfer(expected))
    }
}

impl Log {
    pub fn has_topic(&self, topic: B256) -> bool {
        self.topics.first() == Some(&topic)
    }

    fn is_transfer(&self, expected: &ExpectedTransfer) -> bool {
        let topics = [
            TRANSFER_TOPIC,
            expected.payer.into_word(),
            expected.pay_to.into_word(),
        ];
        let amount = <[u8; 32]>::try_from(self.data.as_ref()).map(U256::from_be_bytes);
        self.topics == topics && amount.is_ok_and(|amount| amount >= expected.amount)
    }
}

/// A number as a word of the chain.
pub fn number(number: U256) -> B256 {
    B256::from(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const TOKEN: Address = Address::repeat_byte(9);
    const PAYER: Address = Address::repeat_byte(1);
    const SELLER: Address = Address::repeat_byte(2);
    const NONCE: B256 = B256::repeat_byte(3);

    fn used(payer: Address, nonce: B256) -> Value {
        json!({ "address": TOKEN, "topics": [AUTHORIZATION_USED_TOPIC, payer.into_word(), nonce], "data": "0x" })
    }

    fn transfer(from: Address, to: Address, value: u64) -> Value {
        json!({ "address": TOKEN, "topics": [TRANSFER_TOPIC, from.into_word(), to.into_word()], "data": number(U256::from(value)) })
    }

    fn at(address: Address, mut log: Value) -> Value {
        log["address"] = json!(address);
        log
    }

    fn is_payment(status: &str, logs: Vec<Value>) -> bool {
        let receipt = json!({ "transactionHash": B256::ZERO, "blockNumber": "0x1", "status": status, "logs": logs });
        let receipt: TransactionReceipt = serde_json::from_value(receipt).unwrap();
        receipt.is_payment(&ExpectedTransfer {
            asset: TOKEN,
            payer: PAYER,
            pay_to: SELLER,
            amount: U256::from(10_000),
            nonce: NONCE,
            not_before: 0,
            valid_before: u64::MAX,
        })
    }

    #[test]
    fn only_this_nonce_with_this_transfer_right_after_it() {
        let (stranger, other) = (Address::repeat_byte(7), Address::repeat_byte(8));
        let paid = || transfer(PAYER, SELLER, 10_000);
        let ours = || used(PAYER, NONCE);
        let theirs = || used(PAYER, B256::repeat_byte(4));
        for (name, logs, expected) in [
            ("ours", vec![ours(), paid()], true),
            (
                "more than asked",
                vec![ours(), transfer(PAYER, SELLER, 10_001)],
                true,
            ),
            (
                "less than asked",
                vec![ours(), transfer(PAYER, SELLER, 9_999)],
                false,
            ),
            (
                "to oneself",
                vec![ours(), transfer(PAYER, PAYER, 10_000)],
                false,
            ),
            (
                "to another",
                vec![ours(), transfer(PAYER, stranger, 10_000)],
                false,
            ),
            (
                "from another",
                vec![ours(), transfer(stranger, SELLER, 10_000)],
                false,
            ),
            ("the nonce alone", vec![ours()], false),
            ("the transfer alone", vec![paid()], false),
            ("the transfer before", vec![paid(), ours()], false),
            (
                "another nonce's transfer",
                vec![theirs(), paid(), ours(), transfer(PAYER, PAYER, 1)],
                false,
            ),
            (
                "another's nonce",
                vec![used(stranger, NONCE), paid()],
                false,
            ),
            (
                "several, ours among them",
                vec![theirs(), transfer(PAYER, PAYER, 1), ours(), paid()],
                true,
            ),
            (
                "between them another token",
                vec![ours(), at(other, transfer(PAYER, SELLER, 10_000)), paid()],
                true,
            ),
            (
                "of another token",
                vec![at(other, ours()), at(other, paid())],
                false,
            ),
            (
                "the transfer of another token",
                vec![ours(), at(other, paid())],
                false,
            ),
        ] {
            assert_eq!(is_payment("0x1", logs.clone()), expected, "{name}");
            assert!(!is_payment("0x0", logs), "{name}, reverted");
        }
    }
}
