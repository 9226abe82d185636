//! The token's call, as the contract wants it encoded.

use alloy_primitives::{B256, U256};
use x402::chain::number;
use x402::exact::parse_signature;
use x402::wire::ExactPayload;

/// `transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)`: every token of EIP-3009
/// has this form, not all have the one with the signature in one piece.
const TRANSFER: [u8; 4] = [0xe3, 0xee, 0x16, 0x0e];

fn call(selector: [u8; 4], words: &[B256]) -> Vec<u8> {
    let mut data = selector.to_vec();
    for word in words {
        data.extend_from_slice(word.as_slice());
    }
    data
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn selectors() {
        let selector = |text: &str| <[u8; 4]>::try_from(&keccak256(text)[..4]).unwrap();
        let transfer = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)";
        assert_eq!(TRANSFER, selector(transfer));
    }
}
