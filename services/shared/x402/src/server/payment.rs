//! Reads the payment out of a request's headers.

use super::offer::Offer;
use crate::wire::{PaymentPayload, SCHEME_EXACT, VERSION, VERSION_1};
use crate::{header, reason};
use http::HeaderMap;

/// Which spelling the buyer speaks; the receipt goes back in the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    V1,
    V2,
}

pub(super) struct Payment {
    pub(super) payload: PaymentPayload,
    pub(super) dialect: Dialect,
}

/// The payment in `headers`; `None` without any.
///
/// # Errors
/// The reason code when there is one that we cannot take: unreadable, sent twice, or for another offer than ours.
pub(super) fn read(headers: &HeaderMap, offer: &Offer) -> Result<Option<Payment>, &'static str> {
    let mut sent = headers
        .get_all(header::PAYMENT_SIGNATURE)
        .iter()
        .chain(headers.get_all(header::X_PAYMENT).iter());
    let Some(value) = sent.next() else {
        return Ok(None);
    };
    if sent.next().is_some() {
        return Err(reason::INVALID_PAYLOAD);
    }
    let payload: PaymentPayload = header::decode(value.as_bytes()).map_err(|error| {
        tracing::debug!(%error, "unreadable payment");
        reason::INVALID_PAYLOAD
    })?;
    let dialect = match payload.x402_version {
        VERSION => {
            offer.matches(payload.accepted.as_ref().ok_or(reason::INVALID_PAYLOAD)?)?;
            Dialect::V2
        }
        VERSION_1 => {
            if payload.scheme.as_deref() != Some(SCHEME_EXACT) {
                return Err(reason::UNSUPPORTED_SCHEME);
            }
            if offer.network_v1.is_none() || payload.network.as_deref() != offer.network_v1 {
                return Err(reason::INVALID_NETWORK);
            }
            Dialect::V1
        }
        _ => return Err(reason::INVALID_VERSION),
    };
    Ok(Some(Payment { payload, dialect }))
}
