//! The JSON of x402, version 2, and of version 1 where it differs. Unknown fields are allowed and `null` means absent.

use crate::decode;
use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The version that is spoken here: <https://github.com/coinbase/x402/blob/main/specs/x402-specification-v2.md>.
pub const VERSION: u64 = 2;
/// The version that is still understood.
pub const VERSION_1: u64 = 1;
/// The scheme of a fixed price.
pub const SCHEME_EXACT: &str = "exact";

/// One way to pay: how much of which asset to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Requirements {
    pub scheme: String,
    /// CAIP-2.
    pub network: String,
    /// Atomic units.
    #[serde(with = "decode::decimal")]
    pub amount: U256,
    #[serde(with = "decode::address")]
    pub asset: Address,
    #[serde(with = "decode::address")]
    pub pay_to: Address,
    #[serde(deserialize_with = "decode::whole_number")]
    pub max_timeout_seconds: u64,
    /// For `exact` on EVM: `name` and `version` of the token's EIP-712 domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Map<String, Value>>,
}

impl Requirements {
    /// A text in `extra`; `None` when it is absent or not a text.
    pub fn extra_text(&self, key: &str) -> Option<&str> {
        self.extra.as_ref()?.get(key)?.as_str()
    }
}

/// What a buyer reads from a 402. `accepts` stays raw, because offers of other schemes and chains look different.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequired {
    pub x402_version: u64,
    #[serde(default)]
    pub error: Option<String>,
    pub resource: Value,
    pub accepts: Vec<Value>,
    #[serde(default)]
    pub extensions: Option<Map<String, Value>>,
}

/// EIP-3009: the holder lets anyone move exactly this once within the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    #[serde(with = "decode::address")]
    pub from: Address,
    #[serde(with = "decode::address")]
    pub to: Address,
    /// Atomic units.
    #[serde(with = "decode::decimal")]
    pub value: U256,
    /// Seconds since 1970; the transfer is valid strictly after.
    #[serde(with = "decode::decimal")]
    pub valid_after: U256,
    /// Seconds since 1970; the transfer is valid strictly before.
    #[serde(with = "decode::decimal")]
    pub valid_before: U256,
    #[serde(with = "decode::nonce")]
    pub nonce: B256,
}

/// The `payload` of scheme `exact` on EVM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExactPayload {
    /// `0x` and r, s, v in hexadecimal. Checked where it is used, so that a bad one gets its own reason.
    pub signature: String,
    pub authorization: Authorization,
}

/// What a buyer sends, both versions in one: 2 has `accepted`, 1 has `scheme` and `network`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentPayload {
    pub x402_version: u64,
    /// What is sold, in the seller's words as the buyer echoes them; of any shape, because it decides about nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Requirements>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    pub payload: ExactPayload,
    /// When read, without those that nobody here reads: a buyer echoes what the seller tells lists, and that is long.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "known_extensions"
    )]
    pub extensions: Option<Map<String, Value>>,
}

fn known_extensions<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Map<String, Value>>, D::Error> {
    #[derive(Deserialize)]
    struct Known {
        #[serde(rename = "payment-identifier")]
        payment_identifier: Option<Value>,
    }
    let known = Option::<Known>::deserialize(deserializer)?;
    let identifier = known.and_then(|known| known.payment_identifier);
    Ok(identifier.map(|value| Map::from_iter([(PAYMENT_IDENTIFIER.to_owned(), value)])))
}

/// Name of the extension by which a buyer asks for the same answer again.
pub const PAYMENT_IDENTIFIER: &str = "payment-identifier";

impl PaymentPayload {
    /// The `payment-identifier` of this payment: 16 to 128 characters of letters, digits, `-` and `_`.
    pub fn identifier(&self) -> Option<&str> {
        let extension = self.extensions.as_ref()?.get(PAYMENT_IDENTIFIER)?;
        let id = extension.get("info")?.get("id")?.as_str()?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        ((16..=128).contains(&id.len()) && id.bytes().all(allowed)).then_some(id)
    }
}

/// Body of the facilitator's `/verify` and `/settle`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FacilitatorRequest {
    pub x402_version: u64,
    pub payment_payload: PaymentPayload,
    pub payment_requirements: Requirements,
}

/// Answer of `/verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyResponse {
    pub is_valid: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
}

/// Answer of `/settle`, and the receipt in `PAYMENT-RESPONSE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettlementResponse {
    pub success: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// Hash of the transaction; empty when there is none.
    pub transaction: String,
    pub network: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Map<String, Value>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rest of an echo is skipped, and no other shape is taken for an identifier.
    #[test]
    fn extensions_of_a_payment() {
        let read = |extensions: &str| {
            let payment = crate::exact::tests::SPECIFICATION_EXAMPLE;
            let (start, _) = payment.trim_end().rsplit_once('}').unwrap();
            let json = format!(r#"{start},"extensions":{extensions}}}"#);
            serde_json::from_str::<PaymentPayload>(&json)
        };
        let id = r#"{"info":{"required":false,"id":"pay_0123456789abcdef"}}"#;
        for (extensions, expected) in [
            ("null".to_owned(), None),
            ("{}".to_owned(), None),
            (
                format!(r#"{{"bazaar":{{"info":[1]}},"payment-identifier":{id}}}"#),
                Some("pay_0123456789abcdef"),
            ),
            (format!(r#"{{"Payment-Identifier":{id}}}"#), None),
            (r#"{"payment-identifier":7}"#.to_owned(), None),
            (r#"{"payment-identifier":null}"#.to_owned(), None),
        ] {
            let payment = read(&extensions).unwrap();
            assert_eq!(payment.identifier(), expected, "{extensions}");
            assert!(payment.extensions.is_none_or(|known| known.len() == 1));
        }
        let twice = format!(r#"{{"payment-identifier":{id},"payment-identifier":{id}}}"#);
        assert!(read(&twice).is_err());
        assert!(read("7").is_err());
    }
}
