//! The party that checks and settles payments for a seller.

mod answer;
mod credentials;
mod extensions;
mod http;
mod supported;
#[cfg(test)]
mod tests;

pub use credentials::{Credentials, CredentialsError};
pub use http::{HttpFacilitator, SETTLE_TIMEOUT, SUPPORTED_TIMEOUT, VERIFY_TIMEOUT};
pub use supported::Support;

use crate::wire::{FacilitatorRequest, SettlementResponse, VerifyResponse};
use ::http::header::HeaderName;
use bytes::Bytes;
use futures_util::future::BoxFuture;

/// Why there is no answer. The text ends a sentence that begins with "the facilitator", and has been cut and cleaned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FacilitatorError {
    /// It certainly did nothing: after a settlement, only this says that nothing has moved and nothing will.
    #[error("the facilitator {0}")]
    NotSent(String),
    /// It may have done what it was asked to do.
    #[error("the facilitator {0}")]
    NoAnswer(String),
}

/// A request to a facilitator, written once and sent to both `/verify` and `/settle`.
#[derive(Debug, Clone)]
pub struct Order {
    pub request: FacilitatorRequest,
    /// Names this sale, and no other of the same payment: a facilitator that knows the header says only to this one that the
    /// money is its own.
    pub idempotency_key: Option<String>,
    json: Bytes,
}

/// Goes with `/settle`: <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>. Facilitators that do
/// not know it pass over it.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// On each answer of a facilitator that knows the header.
pub const IDEMPOTENCY_KEYS: HeaderName = HeaderName::from_static("idempotency-keys");

impl Order {
    pub fn new(request: FacilitatorRequest) -> Self {
        let json = serde_json::to_string(&request)
            .expect("the wire types have text keys only, which JSON always takes");
        Self::with_json(request, json)
    }

    /// `json` is what is sent; it may say more than `request`, as the buyer's own fields.
    pub(crate) fn with_json(request: FacilitatorRequest, json: String) -> Self {
        Self {
            request,
            idempotency_key: None,
            json: json.into(),
        }
    }
}

/// Checks and settles payments.
pub trait Facilitator: Send + Sync + 'static {
    /// Would this payment settle now?
    fn verify<'a>(
        &'a self,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<VerifyResponse, FacilitatorError>>;

    /// Moves the money, once. After `NoAnswer` it may or may not have moved.
    fn settle<'a>(
        &'a self,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<SettlementResponse, FacilitatorError>>;

    /// Whether it says of a settlement only to the sale that began it that it is its own. Then its word decides, and a transfer
    /// that is found on the chain proves nothing more.
    fn tells_sales_apart(&self) -> bool {
        false
    }
}
