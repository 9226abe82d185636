//! Accounts and contracts of EVM chains, as people write them.

use sha3::{Digest as _, Keccak256};

/// 0x and 40 hexadecimal digits: the digits.
pub(crate) fn digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("0x")?;
    let fits = digits.len() == 40 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    fits.then_some(digits)
}

/// True when the capital letters say that a digit is wrong (EIP-55). Small letters alone, or capital ones, say nothing.
pub(crate) fn is_mistyped(digits: &str) -> bool {
    let has = |test: fn(&u8) -> bool| digits.as_bytes().iter().any(test);
    has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && digits != checksummed(digits)
}

/// A letter is a capital one where the hash of the address has a digit of 8 or more.
fn checksummed(digits: &str) -> String {
    let small = digits.to_ascii_lowercase();
    let hash = hex::encode(Keccak256::digest(&small));
    let pairs = small.chars().zip(hash.chars());
    pairs
        .map(|(digit, of_hash)| match of_hash >= '8' {
            true => digit.to_ascii_uppercase(),
            false => digit,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of EIP-55, and one with a digit that is another.
    #[test]
    fn a_wrong_digit_shows() {
        for (address, expected) in [
            ("0x52908400098527886E0F7030069857D2E4169EE7", Some(false)),
            ("0xde709f2102306220921060314715629080e2fb77", Some(false)),
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", Some(false)),
            ("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", Some(false)),
            ("0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", Some(false)),
            ("0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb", Some(false)),
            ("0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDc", Some(true)),
            ("0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed", Some(true)),
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", None),
            ("5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", None),
        ] {
            assert_eq!(digits(address).map(is_mistyped), expected, "{address}");
        }
    }
}
