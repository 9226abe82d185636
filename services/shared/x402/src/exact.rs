//! Scheme `exact` on EVM: EIP-712 digest of an EIP-3009 authorization, recovery of its signer, and the checks that seller and
//! facilitator share.

use crate::asset::{Asset, AssetError};
use crate::chain::CLOCK_SKEW_SECONDS;
use crate::wire::{Authorization, ExactPayload};
use crate::{decode, reason};
use alloy_primitives::{Address, B256, U256, b256, keccak256};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, Secp256k1, VerifyOnly};
use std::sync::LazyLock;

/// keccak256 of `TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)`.
const TRANSFER_TYPE_HASH: B256 =
    b256!("7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267");
/// keccak256 of `EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)`.
const DOMAIN_TYPE_HASH: B256 =
    b256!("8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f");

/// Seconds that a payment must still be valid for when it is looked at: settling takes a while.
pub const SETTLE_MARGIN_SECONDS: u64 = 6;

/// The EIP-712 domain separator of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Domain(B256);

impl Domain {
    /// # Errors
    /// When the asset's network is no EVM chain.
    pub fn of(asset: &Asset) -> Result<Self, AssetError> {
        let mut bytes = [0; 5 * 32];
        bytes[..32].copy_from_slice(DOMAIN_TYPE_HASH.as_slice());
        bytes[32..64].copy_from_slice(keccak256(&asset.name).as_slice());
        bytes[64..96].copy_from_slice(keccak256(&asset.version).as_slice());
        bytes[96..128].copy_from_slice(&U256::from(asset.chain_id()?).to_be_bytes::<32>());
        bytes[128..].copy_from_slice(asset.address.into_word().as_slice());
        Ok(Self(keccak256(bytes)))
    }

    pub(crate) fn separator(&self) -> B256 {
        self.0
    }
}

/// What the holder signs.
pub fn digest(authorization: &Authorization, domain: Domain) -> B256 {
    let mut bytes = [0; 7 * 32];
    let words = [
        TRANSFER_TYPE_HASH.0,
        authorization.from.into_word().0,
        authorization.to.into_word().0,
        authorization.value.to_be_bytes::<32>(),
        authorization.valid_after.to_be_bytes::<32>(),
        authorization.valid_before.to_be_bytes::<32>(),
        authorization.nonce.0,
    ];
    for (place, word) in bytes.chunks_exact_mut(32).zip(&words) {
        place.copy_from_slice(word);
    }
    let mut message = [0; 66];
    message[..2].copy_from_slice(&[0x19, 0x01]);
    message[2..34].copy_from_slice(domain.0.as_slice());
    message[34..].copy_from_slice(keccak256(bytes).as_slice());
    keccak256(message)
}

/// r, s and v. Only what a token contract takes can be made: low s, and v 27 or 28.
pub fn parse_signature(text: &str) -> Option<[u8; 65]> {
    decode::hex_bytes::<65>(text)
}

/// The account that signed `digest`; `None` when it is not a signature, has a high s (its malleable twin is the real one) or a v
/// other than 27 and 28.
///
/// Recovery alone proves the signature, so it is not verified a second time. libsecp256k1 takes 30 us for it, k256 takes 85.
pub fn recover(digest: B256, signature: &[u8; 65]) -> Option<Address> {
    static CURVE: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);
    let odd = match signature[64] {
        27 => RecoveryId::Zero,
        28 => RecoveryId::One,
        _ => return None,
    };
    let signature = RecoverableSignature::from_compact(&signature[..64], odd).ok()?;
    let mut low = signature.to_standard();
    low.normalize_s();
    if low != signature.to_standard() {
        return None;
    }
    let message = Message::from_digest(digest.0);
    let key = CURVE.recover_ecdsa(message, &signature).ok()?;
    Some(Address::from_raw_public_key(
        &key.serialize_uncompressed()[1..],
    ))
}

