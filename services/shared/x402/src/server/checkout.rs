//! The end of a sale: the settlement, and the receipt.

use super::Till;
use super::flow::{Admitted, problem, retry_later};
use super::offer::EXPOSED;
use super::payment::Dialect;
use super::reservations::{Answer, Hold};
use crate::facilitator::{FacilitatorError, Order};
use crate::wire::{FacilitatorRequest, PaymentPayload, Resource, SettlementResponse, VERSION};
use crate::{header, reason};
use axum::response::Response;
use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL};
use http::{HeaderValue, StatusCode};
use std::sync::Arc;

pub(super) struct Checkout {
    pub(super) till: Arc<Till>,
    pub(super) order: Order,
    dialect: Dialect,
    pub(super) url: String,
}

impl Checkout {
    /// Facilitators are always spoken to in version 2: the signature is the same in both.
    pub(super) fn new(till: Arc<Till>, admitted: Admitted) -> Self {
        let requirements = till.offer.requirements.clone();
        let request = FacilitatorRequest {
            x402_version: VERSION,
            payment_payload: PaymentPayload {
                x402_version: VERSION,
                resource: Some(Resource {
                    url: admitted.url.clone(),
                    description: None,
                    mime_type: None,
                }),
                accepted: Some(requirements.clone()),
                scheme: None,
                network: None,
                payload: admitted.payment.payload.payload,
                extensions: None,
            },
            payment_requirements: requirements,
        };
        Self {
            till,
            order: Order::new(request),
            dialect: admitted.payment.dialect,
            url: admitted.url,
        }
    }

    /// Asks for the settlement, at most twice: an answer that was lost is asked for once more with the identical payment.
    /// `uncertain` says that it may have been settled before.
    pub(super) async fn settle(
        self,
        mut hold: Hold,
        mut answer: Answer,
        mut uncertain: bool,
    ) -> Response {
        hold.settling(answer.clone());
        for _ in 0..2 {
            match self.till.seller.facilitator.settle(&self.order).await {
                Ok(settlement) if settlement.success => {
                    return self.deliver(hold, answer, settlement.transaction);
                }
                Ok(settlement) => {
                    let reason = reason::public(
                        settlement.error_reason.as_deref(),
                        reason::UNEXPECTED_SETTLE,
                    );
                    // Nobody else can have used this nonce for us: the authorization names our account and our price.
                    if uncertain && reason == reason::NONCE_USED {
                        return self.deliver(hold, answer, earlier_transaction(&settlement));
                    }
                    if !uncertain && reason != reason::SETTLEMENT_PENDING {
                        hold.release();
                        tracing::info!(reason, "payment not settled");
                        return self.not_settled(reason);
                    }
                    tracing::warn!(reason, "settlement still open");
                }
                Err(FacilitatorError::NotSent(error)) if !uncertain => {
                    hold.release();
                    tracing::warn!(error, "payment not settled");
                    return problem(
                        StatusCode::BAD_GATEWAY,
                        "facilitatorUnavailable",
                        "The payment could not be settled and was not charged.",
                    );
                }
                Err(error) => tracing::warn!(%error, "settlement left open"),
            }
            uncertain = true;
        }
        // Dropping the hold keeps the answer for whoever sends this payment again.
        answer.headers.clear();
        retry_later(
            StatusCode::BAD_GATEWAY,
            "settlementUnknown",
            "The payment may have been made. Send the same payment again for the answer.",
        )
    }

    fn deliver(&self, hold: Hold, mut answer: Answer, transaction: String) -> Response {
        let authorization = &self.order.request.payment_payload.payload.authorization;
        tracing::info!(payer = %authorization.from, amount = %authorization.value, %transaction, "payment settled");
        let (name, value) = self.receipt(true, None, transaction);
        answer.headers.insert(name, value);
        let no_store = answer
            .headers
            .get(CACHE_CONTROL)
            .is_some_and(|value| value.as_bytes() == b"no-store");
        if !no_store {
            answer
                .headers
                .insert(CACHE_CONTROL, HeaderValue::from_static("private"));
        }
        answer
            .headers
            .insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        hold.settled(answer.clone());
        answer.response()
    }

    fn not_settled(&self, reason: &'static str) -> Response {
        let (name, value) = self.receipt(false, Some(reason), String::new());
        let mut response = problem(
            StatusCode::PAYMENT_REQUIRED,
            reason,
            "The payment was not settled and nothing was charged.",
        );
        response.headers_mut().insert(name, value);
        response
    }

    fn receipt(
        &self,
        success: bool,
        reason: Option<&str>,
        transaction: String,
    ) -> (http::HeaderName, HeaderValue) {
        let offer = &self.till.offer;
        let (name, network) = match (self.dialect, offer.network_v1) {
            (Dialect::V1, Some(network)) => (header::X_PAYMENT_RESPONSE, network),
            _ => (
                header::PAYMENT_RESPONSE,
                offer.requirements.network.as_str(),
            ),
        };
        let receipt = SettlementResponse {
            success,
            error_reason: reason.map(str::to_owned),
            payer: Some(
                self.order
                    .request
                    .payment_payload
                    .payload
                    .authorization
                    .from
                    .to_checksum(None),
            ),
            transaction,
            network: network.to_owned(),
            extra: None,
        };
        (name, header::encode(&receipt))
    }
}

/// The transaction that used the nonce, where the facilitator says it.
fn earlier_transaction(settlement: &SettlementResponse) -> String {
    let named = settlement
        .extra
        .as_ref()
        .and_then(|extra| extra.get("transaction")?.as_str());
    named.unwrap_or(&settlement.transaction).to_owned()
}
