//! The key that pays.

use crate::exact::{Domain, digest};
use crate::wire::Authorization;
use alloy_primitives::{Address, B256};
use k256::ecdsa::SigningKey;
use std::fmt;

/// A secp256k1 key and its address. The key never leaves this type: there is no way to read or print it.
#[derive(Clone)]
pub struct Wallet {
    key: SigningKey,
    address: Address,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalletError {
    /// Says nothing about the text, which may be most of a key.
    #[error("the wallet key is not 64 hexadecimal digits that make a secp256k1 key")]
    NotAKey,
    #[error("the operating system gave no random bytes: {0}")]
    NoRandom(String),
}

impl Wallet {
    /// Reads a key of 64 hexadecimal digits, with or without `0x`; white space around it is ignored.
    ///
    /// # Errors
    /// When the text is not such a key.
    pub fn from_hex(text: &str) -> Result<Self, WalletError> {
        let text = text.trim();
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)
            .map_err(|_| WalletError::NotAKey)?;
        Self::from_bytes(&bytes)
    }

    /// A new wallet, for tests and examples.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn random() -> Result<Self, WalletError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| WalletError::NoRandom(error.to_string()))?;
        Self::from_bytes(&bytes)
    }

    fn from_bytes(bytes: &[u8; 32]) -> Result<Self, WalletError> {
        let key = SigningKey::from_slice(bytes).map_err(|_| WalletError::NotAKey)?;
        let address = Address::from_public_key(key.verifying_key());
        Ok(Self { key, address })
    }

    /// The account, from the key.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Signs an authorization: `0x` and r, s, v in hexadecimal.
    pub fn sign(&self, authorization: &Authorization, domain: Domain) -> String {
        format!(
            "0x{}",
            hex::encode(self.sign_digest(digest(authorization, domain)))
        )
    }

    pub(crate) fn sign_digest(&self, digest: B256) -> [u8; 65] {
        let (signature, recovery) = self
            .key
            .sign_prehash_recoverable(digest.as_slice())
            .expect("a digest has the 32 bytes that signing needs");
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + u8::from(recovery.is_y_odd());
        bytes
    }
}

impl fmt::Debug for Wallet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Wallet")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_key() {
        let key = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
        let wallet = Wallet::from_hex(&format!(" 0x{key}\n")).unwrap();
        assert_eq!(
            wallet.address().to_string(),
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        );
        assert!(!format!("{wallet:?}").contains("ac0974"));
    }

    #[test]
    fn refused_keys() {
        let zero = "0".repeat(64);
        let above_order = "f".repeat(64);
        for text in ["", "0x", "12", "zz", zero.as_str(), above_order.as_str()] {
            assert_eq!(
                Wallet::from_hex(text).unwrap_err(),
                WalletError::NotAKey,
                "{text}"
            );
        }
    }
}
