//! An EIP-1559 transaction: its bytes, its hash, and the key that signs it.

use alloy_primitives::{Address, B256, keccak256};
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
    /// When it is no such key.
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
        let unsigned = envelope(&list(&self.fields()));
        let (signature, recovery) = key
            .key
            .sign_prehash_recoverable(keccak256(unsigned).as_slice())
            .expect("a digest has the 32 bytes that signing needs");
        let bytes = signature.to_bytes();
        let mut fields = self.fields();
        integer(&mut fields, &[u8::from(recovery.is_y_odd())]);
        integer(&mut fields, &bytes[..32]);
        integer(&mut fields, &bytes[32..]);
        let raw = envelope(&list(&fields));
        Signed {
            hash: keccak256(&raw),
            raw,
        }
    }

    fn fields(&self) -> Vec<u8> {
        let mut fields = Vec::with_capacity(512);
        integer(&mut fields, &self.chain_id.to_be_bytes());
        integer(&mut fields, &self.nonce.to_be_bytes());
        integer(&mut fields, &self.fees.tip.to_be_bytes());
        integer(&mut fields, &self.fees.most.to_be_bytes());
        integer(&mut fields, &self.gas.to_be_bytes());
        string(&mut fields, self.to.as_slice());
        integer(&mut fields, &[]); // ether
        string(&mut fields, &self.data);
        fields.extend_from_slice(&list(&[])); // access list
        fields
    }
}

fn envelope(list: &[u8]) -> Vec<u8> {
    [&[TYPE], list].concat()
}

/// RLP: big-endian without leading zeros.
fn integer(out: &mut Vec<u8>, bytes: &[u8]) {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    string(out, &bytes[zeros..]);
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    if let [byte @ 0..=0x7f] = bytes {
        out.push(*byte);
        return;
    }
    header(out, 0x80, bytes.len());
    out.extend_from_slice(bytes);
}

fn list(fields: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(fields.len() + 9);
    header(&mut out, 0xc0, fields.len());
    out.extend_from_slice(fields);
    out
}

fn header(out: &mut Vec<u8>, offset: u8, length: usize) {
    if let Ok(short) = u8::try_from(length)
        && short <= 55
    {
        out.push(offset + short);
        return;
    }
    let bytes = length.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = &bytes[zeros..];
    // At most eight digits.
    out.push(offset + 55 + digits.len() as u8);
    out.extend_from_slice(digits);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rlp() {
        let encode = |bytes: &[u8]| {
            let mut out = Vec::new();
            string(&mut out, bytes);
            hex::encode(out)
        };
        assert_eq!(encode(b"dog"), "83646f67");
        assert_eq!(encode(&[]), "80");
        assert_eq!(encode(&[0x0f]), "0f");
        assert_eq!(encode(&[0x80]), "8180");
        assert_eq!(&encode(&[7; 56])[..6], "b83807");
        assert_eq!(&encode(&[7; 1024])[..8], "b9040007");
        let mut out = Vec::new();
        integer(&mut out, &1024u64.to_be_bytes());
        integer(&mut out, &[0]);
        assert_eq!(hex::encode(out), "82040080");
        assert_eq!(hex::encode(list(b"\x83cat\x83dog")), "c88363617483646f67");
    }

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
}
