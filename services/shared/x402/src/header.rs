//! The headers of x402: base64 of JSON, within a size that every server and proxy on the way takes.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The offers of a 402, as base64 of JSON.
pub const PAYMENT_REQUIRED: HeaderName = HeaderName::from_static("payment-required");
/// The buyer's signed payment, as base64 of JSON.
pub const PAYMENT_SIGNATURE: HeaderName = HeaderName::from_static("payment-signature");
/// The receipt, as base64 of JSON.
pub const PAYMENT_RESPONSE: HeaderName = HeaderName::from_static("payment-response");
/// Version 1's name of `PAYMENT-SIGNATURE`.
pub const X_PAYMENT: HeaderName = HeaderName::from_static("x-payment");
/// Version 1's name of `PAYMENT-RESPONSE`.
pub const X_PAYMENT_RESPONSE: HeaderName = HeaderName::from_static("x-payment-response");

/// The most base64 that is read. A payment with one offer takes about 1,100 bytes, and one that echoes what a seller says of
/// itself for lists several thousand. It is what Node.js takes for all headers (`--max-http-header-size`) and an Application
/// Load Balancer for one; API Gateway stops at 10,240 and our own HTTP server far above.
pub const BYTES_MAX: usize = 16 * 1024;
/// The most base64 of an offer that a buyer reads: sellers with many ways to pay, and a schema of what they sell, need more.
pub const OFFER_BYTES_MAX: usize = 32 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
/// Why a header cannot be read.
pub enum HeaderError {
    #[error("the header is larger than {BYTES_MAX} bytes")]
    TooLarge,
    #[error("the header is larger than {OFFER_BYTES_MAX} bytes")]
    OfferTooLarge,
    #[error("the header is not base64")]
    NotBase64,
    #[error("the header is not the JSON that x402 describes: {0}")]
    NotJson(String),
}

/// Reads a header.
///
/// # Errors
/// When it is too large, not base64 or not the JSON of `T`. The text of the last is for logs, not for the other side.
pub fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T, HeaderError> {
    decode_with_json(value).map(|(read, _)| read)
}

/// Reads a header, and keeps its JSON as it was sent.
///
/// # Errors
/// Those of `decode`.
pub(crate) fn decode_with_json<T: DeserializeOwned>(
    value: &[u8],
) -> Result<(T, String), HeaderError> {
    if value.len() > BYTES_MAX {
        return Err(HeaderError::TooLarge);
    }
    decode_json(value)
}

/// Reads a seller's offer.
///
/// # Errors
/// As [`decode`], for a larger size.
pub fn decode_offer<T: DeserializeOwned>(value: &[u8]) -> Result<T, HeaderError> {
    if value.len() > OFFER_BYTES_MAX {
        return Err(HeaderError::OfferTooLarge);
    }
    decode_json(value).map(|(read, _)| read)
}

fn decode_json<T: DeserializeOwned>(value: &[u8]) -> Result<(T, String), HeaderError> {
    let json = BASE64.decode(value).map_err(|_| HeaderError::NotBase64)?;
    let not_json = |error: &dyn std::fmt::Display| HeaderError::NotJson(error.to_string());
    let json = String::from_utf8(json).map_err(|error| not_json(&error))?;
    let read = serde_json::from_str(&json).map_err(|error| not_json(&error))?;
    Ok((read, json))
}

/// Writes a header from a value.
pub fn encode<T: Serialize>(value: &T) -> HeaderValue {
    encode_json(
        &serde_json::to_vec(value)
            .expect("the wire types have text keys only, which JSON always takes"),
    )
}

/// Writes a header from finished JSON.
pub(crate) fn encode_json(json: &[u8]) -> HeaderValue {
    HeaderValue::try_from(to_base64(json)).expect("base64 is visible ASCII")
}

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{PaymentPayload, PaymentRequired};
    use proptest::prelude::*;

    #[test]
    fn refusals() {
        for (value, error) in [
            (&b"%%%"[..], HeaderError::NotBase64),
            (
                b"aGk",
                HeaderError::NotJson("expected value at line 1 column 1".into()),
            ),
            (&[b'a'; BYTES_MAX + 1], HeaderError::TooLarge),
        ] {
            assert_eq!(decode::<PaymentPayload>(value).unwrap_err(), error);
        }
    }

    proptest! {
        #[test]
        fn random_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            drop(decode::<PaymentPayload>(&bytes));
            drop(decode::<PaymentRequired>(&bytes));
            let encoded = BASE64.encode(&bytes);
            drop(decode::<PaymentPayload>(encoded.as_bytes()));
        }

        #[test]
        fn broken_payments_do_not_panic(position in 0usize..600, byte in any::<u8>()) {
            let mut json = crate::exact::tests::SPECIFICATION_EXAMPLE.as_bytes().to_vec();
            let index = position % json.len();
            json[index] = byte;
            drop(decode::<PaymentPayload>(encode_json(&json).as_bytes()));
            json.truncate(index);
            prop_assert!(decode::<PaymentPayload>(encode_json(&json).as_bytes()).is_err());
        }
    }
}
