//! Who decides whether an authorization was signed: a key, or the code of a smart wallet.
//!
//! At an address with code the code decides (ERC-1271), and for an account that has delegated to code (EIP-7702) its key no
//! longer does. So tokens see it: FiatTokenV2_2 asks `SignatureChecker`, which asks the code wherever there is some. A wallet
//! that is not deployed yet sends its deployment along, in the wrapping of ERC-6492.

use crate::chain::Chain;
use crate::exact::{self, Domain};
use crate::reason;
use crate::wire::ExactPayload;
use alloy_primitives::{Address, B256, Bytes, b256};

/// The longest signature that is looked at. A passkey's has about 700 bytes; a longer one costs the facilitator gas.
pub const BYTES_MAX: usize = 4096;
/// What ERC-6492 puts at the end of a signature whose contract is not deployed yet.
const COUNTERFACTUAL_SUFFIX: B256 =
    b256!("6492649264926492649264926492649264926492649264926492649264926492");

/// Who decides about a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedBy {
    /// The key of the account: the signature is good.
    Key,
    /// The account's code, or code that is still to be deployed. Only the chain can say whether the signature is good, and it
    /// can say something else a moment later: the money has to move before the answer leaves.
    Contract,
}

/// The bytes of a signature; `None` when it is not hexadecimal, empty or too long.
pub fn parse(text: &str) -> Option<Bytes> {
    let digits = text.strip_prefix("0x")?;
    let fits = (1..=2 * BYTES_MAX).contains(&digits.len());
    fits.then(|| hex::decode(digits).ok())
        .flatten()
        .map(Bytes::from)
}

/// Whether a signature brings the deployment of its contract along (ERC-6492).
pub fn is_counterfactual(signature: &[u8]) -> bool {
    signature.ends_with(COUNTERFACTUAL_SUFFIX.as_slice())
}

/// What a signature of ERC-6492 brings along: `abi.encode(factory, data, signature)` before the suffix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterfactual {
    /// The contract that deploys the wallet.
    pub factory: Address,
    /// What it has to be called with.
    pub data: Bytes,
    /// For the wallet, once it is there.
    pub signature: Bytes,
}

/// Opens a signature of ERC-6492; `None` for any other one, and for one whose parts are not where it says.
pub fn counterfactual(signature: &[u8]) -> Option<Counterfactual> {
    let wrapped = signature.strip_suffix(COUNTERFACTUAL_SUFFIX.as_slice())?;
    let word = |at: usize| wrapped.get(at..at.checked_add(32)?);
    let number = |at: usize| {
        let (zeros, low) = word(at)?.split_last_chunk::<4>()?;
        let small = zeros.iter().all(|byte| *byte == 0);
        small.then(|| u32::from_be_bytes(*low) as usize)
    };
    let bytes = |at: usize| {
        let begin = number(at)?;
        let (first, length) = (begin.checked_add(32)?, number(begin)?);
        wrapped.get(first..first.checked_add(length)?)
    };
    let (padding, factory) = word(0)?.split_last_chunk::<20>()?;
    Some(Counterfactual {
        factory: padding
            .iter()
            .all(|byte| *byte == 0)
            .then(|| Address::from(*factory))?,
        data: Bytes::copy_from_slice(bytes(32)?),
        signature: Bytes::copy_from_slice(bytes(64)?),
    })
}

