//! The token's calls, and the one of a smart wallet, as the contracts want them encoded.

use alloy_primitives::{B256, U256};
use x402::chain::number;
use x402::exact::parse_signature;
use x402::signature::{self, SignedBy};
use x402::wire::{Authorization, ExactPayload};

/// `transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)`: every token of EIP-3009
/// has this form, not all have the one with the signature in one piece.
const TRANSFER: [u8; 4] = [0xe3, 0xee, 0x16, 0x0e];
/// `transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)`, of FiatTokenV2_2 and later: it asks the
/// code of an account that has some. Older tokens know keys only.
const TRANSFER_BY_CONTRACT: [u8; 4] = [0xcf, 0x09, 0x29, 0x95];
/// `isValidSignature(bytes32,bytes)` of ERC-1271, which is also its answer for "yes".
const IS_VALID_SIGNATURE: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

fn call(selector: [u8; 4], words: &[B256]) -> Vec<u8> {
    let mut data = selector.to_vec();
    for word in words {
        data.extend_from_slice(word.as_slice());
    }
    data
}

fn words(authorization: &Authorization) -> [B256; 6] {
    [
        authorization.from.into_word(),
        authorization.to.into_word(),
        number(authorization.value),
        number(authorization.valid_after),
        number(authorization.valid_before),
        authorization.nonce,
    ]
}

/// Ends a call with its one argument of any length: where it begins, how long it is, and it.
fn with_bytes(selector: [u8; 4], words: &[B256], bytes: &[u8]) -> Vec<u8> {
    let mut data = call(selector, words);
    let offset = (words.len() + 1) * 32;
    data.extend_from_slice(number(U256::from(offset)).as_slice());
    data.extend_from_slice(number(U256::from(bytes.len())).as_slice());
    data.extend_from_slice(bytes);
    data.resize(
        data.len() + bytes.len().next_multiple_of(32) - bytes.len(),
        0,
    );
    data
}

/// The call that settles a payment. `None` for a signature that is none.
pub(super) fn transfer(payload: &ExactPayload, signed_by: SignedBy) -> Option<Vec<u8>> {
    let words = words(&payload.authorization);
    match signed_by {
        SignedBy::Key => {
            let signature = parse_signature(&payload.signature)?;
            let [from, to, value, after, before, nonce] = words;
            let v = number(U256::from(signature[64]));
            let (r, s) = (
                B256::from_slice(&signature[..32]),
                B256::from_slice(&signature[32..64]),
            );
            let words = [from, to, value, after, before, nonce, v, r, s];
            Some(call(TRANSFER, &words))
        }
        SignedBy::Contract => {
            let signature = signature::parse(&payload.signature)?;
            Some(with_bytes(TRANSFER_BY_CONTRACT, &words, &signature))
        }
    }
}

/// Asks a smart wallet whether it has signed.
pub(super) fn is_valid_signature(digest: B256, signature: &[u8]) -> Vec<u8> {
    with_bytes(IS_VALID_SIGNATURE, &[digest], signature)
}

/// Whether a smart wallet's answer is a yes.
pub(super) fn says_yes(answer: &[u8]) -> bool {
    answer.get(..32).is_some_and(|word| {
        word[..4] == IS_VALID_SIGNATURE && word[4..].iter().all(|byte| *byte == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn selectors() {
        let selector = |text: &str| <[u8; 4]>::try_from(&keccak256(text)[..4]).unwrap();
        let transfer = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,";
        for (known, text) in [
            (TRANSFER, format!("{transfer}uint8,bytes32,bytes32)")),
            (TRANSFER_BY_CONTRACT, format!("{transfer}bytes)")),
            (IS_VALID_SIGNATURE, "isValidSignature(bytes32,bytes)".into()),
        ] {
            assert_eq!(known, selector(&text), "{text}");
        }
    }

    #[test]
    fn bytes_are_padded_to_words() {
        let digest = B256::repeat_byte(1);
        for (length, words) in [(0, 3), (1, 4), (32, 4), (33, 5), (65, 6)] {
            let data = is_valid_signature(digest, &vec![7; length]);
            assert_eq!(data.len(), 4 + words * 32, "{length}");
            assert_eq!((data[4 + 63], usize::from(data[4 + 95])), (64, length));
        }
    }

    #[test]
    fn only_the_whole_word_is_a_yes() {
        let yes = [&IS_VALID_SIGNATURE[..], &[0; 28]].concat();
        assert!(says_yes(&yes));
        assert!(says_yes(&[&yes[..], &[0; 32]].concat()));
        let mut dirty = yes.clone();
        dirty[31] = 1;
        for no in [&[][..], &yes[..31], &[0; 32], &[0xff; 32], &dirty] {
            assert!(!says_yes(no), "{no:?}");
        }
    }
}
