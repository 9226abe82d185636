//! Reads the payment out of a request's headers.

use super::keys;
use super::offer::{Offer, Offers};
use crate::wire::{PaymentPayload, VERSION, VERSION_1};
use crate::{header, reason};
use http::HeaderMap;
use std::sync::Arc;

/// Which spelling the buyer speaks; the receipt goes back in the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    V1,
    V2,
}

pub(super) struct Payment {
    pub(super) payload: PaymentPayload,
    /// As the buyer wrote it.
    pub(super) json: String,
    pub(super) dialect: Dialect,
    /// The one of our offers that it is for.
    pub(super) offer: Arc<Offer>,
}

/// The payment in `headers`; `None` without any.
///
/// # Errors
/// The reason code when there is one that we cannot take: unreadable, sent twice, or for no offer of ours.
pub(super) fn read(headers: &HeaderMap, offers: &Offers) -> Result<Option<Payment>, &'static str> {
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
    let read = header::decode_with_json(value.as_bytes());
    let (payload, json): (PaymentPayload, String) = read.map_err(|error| {
        tracing::debug!(%error, "unreadable payment");
        reason::INVALID_PAYLOAD
    })?;
    if keys::ambiguous(json.as_bytes()) {
        tracing::debug!("a payment that can be read in two ways");
        return Err(reason::INVALID_PAYLOAD);
    }
    let (dialect, offer) = match payload.x402_version {
        VERSION => {
            let accepted = payload.accepted.as_ref().ok_or(reason::INVALID_PAYLOAD)?;
            (Dialect::V2, offers.accepted(accepted)?)
        }
        VERSION_1 => {
            let (scheme, network) = (payload.scheme.as_deref(), payload.network.as_deref());
            (Dialect::V1, offers.named(scheme, network)?)
        }
        _ => return Err(reason::INVALID_VERSION),
    };
    Ok(Some(Payment {
        payload,
        json,
        dialect,
        offer,
    }))
}
