//! An EIP-1559 transaction: its bytes, its hash, and the key that signs it.

use alloy_primitives::{Address, B256, Signature, keccak256};
use alloy_rlp::Encodable;
use k256::ecdsa::SigningKey;
use std::fmt;

/// The type byte of EIP-1559.
const TYPE: u8 = 2;

/// Pays the gas of settlements. The key never leaves this type: there is no way to read or print it.
pub struct SettlementKey {
    key: SigningKey,
    address: Address,
}

/// Says nothing about the text, which may be most of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not 64 hexadecimal digits that make a secp256k1 key")]
pub struct NotAKey;

impl SettlementKey {
    /// Reads a key of 64 hexadecimal digits, with or without `0x`; white space around it is ignored.
    ///
    /// # Errors
    /// When the text is not such a key.
    pub fn from_hex(text: &str) -> Result<Self, NotAKey> {
        let text = text.trim();
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)
            .map_err(|_| NotAKey)?;
        let key = SigningKey::from_slice(&bytes).map_err(|_| NotAKey)?;
        let address = Address::from_public_key(key.verifying_key());
        Ok(Self { key, address })
    }

    pub fn address(&self) -> Address {
        self.address
    }
}

impl fmt::Debug for SettlementKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SettlementKey")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// A call of a contract that sends no ether.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transaction {
    pub(super) chain_id: u64,
    pub(super) nonce: u64,
    pub(super) fees: Fees,
    pub(super) gas: u64,
    pub(super) to: Address,
    pub(super) data: Vec<u8>,
}

/// What a unit of gas may cost, in wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fees {
    /// For whoever includes the transaction.
    pub(super) tip: u64,
    /// In all.
    pub(super) most: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) raw: Vec<u8>,
    pub(super) hash: B256,
}

impl Transaction {
    pub(super) fn sign(&self, key: &SettlementKey) -> Signed {
        let signature = key
            .key
            .sign_prehash_recoverable(keccak256(self.encode(None)).as_slice())
            .expect("a digest has the 32 bytes that signing needs")
            .into();
        let raw = self.encode(Some(&signature));
        Signed {
            hash: keccak256(&raw),
            raw,
        }
    }

    /// The type byte and the RLP list of the fields, in the order of EIP-1559. Without a signature these are the bytes to sign.
    fn encode(&self, signature: Option<&Signature>) -> Vec<u8> {
        let (ether, access_list) = (0u8, Vec::<Address>::new());
        let data = self.data.as_slice(); // a `Vec<u8>` would be a list of numbers
        let signed = signature.map(|signature| (signature.v(), signature.r(), signature.s()));
        let mut fields: Vec<&dyn Encodable> = vec![
            &self.chain_id,
            &self.nonce,
            &self.fees.tip,
            &self.fees.most,
            &self.gas,
            &self.to,
            &ether,
            &data,
            &access_list,
        ];
        if let Some((y_is_odd, r, s)) = &signed {
            fields.extend([y_is_odd as &dyn Encodable, r, s]);
        }
        let mut out = vec![TYPE];
        alloy_rlp::encode_list::<_, dyn Encodable>(&fields, &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let text = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
        let key = SettlementKey::from_hex(text).unwrap();
        assert_eq!(
            key.address().to_string(),
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        );
        assert!(!format!("{key:?}").contains("ac0974"));
        for bad in ["", "0x12", &"0".repeat(64), &"f".repeat(64)] {
            assert!(SettlementKey::from_hex(bad).is_err());
        }
    }

    #[test]
    fn another_fee_is_another_transaction() {
        let key = SettlementKey::from_hex(&"11".repeat(32)).unwrap();
        let mut transaction = Transaction {
            chain_id: 31337,
            nonce: 0,
            fees: Fees { tip: 1, most: 2 },
            gas: 21_000,
            to: Address::repeat_byte(1),
            data: vec![1; 100],
        };
        let first = transaction.sign(&key);
        assert_eq!(first, transaction.sign(&key));
        assert_eq!(first.raw[0], TYPE);
        transaction.fees.tip = 2;
        assert_ne!(first.hash, transaction.sign(&key).hash);
    }

    /// viem 2 makes the same bytes of the same fields, with a call that needs RLP's long form and with an empty one.
    #[test]
    fn the_bytes_are_those_of_viem() {
        let key = SettlementKey::from_hex(
            "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        )
        .unwrap();
        for (chain_id, nonce, data, expected) in [
            (
                84_532,
                0x80,
                vec![0xab; 300],
                "0xef8cd967c506aa49469f9ae58e7489abcd8d43711e3ebe288daa675552224c9b",
            ),
            (
                31_337,
                0,
                vec![],
                "0x29f968c6c72341eaaa4d1ec201e43d77637b26a5bdfe4f64912417fcf183ddee",
            ),
        ] {
            let transaction = Transaction {
                chain_id,
                nonce,
                fees: Fees {
                    tip: 1_000_000,
                    most: 30_000_000_000,
                },
                gas: 90_000,
                to: Address::repeat_byte(0x5f),
                data,
            };
            let signed = transaction.sign(&key);
            assert_eq!(signed.hash.to_string(), expected);
        }
    }
}
