//! The end of a sale: the settlement, and the receipt.

use super::PaidRoute;
use super::flow::{Admitted, problem};
use super::offer::{EXPOSED, Offer};
use super::payment::{Dialect, Payment};
use super::record::Answer;
use crate::facilitator::Order;
use crate::wire::{ExactPayload, FacilitatorRequest, PaymentPayload, SettlementResponse, VERSION};
use crate::{header, reason};
use alloy_primitives::B256;
use axum::response::Response;
use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use std::sync::Arc;

pub(super) struct Checkout {
    pub(super) route: Arc<PaidRoute>,
    pub(super) order: Order,
    dialect: Dialect,
    pub(super) offer: Arc<Offer>,
    pub(super) url: String,
}

impl Checkout {
    /// Requests to facilitators are always in version 2: the signature is the same in both.
    pub(super) fn new(route: Arc<PaidRoute>, admitted: Admitted) -> Self {
        let Payment {
            payload,
            json,
            dialect,
            offer,
        } = admitted.payment;
        let order = match dialect {
            Dialect::V2 => offer.order(payload, &json),
            Dialect::V1 => Order::new(translated(payload.payload, &offer, &admitted.url)),
        };
        Self {
            route,
            order,
            dialect,
            offer,
            url: admitted.url,
        }
    }

    /// Makes an answer one that was paid for.
    pub(super) fn sign_off(&self, answer: &mut Answer, transaction: B256) {
        let authorization = &self.order.request.payment_payload.payload.authorization;
        tracing::info!(payer = %authorization.from, amount = %authorization.value, %transaction, "payment settled");
        self.put_receipt(&mut answer.headers, transaction);
        let no_store = answer
            .headers
            .get(CACHE_CONTROL)
            .is_some_and(|value| value.as_bytes() == b"no-store");
        if !no_store {
            answer
                .headers
                .insert(CACHE_CONTROL, HeaderValue::from_static("private"));
        }
    }

    pub(super) fn put_receipt(&self, headers: &mut HeaderMap, transaction: B256) {
        let (name, value) = self.receipt(true, None, transaction.to_string());
        headers.insert(name, value);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }

    pub(super) fn not_settled(&self, reason: &'static str) -> Response {
        let (name, value) = self.receipt(false, Some(reason), String::new());
        let message = match reason {
            // By whom and for what is not known here, or it was for another sale.
            reason::NONCE_USED => "The nonce of this payment has been used; it buys nothing here.",
            _ => "The payment was not settled and nothing was charged.",
        };
        let mut response = problem(StatusCode::PAYMENT_REQUIRED, reason, message);
        response.headers_mut().insert(name, value);
        response
    }

    fn receipt(
        &self,
        success: bool,
        reason: Option<&str>,
        transaction: String,
    ) -> (HeaderName, HeaderValue) {
        let offer = &self.offer;
        let (name, network) = match (self.dialect, offer.network_v1) {
            (Dialect::V1, Some(network)) => (header::X_PAYMENT_RESPONSE, network),
            _ => (
                header::PAYMENT_RESPONSE,
                offer.requirements.network.as_str(),
            ),
        };
        let payment = &self.order.request.payment_payload.payload;
        let receipt = SettlementResponse {
            success,
            error_reason: reason.map(str::to_owned),
            payer: Some(payment.authorization.from.to_checksum(None)),
            transaction,
            network: network.to_owned(),
            extra: None,
        };
        (name, header::encode(&receipt))
    }
}

/// A payment of version 1 as version 2 writes it.
fn translated(payload: ExactPayload, offer: &Offer, url: &str) -> FacilitatorRequest {
    FacilitatorRequest {
        x402_version: VERSION,
        payment_payload: PaymentPayload {
            x402_version: VERSION,
            resource: Some(json!({ "url": url })),
            accepted: Some(offer.requirements.clone()),
            scheme: None,
            network: None,
            payload,
            extensions: None,
        },
        payment_requirements: offer.requirements.clone(),
    }
}
