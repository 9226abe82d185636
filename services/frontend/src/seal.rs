//! Texts that the server hands out and must recognise later as its own.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// Signs and checks texts for one purpose. Seals of different purposes never accept each other's texts.
#[derive(Clone)]
pub(crate) struct Seal {
    key: [u8; 32],
}

impl Seal {
    /// A seal whose key is derived from a secret.
    pub(crate) fn derive(secret: &[u8], purpose: &str) -> Self {
        let key = mac(secret)
            .chain_update(purpose)
            .finalize()
            .into_bytes()
            .into();
        Self { key }
    }

    /// The signature of some parts, as 64 hex digits. Parts must not contain a line feed, which keeps them apart.
    pub(crate) fn sign(&self, parts: &[&str]) -> String {
        hex::encode(
            mac(&self.key)
                .chain_update(parts.join("\n"))
                .finalize()
                .into_bytes(),
        )
    }

    /// Whether the signature is that of these parts. Takes the same time wherever they differ.
    pub(crate) fn verify(&self, parts: &[&str], signature: &str) -> bool {
        let Ok(signature) = hex::decode(signature) else {
            return false;
        };
        mac(&self.key)
            .chain_update(parts.join("\n"))
            .verify_slice(&signature)
            .is_ok()
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// Bytes from the operating system, as twice as many hex digits.
pub(crate) fn random_hex<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)
        .expect("Linux has had getrandom(2) since 3.17, and it does not fail once booted");
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::Seal;

    #[test]
    fn a_signature_holds_for_its_parts_its_purpose_and_its_secret_only() {
        let seal = Seal::derive(b"secret", "cookie");
        let signature = seal.sign(&["a", "b"]);
        assert_eq!(signature.len(), 64);
        assert!(seal.verify(&["a", "b"], &signature));
        assert!(!seal.verify(&["ab"], &signature));
        assert!(!seal.verify(&["a", "c"], &signature));
        assert!(!seal.verify(&["a", "b"], &signature[..62]));
        assert!(!seal.verify(&["a", "b"], "not hex"));
        assert!(!Seal::derive(b"secret", "conversation").verify(&["a", "b"], &signature));
        assert!(!Seal::derive(b"other", "cookie").verify(&["a", "b"], &signature));
    }
}
