//! The token's calls and events, as the contract wants them encoded.

use alloy_primitives::{Address, B256, U256, b256};
use serde::Deserialize;
use x402::exact::parse_signature;
use x402::rpc::{BALANCE_OF, TRANSFER_TOPIC};
use x402::wire::{Authorization, ExactPayload};

/// `transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)`: every token of EIP-3009
/// has this form, not all have the one with the signature in one piece.
const TRANSFER: [u8; 4] = [0xe3, 0xee, 0x16, 0x0e];
/// `authorizationState(address,bytes32)`.
const STATE: [u8; 4] = [0xe9, 0x4a, 0x01, 0x02];
/// Topic of `AuthorizationUsed(address,bytes32)`.
pub(super) const USED_TOPIC: B256 =
    b256!("98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5");

fn call(selector: [u8; 4], words: &[B256]) -> Vec<u8> {
    let mut data = selector.to_vec();
    for word in words {
        data.extend_from_slice(word.as_slice());
    }
    data
}

fn number(number: U256) -> B256 {
    B256::from(number.to_be_bytes())
}

/// `None` for a signature that is none.
pub(super) fn transfer(payload: &ExactPayload) -> Option<Vec<u8>> {
    let signature = parse_signature(&payload.signature)?;
    let authorization = &payload.authorization;
    Some(call(
        TRANSFER,
        &[
            authorization.from.into_word(),
            authorization.to.into_word(),
            number(authorization.value),
            number(authorization.valid_after),
            number(authorization.valid_before),
            authorization.nonce,
            number(U256::from(signature[64])),
            B256::from_slice(&signature[..32]),
            B256::from_slice(&signature[32..64]),
        ],
    ))
}

pub(super) fn state(authorization: &Authorization) -> Vec<u8> {
    call(
        STATE,
        &[authorization.from.into_word(), authorization.nonce],
    )
}

pub(super) fn balance(owner: Address) -> Vec<u8> {
    call(BALANCE_OF, &[owner.into_word()])
}

/// What a chain keeps of a transaction.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    pub(super) transaction_hash: B256,
    status: U256,
    logs: Vec<Log>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    address: Address,
    topics: Vec<B256>,
    data: alloy_primitives::Bytes,
    pub(super) transaction_hash: Option<B256>,
}

impl Receipt {
    pub(super) fn succeeded(&self) -> bool {
        self.status == U256::from(1)
    }

    /// A transaction can succeed and move nothing: what counts is the token's own word about exactly this transfer.
    pub(super) fn moved(&self, token: Address, authorization: &Authorization) -> bool {
        self.succeeded()
            && self
                .logs
                .iter()
                .any(|log| log.is_transfer(token, authorization))
    }

    /// The same of somebody else's transaction, which can hold several transfers: this one has to follow its own nonce.
    pub(super) fn moved_by_nonce(&self, token: Address, authorization: &Authorization) -> bool {
        let used = [
            USED_TOPIC,
            authorization.from.into_word(),
            authorization.nonce,
        ];
        let mut logs = self.logs.iter().filter(|log| log.address == token);
        self.succeeded()
            && logs.any(|log| log.topics == used)
            && logs
                .next()
                .is_some_and(|log| log.is_transfer(token, authorization))
    }
}

impl Log {
    fn is_transfer(&self, token: Address, authorization: &Authorization) -> bool {
        let topics = [
            TRANSFER_TOPIC,
            authorization.from.into_word(),
            authorization.to.into_word(),
        ];
        self.address == token
            && self.topics == topics
            && self.data.as_ref() == number(authorization.value).as_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;
    use serde_json::json;

    #[test]
    fn selectors_and_topics() {
        let selector = |text: &str| <[u8; 4]>::try_from(&keccak256(text)[..4]).unwrap();
        let transfer = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)";
        assert_eq!(TRANSFER, selector(transfer));
        assert_eq!(STATE, selector("authorizationState(address,bytes32)"));
        assert_eq!(BALANCE_OF, selector("balanceOf(address)"));
        assert_eq!(USED_TOPIC, keccak256("AuthorizationUsed(address,bytes32)"));
    }

    #[test]
    fn only_the_exact_transfer_counts() {
        let authorization = Authorization {
            from: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            value: U256::from(10_000),
            valid_after: U256::ZERO,
            valid_before: U256::MAX,
            nonce: B256::repeat_byte(3),
        };
        let token = Address::repeat_byte(9);
        let moved = |status: &str, address: Address, to: Address, value: u64| {
            let receipt: Receipt = serde_json::from_value(json!({
                "transactionHash": B256::ZERO,
                "status": status,
                "logs": [{
                    "address": address,
                    "topics": [TRANSFER_TOPIC, authorization.from.into_word(), to.into_word()],
                    "data": number(U256::from(value)),
                }],
            }))
            .unwrap();
            receipt.moved(token, &authorization)
        };
        assert!(moved("0x1", token, authorization.to, 10_000));
        assert!(!moved("0x0", token, authorization.to, 10_000));
        assert!(!moved("0x1", Address::ZERO, authorization.to, 10_000));
        assert!(!moved("0x1", token, Address::ZERO, 10_000));
        assert!(!moved("0x1", token, authorization.to, 9_999));
    }
}
