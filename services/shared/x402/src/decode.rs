//! Strict readers and canonical writers for the values inside x402's JSON.

use alloy_primitives::Address;
use serde::de::{Deserializer, Error, Visitor};
use std::fmt;

/// Reads a whole number, also as programs write it that know one kind of number only: `60.0`.
pub(crate) fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Whole;

    impl Visitor<'_> for Whole {
        type Value = u64;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a whole number")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
            // Up to here a float tells every whole number from the next.
            const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
            if number.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&number) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is whole, not negative and small enough"
                )]
                return Ok(number as u64);
            }
            Err(E::custom("a whole number"))
        }
    }

    deserializer.deserialize_any(Whole)
}

struct Text<T> {
    expected: &'static str,
    parse: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::custom(self.expected))
    }
}

fn text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text { expected, parse })
}

/// `0x` and exactly twice `BYTES` hexadecimal digits.
pub(crate) fn hex_bytes<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut bytes).ok()?;
    Some(bytes)
}

/// Reads an address in any case, writes it with its EIP-55 checksum.
pub(crate) mod address {
    use super::*;

    pub(crate) fn serialize<S: serde::Serializer>(
        address: &Address,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(address.to_checksum_buffer(None).as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Address, D::Error> {
        text(
            deserializer,
            "an address of 0x and 40 hexadecimal digits",
            |text| hex_bytes(text).map(Address::new),
        )
    }
}

/// Reads and writes a number of atomic units or seconds as a decimal string.
pub(crate) mod decimal {
    use super::*;
    use alloy_primitives::U256;

    pub(crate) fn serialize<S: serde::Serializer>(
        number: &U256,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<U256, D::Error> {
        text(
            deserializer,
            "a decimal string such as \"10000\"",
            crate::amount::parse_atomic,
        )
    }
}

/// Reads and writes 32 bytes as `0x` and 64 hexadecimal digits.
pub(crate) mod nonce {
    use super::*;
    use alloy_primitives::B256;

    pub(crate) fn serialize<S: serde::Serializer>(
        nonce: &B256,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(nonce)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<B256, D::Error> {
        text(
            deserializer,
            "a nonce of 0x and 64 hexadecimal digits",
            |text| hex_bytes(text).map(B256::new),
        )
    }
}
