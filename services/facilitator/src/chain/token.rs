//! The token's calls, and the one of a smart wallet, as the contracts want them encoded.

use super::fees;
use alloy_primitives::{Address, B256, U256, address};
use serde::{Deserialize, Serialize};
use x402::chain::number;
use x402::exact::parse_signature;
use x402::signature;
use x402::wire::{Authorization, ExactPayload};

/// `transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)`: every token of EIP-3009
/// has this form, not all have the one with the signature in one piece.
const TRANSFER: [u8; 4] = [0xe3, 0xee, 0x16, 0x0e];
/// `transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)`, of FiatTokenV2_2 and later: it asks the
/// code of an account that has some. Older tokens know keys only.
const TRANSFER_BY_CONTRACT: [u8; 4] = [0xcf, 0x09, 0x29, 0x95];
/// Multicall3, which has this address on every major chain: <https://github.com/mds1/multicall3>.
pub(super) const MULTICALL: Address = address!("cA11bde05977b3631167028862bE2a173976CA11");
/// `aggregate3((address,bool,bytes)[])`.
const AGGREGATE: [u8; 4] = [0x82, 0xad, 0x56, 0xcb];
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

/// How a payment is settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Form {
    /// Signed by a key.
    #[default]
    Key,
    /// Signed as the account's code wants it.
    Contract,
    /// The account's code is deployed in the same transaction: either both happen or neither, and it is not the account that
    /// pays the gas which calls the factory.
    Deploying,
}

impl Form {
    /// The most gas, by estimate.
    pub(super) fn gas_max(self) -> u64 {
        match self {
            Self::Key | Self::Contract => fees::GAS_MAX,
            Self::Deploying => fees::GAS_WITH_DEPLOYMENT_MAX,
        }
    }
}

/// A call of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) to: Address,
    pub(super) data: Vec<u8>,
}

/// The call that settles a payment. `None` when the signature cannot be read.
pub(super) fn settlement(token: Address, payload: &ExactPayload, form: Form) -> Option<Call> {
    let words = words(&payload.authorization);
    if form == Form::Key {
        let signature = parse_signature(&payload.signature)?;
        let [from, to, value, after, before, nonce] = words;
        let v = number(U256::from(signature[64]));
        let (r, s) = (
            B256::from_slice(&signature[..32]),
            B256::from_slice(&signature[32..64]),
        );
        let words = [from, to, value, after, before, nonce, v, r, s];
        let data = call(TRANSFER, &words);
        return Some(Call { to: token, data });
    }
    let signature = signature::parse(&payload.signature)?;
    let wrapped = signature::counterfactual(&signature);
    let inner = wrapped
        .as_ref()
        .map_or(&signature, |wrapped| &wrapped.signature);
    let transfer = Call {
        to: token,
        data: with_bytes(TRANSFER_BY_CONTRACT, &words, inner),
    };
    if form == Form::Contract {
        return Some(transfer);
    }
    let wrapped = wrapped?;
    let deployment = Call {
        to: wrapped.factory,
        data: wrapped.data.to_vec(),
    };
    Some(Call {
        to: MULTICALL,
        data: both(&deployment, &transfer),
    })
}

/// Two calls in one. The first may fail, because somebody else may have made it meanwhile; then the second one tells.
fn both(first: &Call, second: &Call) -> Vec<u8> {
    let one = |call: &Call, may_fail: bool| {
        let words = [
            call.to.into_word(),
            B256::with_last_byte(u8::from(may_fail)),
        ];
        with_bytes([0; 4], &words, &call.data).split_off(4)
    };
    let (first, second) = (one(first, true), one(second, false));
    let size = |bytes: usize| number(U256::from(bytes));
    // Where the list begins and how long it is; then where its items begin, reckoned from there.
    let words = [size(32), size(2), size(64), size(64 + first.len())];
    [call(AGGREGATE, &words), first, second].concat()
}

/// Asks a smart wallet whether it has signed.
pub(super) fn is_valid_signature(wallet: Address, digest: B256, signature: &[u8]) -> Call {
    Call {
        to: wallet,
        data: with_bytes(IS_VALID_SIGNATURE, &[digest], signature),
    }
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
            (AGGREGATE, "aggregate3((address,bool,bytes)[])".into()),
            (IS_VALID_SIGNATURE, "isValidSignature(bytes32,bytes)".into()),
        ] {
            assert_eq!(known, selector(&text), "{text}");
        }
    }

    #[test]
    fn bytes_are_padded_to_words() {
        let digest = B256::repeat_byte(1);
        for (length, words) in [(0, 3), (1, 4), (32, 4), (33, 5), (65, 6)] {
            let data = is_valid_signature(Address::ZERO, digest, &vec![7; length]).data;
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