/// Checks everything about a payment that needs no signature: recipient, exact amount, and the window, with time to settle.
///
/// # Errors
/// The reason code of the first thing that is wrong.
pub fn check_terms(
    authorization: &Authorization,
    pay_to: Address,
    amount: U256,
    max_timeout_seconds: u64,
    now: u64,
) -> Result<(), &'static str> {
    check_price(authorization, pay_to, amount)?;
    check_window(authorization, max_timeout_seconds, now)
}

/// Checks that it is the right account that gets exactly the right amount.
///
/// # Errors
/// The reason code of the first thing that is wrong.
pub fn check_price(
    authorization: &Authorization,
    pay_to: Address,
    amount: U256,
) -> Result<(), &'static str> {
    if authorization.to != pay_to {
        return Err(reason::RECIPIENT_MISMATCH);
    }
    if authorization.value != amount {
        return Err(reason::VALUE_MISMATCH);
    }
    Ok(())
}

/// Checks that it can be settled now, with time to do so, and not for much longer than the offer says: whoever has seen it can
/// settle it until its end, and it has to be remembered for as long.
///
/// # Errors
/// The reason code of the first thing that is wrong.
pub fn check_window(
    authorization: &Authorization,
    max_timeout_seconds: u64,
    now: u64,
) -> Result<(), &'static str> {
    let latest = now
        .saturating_add(max_timeout_seconds)
        .saturating_add(CLOCK_SKEW_SECONDS);
    if authorization.valid_before < U256::from(now + SETTLE_MARGIN_SECONDS)
        || authorization.valid_before > U256::from(latest)
    {
        return Err(reason::VALID_BEFORE);
    }
    // The token wants now > validAfter; a block is never older than the moment at which it is asked for.
    if authorization.valid_after > U256::from(now) {
        return Err(reason::VALID_AFTER);
    }
    Ok(())
}