/// Finds out who decides about a payment's signature, and checks it where that is a key. Without a `chain` to ask, only keys
/// and wallets that are still to be deployed are told apart. Returns the digest, which names the authorization.
///
/// The chain is asked only about a signature that is not the key's: what an account's code says to a key's signature is for the
/// facilitator to find out, and for the token.
///
/// # Errors
/// The reason code of a signature that is nobody's, or of a chain that cannot be asked.
pub async fn check(
    payload: &ExactPayload,
    domain: Domain,
    chain: Option<&dyn Chain>,
) -> Result<(B256, SignedBy), &'static str> {
    if let Ok(digest) = exact::check_signature(payload, domain) {
        return Ok((digest, SignedBy::Key));
    }
    let signature = parse(&payload.signature).ok_or(reason::SIGNATURE)?;
    let from = payload.authorization.from;
    let by_contract = match chain {
        _ if is_counterfactual(&signature) => true,
        None => false,
        Some(chain) => chain.has_code(from).await.map_err(|error| {
            tracing::warn!(%error, "it is not known whether a payer is a smart wallet");
            reason::UNEXPECTED_VERIFY
        })?,
    };
    if !by_contract {
        return Err(reason::SIGNATURE);
    }
    let digest = exact::digest(&payload.authorization, domain);
    Ok((digest, SignedBy::Contract))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{ExpectedTransfer, PaymentState, Proof, RpcError};
    use crate::wallet::Wallet;
    use crate::wire::Authorization;
    use crate::{Asset, U256};
    use futures_util::future::BoxFuture;

    /// A chain on which one account has code; `None` is one that cannot be asked.
    struct OneContract(Option<Address>);

    impl Chain for OneContract {
        fn payment_state<'a>(
            &'a self,
            _: &'a ExpectedTransfer,
        ) -> BoxFuture<'a, Result<PaymentState, RpcError>> {
            unreachable!("nobody asks for payments here")
        }

        fn proof<'a>(
            &'a self,
            _: &'a ExpectedTransfer,
            _: B256,
        ) -> BoxFuture<'a, Result<Proof, RpcError>> {
            unreachable!("nobody asks for payments here")
        }

        fn has_code(&self, address: Address) -> BoxFuture<'_, Result<bool, RpcError>> {
            let answer = self.0.ok_or_else(|| RpcError::Http("away".into()));
            Box::pin(async move { answer.map(|contract| contract == address) })
        }
    }

    #[test]
    fn lengths() {
        for (text, bytes) in [
            ("0x", None),
            ("0x1", None),
            ("12", None),
            ("0xzz", None),
            ("0x12", Some(1)),
        ] {
            assert_eq!(parse(text).map(|bytes| bytes.len()), bytes, "{text}");
        }
        let long = format!("0x{}", "ab".repeat(BYTES_MAX));
        assert_eq!(parse(&long).map(|bytes| bytes.len()), Some(BYTES_MAX));
        assert_eq!(parse(&format!("{long}ab")), None);
    }

    #[test]
    fn a_wallet_that_is_not_deployed_yet() {
        use alloy_sol_types::SolValue;
        let (factory, data) = (Address::repeat_byte(5), Bytes::from(vec![1; 37]));
        let signature = Bytes::from(vec![2; 65]);
        let parts = (factory, data.clone(), signature.clone()).abi_encode_params();
        let wrapped = [&parts[..], COUNTERFACTUAL_SUFFIX.as_slice()].concat();
        assert!(is_counterfactual(&wrapped));
        let expected = Counterfactual {
            factory,
            data,
            signature,
        };
        assert_eq!(counterfactual(&wrapped), Some(expected));
        assert_eq!(counterfactual(&parts), None, "without its suffix");
        // Anything else in its words is refused or read within its bounds.
        for at in 0..parts.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 0xff;
            if at < 12 || (32..60).contains(&at) {
                assert_eq!(counterfactual(&changed), None, "{at}");
            } else {
                drop(counterfactual(&changed));
            }
            drop(counterfactual(&wrapped[at..]));
        }
    }

    const CONTRACT: Address = Address::repeat_byte(7);
    const STRANGER: Address = Address::repeat_byte(8);

    fn domain() -> Domain {
        let asset = Asset {
            network: "eip155:31337".into(),
            address: Address::repeat_byte(1),
            name: "USDC".into(),
            version: "2".into(),
            decimals: 6,
        };
        Domain::of(&asset).unwrap()
    }

    /// A payment of `from` with this signature, or with one by `wallet`.
    fn payment(wallet: &Wallet, from: Address, signature: Option<String>) -> ExactPayload {
        let authorization = Authorization {
            from,
            to: Address::repeat_byte(2),
            value: U256::from(10_000),
            valid_after: U256::ZERO,
            valid_before: U256::MAX,
            nonce: B256::repeat_byte(3),
        };
        ExactPayload {
            signature: signature.unwrap_or_else(|| wallet.sign(&authorization, domain())),
            authorization,
        }
    }

    #[tokio::test]
    async fn a_key_a_contract_or_nobody() {
        let wallet = Wallet::random().unwrap();
        let suffix = hex::encode(COUNTERFACTUAL_SUFFIX);
        let undeployed = || Some(format!("0x1234{suffix}"));
        let long = Some(format!("0x{}", "12".repeat(500)));
        let (there, away) = (OneContract(Some(CONTRACT)), OneContract(None));
        let (there, away): (Option<&dyn Chain>, Option<&dyn Chain>) = (Some(&there), Some(&away));
        let own = wallet.address();
        let (key, code) = (Ok(SignedBy::Key), Ok(SignedBy::Contract));
        let none = Err(reason::SIGNATURE);
        for (name, from, signature, chain, expected) in [
            ("a key", own, None, there, key),
            ("a key, nobody to ask", own, None, None, key),
            ("a key is not asked about", own, None, away, key),
            ("a contract", CONTRACT, None, there, code),
            ("a long signature", CONTRACT, long, there, code),
            ("a contract, nobody to ask", CONTRACT, None, None, none),
            ("undeployed", STRANGER, undeployed(), there, code),
            (
                "undeployed, nobody to ask",
                STRANGER,
                undeployed(),
                None,
                code,
            ),
            ("somebody else", STRANGER, None, there, none),
            ("no signature", CONTRACT, Some("0x".into()), there, none),
            ("away", CONTRACT, None, away, Err(reason::UNEXPECTED_VERIFY)),
        ] {
            let payload = payment(&wallet, from, signature);
            let found = check(&payload, domain(), chain).await;
            assert_eq!(found.map(|(_, by)| by), expected, "{name}");
            if let Ok((digest, _)) = found {
                assert_eq!(digest, exact::digest(&payload.authorization, domain()));
            }
        }
    }
}
