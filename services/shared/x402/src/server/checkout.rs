//! The end of a sale: the settlement, and the receipt.

use super::Till;
use super::flow::{Admitted, problem};
use super::offer::{EXPOSED, Offer};
use super::payment::{Dialect, Payment};
use super::record::Answer;
use crate::chain::{CLOCK_SKEW_SECONDS, ExpectedTransfer, PaymentState};
use crate::facilitator::{FacilitatorError, Order};
use crate::wire::{ExactPayload, FacilitatorRequest, PaymentPayload, SettlementResponse, VERSION};
use crate::{header, reason};
use alloy_primitives::U256;
use axum::response::Response;
use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use std::sync::Arc;

pub(super) struct Checkout {
    pub(super) till: Arc<Till>,
    pub(super) order: Order,
    dialect: Dialect,
    offer: Arc<Offer>,
    pub(super) url: String,
}

/// What became of a settlement.
pub(super) enum Settled {
    /// The money has moved, by this transaction.
    Paid(String),
    /// It has not, and will not by what we did.
    No(&'static str),
    /// The facilitator never heard of it.
    NotSent,
    /// Nobody can tell yet.
    Open,
}

impl Checkout {
    /// Facilitators are always spoken to in version 2: the signature is the same in both.
    pub(super) fn new(till: Arc<Till>, admitted: Admitted) -> Self {
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
            till,
            order,
            dialect,
            offer,
            url: admitted.url,
        }
    }

    /// Asks for the settlement, at most twice: an answer that was lost is asked for once more with the identical payment, and
    /// after that the chain is asked. `uncertain` says that it may have been settled before.
    pub(super) async fn settle(&self, mut uncertain: bool) -> Settled {
        for _ in 0..2 {
            match self.till.seller.facilitator.settle(&self.order).await {
                Ok(settlement) if settlement.success => {
                    return Settled::Paid(settlement.transaction);
                }
                Ok(settlement) => {
                    let reason = reason::public(
                        settlement.error_reason.as_deref(),
                        reason::UNEXPECTED_SETTLE,
                    );
                    tracing::warn!(reason, uncertain, "not settled");
                    // A used nonce alone proves no payment: its owner can also cancel it.
                    if uncertain
                        && reason == reason::NONCE_USED
                        && let Some(transaction) = earlier_transaction(&settlement)
                    {
                        return Settled::Paid(transaction);
                    }
                    if !uncertain && reason::is_final(reason) {
                        return Settled::No(reason);
                    }
                }
                Err(FacilitatorError::NotSent(error)) if !uncertain => {
                    tracing::warn!(error, "payment not settled");
                    return Settled::NotSent;
                }
                Err(error) => tracing::warn!(%error, "settlement left open"),
            }
            uncertain = true;
        }
        self.reconcile().await
    }

    /// Asks the chain what became of a payment that the facilitator cannot tell about.
    async fn reconcile(&self) -> Settled {
        let authorization = &self.order.request.payment_payload.payload.authorization;
        let over = U256::from(crate::now_seconds().saturating_sub(CLOCK_SKEW_SECONDS));
        let Some(chain) = &self.offer.chain else {
            return Settled::Open;
        };
        let asset = self.order.request.payment_requirements.asset;
        let expected = ExpectedTransfer::of(asset, authorization, 0);
        match chain.payment_state(&expected).await {
            Ok(PaymentState::Paid { transaction, .. }) => Settled::Paid(transaction.to_string()),
            Ok(PaymentState::Void) => Settled::No(reason::NONCE_USED),
            Ok(PaymentState::Unused) if authorization.valid_before < over => {
                Settled::No(reason::VALID_BEFORE)
            }
            Ok(state) => {
                tracing::warn!(?state, "settlement still open");
                Settled::Open
            }
            Err(error) => {
                tracing::warn!(%error, "the chain cannot be asked about a settlement");
                Settled::Open
            }
        }
    }

    /// Makes an answer one that was paid for.
    pub(super) fn sign_off(&self, answer: &mut Answer, transaction: String) {
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

    pub(super) fn put_receipt(&self, headers: &mut HeaderMap, transaction: String) {
        let (name, value) = self.receipt(true, None, transaction);
        headers.insert(name, value);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }

    pub(super) fn not_settled(&self, reason: &'static str) -> Response {
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

/// The transaction that settled this very authorization before, where the facilitator says so.
fn earlier_transaction(settlement: &SettlementResponse) -> Option<String> {
    let named = settlement
        .extra
        .as_ref()
        .and_then(|extra| extra.get("transaction")?.as_str());
    let transaction = named.unwrap_or(&settlement.transaction);
    (!transaction.is_empty()).then(|| transaction.to_owned())
}