/// Checks that the authorization's `from` signed it under `domain`. Returns the digest, which names the authorization.
///
/// # Errors
/// The reason code for a signature that is not theirs.
pub fn check_signature(payload: &ExactPayload, domain: Domain) -> Result<B256, &'static str> {
    let signature = parse_signature(&payload.signature).ok_or(reason::SIGNATURE)?;
    let digest = digest(&payload.authorization, domain);
    match recover(digest, &signature) {
        Some(signer) if signer == payload.authorization.from => Ok(digest),
        _ => Err(reason::SIGNATURE),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::wallet::Wallet;
    use crate::wire::PaymentPayload;
    use alloy_sol_types::{SolStruct, eip712_domain, sol};
    use k256::{NonZeroScalar, Scalar};

    /// The payment that the specification prints, a real signature under Base Sepolia's USDC.
    pub(crate) const SPECIFICATION_EXAMPLE: &str = r#"{"x402Version":2,"payload":{"signature":"0x2d6a7588d6acca505cbf0d9a4a227e0c52c6c34008c8e8986a1283259764173608a2ce6496642e377d6da8dbbf5836e9bd15092f9ecab05ded3d6293af148b571c","authorization":{"from":"0x857b06519E91e3A54538791bDbb0E22373e36b66","to":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C","value":"10000","validAfter":"1740672089","validBefore":"1740672154","nonce":"0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480"}}}"#;

    sol! {
        struct TransferWithAuthorization {
            address from;
            address to;
            uint256 value;
            uint256 validAfter;
            uint256 validBefore;
            bytes32 nonce;
        }
    }

    fn base_sepolia() -> Asset {
        Asset {
            network: "eip155:84532".into(),
            address: "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
                .parse()
                .unwrap(),
            name: "USDC".into(),
            version: "2".into(),
            decimals: 6,
        }
    }

    fn example() -> PaymentPayload {
        serde_json::from_str(SPECIFICATION_EXAMPLE).unwrap()
    }

    #[test]
    fn the_specifications_example_recovers_to_its_payer() {
        let payload = example().payload;
        let domain = Domain::of(&base_sepolia()).unwrap();
        assert!(check_signature(&payload, domain).is_ok());
        let other = Domain::of(&Asset {
            name: "USD Coin".into(),
            ..base_sepolia()
        })
        .unwrap();
        assert_eq!(check_signature(&payload, other), Err(reason::SIGNATURE));
    }

    #[test]
    fn the_digest_is_that_of_alloy() {
        let ours = example().payload.authorization;
        let theirs = TransferWithAuthorization {
            from: ours.from,
            to: ours.to,
            value: ours.value,
            validAfter: ours.valid_after,
            validBefore: ours.valid_before,
            nonce: ours.nonce,
        };
        let asset = base_sepolia();
        let domain = eip712_domain! { name: "USDC", version: "2", chain_id: 84532, verifying_contract: asset.address, };
        assert_eq!(Domain::of(&asset).unwrap().0, domain.separator());
        assert_eq!(
            digest(&ours, Domain::of(&asset).unwrap()),
            theirs.eip712_signing_hash(&domain)
        );
    }

    #[test]
    fn recovery_agrees_with_k256_and_refuses_the_twin() {
        let wallet = Wallet::random().unwrap();
        for round in 0..50u8 {
            let digest = keccak256([round]);
            let signature = wallet.sign_digest(digest);
            assert_eq!(recover(digest, &signature), Some(wallet.address()));

            let mut twin = signature;
            let s: Scalar = Option::<NonZeroScalar>::from(NonZeroScalar::from_repr(
                k256::FieldBytes::from(<[u8; 32]>::try_from(&signature[32..64]).unwrap()),
            ))
            .map(|s| -*s)
            .unwrap();
            twin[32..64].copy_from_slice(&s.to_bytes());
            twin[64] = 55 - twin[64];
            assert_eq!(recover(digest, &twin), None, "a high s is refused");

            for v in [0, 1, 29, 255] {
                let mut changed = signature;
                changed[64] = v;
                assert_eq!(recover(digest, &changed), None);
            }
            let mut forged = signature;
            forged[5] ^= 1;
            assert_ne!(recover(digest, &forged), Some(wallet.address()));
        }
        assert_eq!(recover(B256::ZERO, &[0; 65]), None);
        assert_eq!(recover(B256::ZERO, &[0xff; 65]), None);
    }

    #[test]
    fn terms() {
        let good = example().payload.authorization;
        let (pay_to, amount, now) = (good.to, good.value, 1_740_672_100);
        let check = |change: fn(&mut Authorization), now| {
            let mut changed = good.clone();
            change(&mut changed);
            check_terms(&changed, pay_to, amount, 65, now)
        };
        assert_eq!(check(|_| {}, now), Ok(()));
        assert_eq!(check(|_| {}, 1_740_672_148), Ok(()));
        assert_eq!(check(|_| {}, 1_740_672_149), Err(reason::VALID_BEFORE));
        assert_eq!(check(|_| {}, 1_740_672_088), Err(reason::VALID_AFTER));
        assert_eq!(
            check(|a| a.value = U256::from(9_999), now),
            Err(reason::VALUE_MISMATCH)
        );
        assert_eq!(
            check(|a| a.value = U256::from(10_001), now),
            Err(reason::VALUE_MISMATCH)
        );
        assert_eq!(
            check(|a| a.to = a.from, now),
            Err(reason::RECIPIENT_MISMATCH)
        );
        let latest = |a: &mut Authorization| a.valid_before = U256::from(1_740_672_225);
        assert_eq!(check(latest, now), Ok(()));
        assert_eq!(check(latest, now - 1), Err(reason::VALID_BEFORE));
        assert_eq!(
            check(|a| a.valid_before = U256::MAX, now),
            Err(reason::VALID_BEFORE)
        );
    }
}
