//! Private keys that sign tokens: Ed25519, and ECDSA on P-256.

use super::CredentialsError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};

/// What stands before a P-256 key of SEC 1 to make it one of PKCS#8, but for the lengths: version 0, then
/// `id-ecPublicKey` with `prime256v1` (RFC 5208, RFC 5480).
const PKCS8_OF_P256: [u8; 24] = [
    0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
];

/// The bytes of an Ed25519 key as Coinbase hands it out: the seed, then the public key.
const ED25519_BYTES: usize = 64;

pub(super) enum SigningKey {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl SigningKey {
    /// Base64 of 64 bytes, or PEM of a P-256 key, as PKCS#8 or SEC 1.
    pub(super) fn read(text: &str) -> Result<Self, CredentialsError> {
        if text.contains("-----BEGIN") {
            return Self::read_pem(text);
        }
        let bytes = STANDARD.decode(text.trim()).unwrap_or_default();
        match bytes.split_at_checked(ED25519_BYTES / 2) {
            Some((seed, public)) if bytes.len() == ED25519_BYTES => {
                Ed25519KeyPair::from_seed_and_public_key(seed, public)
                    .map(Self::Ed25519)
                    .map_err(|_| wrong("the two halves of its `secret` do not belong together"))
            }
            _ => Err(wrong(
                "its `secret` is neither base64 of 64 bytes (Ed25519) nor a P-256 key in PEM",
            )),
        }
    }

    /// Base64 of an Ed25519 key in PKCS#8, with or without its public half.
    pub(super) fn read_pkcs8(text: &str) -> Result<Self, CredentialsError> {
        let bytes = STANDARD.decode(text).unwrap_or_default();
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes)
            .map(Self::Ed25519)
            .map_err(|_| wrong("its `secret` is not an Ed25519 key (PKCS#8 in base64)"))
    }

    fn read_pem(text: &str) -> Result<Self, CredentialsError> {
        let (label, der) = pem(text).ok_or_else(|| wrong("the PEM of its `secret` is damaged"))?;
        let pkcs8 = match label.as_str() {
            "PRIVATE KEY" => der,
            "EC PRIVATE KEY" => pkcs8_of_sec1(&der),
            _ => {
                return Err(wrong(
                    "the PEM of its `secret` is neither a PRIVATE KEY nor an EC PRIVATE KEY",
                ));
            }
        };
        EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &pkcs8,
            &SystemRandom::new(),
        )
        .map(Self::P256)
        .map_err(|_| wrong("the PEM of its `secret` is not a P-256 key with its public half"))
    }

    /// The name in a token's header (RFC 7518, RFC 8037).
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
        }
    }

    /// For ES256: r and s, 32 bytes each.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CredentialsError> {
        match self {
            Self::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
            Self::P256(key) => key
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| wrong("the operating system has no random numbers for a signature")),
        }
    }
}

fn wrong(text: &str) -> CredentialsError {
    CredentialsError(text.to_owned())
}

/// The label and the bytes of the first block. Line breaks may have been escaped on the way through JSON and a console.
fn pem(text: &str) -> Option<(String, Vec<u8>)> {
    let text = text.replace("\\n", "\n");
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_ascii_whitespace().collect();
    Some((label.to_owned(), STANDARD.decode(body).ok()?))
}

pub(super) fn pkcs8_of_sec1(sec1: &[u8]) -> Vec<u8> {
    let key = der(0x04, sec1);
    let content = [&PKCS8_OF_P256[..], &key].concat();
    der(0x30, &content)
}

/// One element of DER. A P-256 key is short enough for lengths of two bytes.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap_or(0).to_be_bytes();
    let length: &[u8] = match content.len() {
        0..=0x7f => &[low],
        0x80..=0xff => &[0x81, low],
        _ => &[0x82, high, low],
    };
    [&[tag], length, content].concat()
}
