//! One paid request, from the payment in its header to the receipt in the answer's.

use super::Till;
use super::checkout::Checkout;
use super::offer::{Offer, refusal, request_url};
use super::payment::{self, Payment};
use super::reservations::{Answer, Hold, Key, Question, Reserved};
use crate::{exact, header, reason};
use alloy_primitives::B256;
use axum::extract::Request;
use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use tower::Service;
use tracing::Instrument;

/// The most of a handler's answer that can be sold: it is held back until the payment has settled.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The reference server's words for "nothing was paid yet".
const NOT_PAID: &str = "Payment required";

/// A payment that is good as far as we can see without asking anybody.
pub(super) struct Admitted {
    pub(super) payment: Payment,
    digest: B256,
    pub(super) url: String,
}

/// Reads and checks the payment of a request.
///
/// # Errors
/// The 402 to answer with, when there is none or it is not good.
pub(super) fn admit(offer: &Offer, request: &Request) -> Result<Admitted, Box<Response>> {
    let url = request_url(request);
    // HEAD would be paid for and delivered nothing.
    let checked = if request.method() == Method::HEAD {
        Ok(None)
    } else {
        check(offer, request)
    };
    match checked {
        Ok(Some((payment, digest))) => Ok(Admitted {
            payment,
            digest,
            url,
        }),
        Ok(None) => Err(Box::new(offer.payment_required(NOT_PAID, &url))),
        Err(reason) => {
            tracing::info!(reason, "payment refused");
            Err(Box::new(offer.payment_required(reason, &url)))
        }
    }
}

fn check(offer: &Offer, request: &Request) -> Result<Option<(Payment, B256)>, &'static str> {
    let Some(payment) = payment::read(request.headers(), offer)? else {
        return Ok(None);
    };
    let payload = &payment.payload.payload;
    let ours = &offer.requirements;
    exact::check_terms(
        &payload.authorization,
        ours.pay_to,
        ours.amount,
        crate::now_seconds(),
    )?;
    let digest = exact::check_signature(payload, offer.domain)?;
    Ok(Some((payment, digest)))
}

/// Reserves the payment, and sells the answer for it.
pub(super) async fn sell<S>(
    till: Arc<Till>,
    inner: S,
    request: Request,
    admitted: Admitted,
) -> Result<Response, Infallible>
where
    S: Service<Request, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    let authorization = &admitted.payment.payload.payload.authorization;
    let key = Key {
        domain: till.offer.domain,
        payer: authorization.from,
        nonce: authorization.nonce,
    };
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let question = Question {
        digest: admitted.digest,
        target: format!("{} {path}", request.method()),
        identifier: admitted.payment.payload.identifier().map(str::to_owned),
    };
    let response = match till
        .seller
        .reservations
        .reserve(key, question, crate::now_seconds())
    {
        Reserved::New(hold) => detached(fulfil(till, inner, request, admitted, hold)).await,
        Reserved::Reconcile(hold, answer) => {
            detached(reconcile(till, admitted, hold, answer)).await
        }
        Reserved::Again(answer) => answer.response(),
        Reserved::Used => till
            .offer
            .payment_required(reason::NONCE_USED, &admitted.url),
        Reserved::Busy => retry_later(
            StatusCode::CONFLICT,
            "paymentInProgress",
            "This payment is being processed.",
        ),
        Reserved::IdentifierTaken => problem(
            StatusCode::CONFLICT,
            "paymentIdentifierTaken",
            "This payment identifier belongs to another payment.",
        ),
        Reserved::Full => retry_later(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "Too many payments at once.",
        ),
    };
    Ok(response)
}

/// Runs to the end even if the buyer hangs up: half a payment is worse than an answer that nobody reads.
async fn detached(work: impl Future<Output = Response> + Send + 'static) -> Response {
    let context = runtime::trace::current().unwrap_or_default();
    let task = tokio::spawn(runtime::trace::scope(context, work).in_current_span());
    task.await.unwrap_or_else(|_| {
        problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The request failed and was not charged.",
        )
    })
}

async fn fulfil<S>(
    till: Arc<Till>,
    mut inner: S,
    mut request: Request,
    admitted: Admitted,
    hold: Hold,
) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let checkout = Checkout::new(till, admitted);
    match checkout
        .till
        .seller
        .facilitator
        .verify(&checkout.order)
        .await
    {
        Ok(verified) if verified.is_valid => {}
        Ok(refused) => {
            hold.release();
            let reason =
                reason::public(refused.invalid_reason.as_deref(), reason::UNEXPECTED_VERIFY);
            tracing::info!(reason, "payment refused by the facilitator");
            return checkout.till.offer.payment_required(reason, &checkout.url);
        }
        Err(error) => {
            hold.release();
            tracing::warn!(%error, "payment not verified");
            return problem(
                StatusCode::BAD_GATEWAY,
                "facilitatorUnavailable",
                "The payment could not be verified and was not charged.",
            );
        }
    }
    request.headers_mut().remove(header::PAYMENT_SIGNATURE);
    request.headers_mut().remove(header::X_PAYMENT);
    let Ok(response) = inner.call(request).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        hold.release();
        return response;
    }
    let (parts, body) = response.into_parts();
    match axum::body::to_bytes(body, ANSWER_BYTES_MAX).await {
        Ok(body) => {
            checkout
                .settle(
                    hold,
                    Answer {
                        status: parts.status,
                        headers: parts.headers,
                        body,
                    },
                    false,
                )
                .await
        }
        Err(error) => {
            hold.release();
            tracing::error!(%error, "the answer could not be read");
            problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "The answer could not be made and was not charged.",
            )
        }
    }
}

async fn reconcile(till: Arc<Till>, admitted: Admitted, hold: Hold, answer: Answer) -> Response {
    Checkout::new(till, admitted)
        .settle(hold, answer, true)
        .await
}

pub(super) fn problem(status: StatusCode, code: &str, message: &str) -> Response {
    refusal(
        status,
        json!({ "error": { "code": code, "message": message } }).to_string(),
    )
}

pub(super) fn retry_later(status: StatusCode, code: &str, message: &str) -> Response {
    let mut response = problem(status, code, message);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
