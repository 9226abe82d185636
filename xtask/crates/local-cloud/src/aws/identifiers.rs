//! Random names: request ids, session ids, access keys. Always from the operating system.

use base64::Engine as _;

const KEY_ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

pub(super) fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    bytes
}

/// A random UUID (version 4): 36 characters.
pub(super) fn uuid() -> String {
    let mut bytes = random::<16>();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = hex::encode(bytes);
    format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    )
}

/// 20 characters in the form of a long-lived access key.
pub(super) fn access_key_id() -> String {
    let letters = random::<16>().map(|byte| char::from(KEY_ID_ALPHABET[usize::from(byte % 32)]));
    format!("AKIA{}", String::from_iter(letters))
}

/// 40 characters.
pub(super) fn secret_access_key() -> String {
    base64::engine::general_purpose::STANDARD.encode(random::<30>())
}

/// The header `X-Amzn-Trace-Id` of a call that came without one.
pub(super) fn trace_id(epoch_seconds: u64) -> String {
    format!(
        "Root=1-{epoch_seconds:08x}-{};Parent={};Sampled=0",
        hex::encode(random::<12>()),
        hex::encode(random::<8>())
    )
}
