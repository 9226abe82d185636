//! What a seller's answer to a payment says about money. It is the seller's word, and decides nothing but whether the chain
//! has to be asked.

use super::transport::Answer;
use crate::header;
use crate::wire::{PaymentRequired, SettlementResponse};
use crate::{Asset, decode};
use alloy_primitives::B256;
use http::StatusCode;
use serde_json::Value;

/// Of a seller's own words.
const REASON_CHARACTERS_MAX: usize = 200;

/// What is wrong with a seller's receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    #[error("it gave no receipt")]
    Missing,
    #[error("its receipt cannot be read")]
    Unreadable,
    #[error("its receipt says that the payment failed")]
    Failed,
    #[error("its receipt names no transaction")]
    NoTransaction,
    #[error("its receipt is for another network")]
    OtherNetwork,
}

/// The transaction that a seller's receipt names: well-formed, of our network, and a success.
pub(super) fn claimed(answer: &Answer, asset: &Asset) -> Result<B256, ReceiptFault> {
    let value = answer.headers.get(header::PAYMENT_RESPONSE);
    let value = value.ok_or(ReceiptFault::Missing)?;
    let settlement: SettlementResponse =
        header::decode(value.as_bytes()).map_err(|_| ReceiptFault::Unreadable)?;
    if !settlement.success {
        return Err(ReceiptFault::Failed);
    }
    if settlement.network != asset.network && Some(&*settlement.network) != asset.network_v1() {
        return Err(ReceiptFault::OtherNetwork);
    }
    decode::hex_bytes(&settlement.transaction)
        .map(B256::new)
        .filter(|hash| !hash.is_zero())
        .ok_or(ReceiptFault::NoTransaction)
}

/// What the seller answered, in words for people.
pub(super) fn described(answer: &Answer, fault: Option<&ReceiptFault>) -> String {
    let mut words = format!("the seller answered {}", answer.status);
    if let Some(reason) = reason(answer) {
        words.push_str(&format!(" ({reason})"));
    }
    if answer.status.is_success()
        && let Some(fault) = fault
    {
        words.push_str(&format!(", and {fault}"));
    }
    words
}

/// Why the seller refuses, in its own words: cut and cleaned.
fn reason(answer: &Answer) -> Option<String> {
    let decoded = |name| answer.headers.get(name).map(|value| value.as_bytes());
    let settlement = decoded(header::PAYMENT_RESPONSE)
        .and_then(|value| header::decode::<SettlementResponse>(value).ok())
        .and_then(|settlement| settlement.error_reason);
    let required = || {
        let value = decoded(header::PAYMENT_REQUIRED)?;
        header::decode_offer::<PaymentRequired>(value).ok()?.error
    };
    let words = settlement.or_else(required)?;
    Some(runtime::text::clean(&words, REASON_CHARACTERS_MAX)).filter(|words| !words.is_empty())
}

/// Whether the same payment is worth sending once more: the seller cannot tell yet, or has charged and not delivered.
pub(super) fn is_worth_repeating(answer: &Answer, asset: &Asset) -> bool {
    is_failure(answer.status) && (claimed(answer, asset).is_ok() || is_passing(answer))
}

fn is_failure(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// Whether a failure may pass. A seller like ours says by a code that nothing is settled; an answer of no known form comes
/// from something between us and the seller.
fn is_passing(answer: &Answer) -> bool {
    if !matches!(answer.status.as_u16(), 409 | 502 | 503 | 504) {
        return false;
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = body.pointer("/error/code").and_then(Value::as_str);
    code.is_none_or(|code| code == "settlementUnknown" || code == "paymentInProgress")
}
