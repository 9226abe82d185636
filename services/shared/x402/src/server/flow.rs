//! One paid request, from the payment in its header to the receipt in the answer's.

use super::caller::{Caller, Detachable};
use super::offer::{Offers, request_url};
use super::payment::{self, Payment};
use super::record::{Key, Question};
use super::reservations::Reserved;
use super::sale::{Handled, Sold};
use super::{PaidRoute, answers};
use crate::signature::{self, SignedBy};
use crate::{exact, header, reason};
use alloy_primitives::B256;
use axum::extract::Request;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tower::Service;
use tracing::Instrument;

pub(super) use answers::{problem, retry_later};

/// The reference server's words for "nothing was paid yet".
const NOT_PAID: &str = "Payment required";

/// A payment that is good as far as we can see without asking anybody.
pub(super) struct Admitted {
    pub(super) payment: Payment,
    digest: B256,
    /// None while the chain has to be asked.
    pub(super) signed_by: Option<SignedBy>,
    /// Whether it can still be settled. One that was settled in time may be asked about for longer.
    window: Result<(), &'static str>,
    pub(super) url: String,
}

/// Reads and checks the payment of a request.
///
/// # Errors
/// The 402 to answer with, when there is none or it is not good.
pub(super) fn admit(offers: &Offers, request: &Request) -> Result<Admitted, Box<Response>> {
    // HEAD would be paid for and delivered nothing.
    let checked = if request.method() == Method::HEAD {
        Ok(None)
    } else {
        check(offers, request)
    };
    match checked {
        Ok(Some((payment, digest, signed_by))) => {
            let authorization = &payment.payload.payload.authorization;
            Ok(Admitted {
                window: exact::check_window(
                    authorization,
                    payment.offer.requirements.max_timeout_seconds,
                    crate::now_seconds(),
                ),
                payment,
                digest,
                signed_by,
                url: request_url(request),
            })
        }
        Ok(None) => Err(Box::new(offers.ask_to_pay(NOT_PAID, request))),
        Err(reason) => {
            tracing::info!(reason, "payment refused");
            Err(Box::new(offers.ask_to_pay(reason, request)))
        }
    }
}

type Checked = (Payment, B256, Option<SignedBy>);

fn check(offers: &Offers, request: &Request) -> Result<Option<Checked>, &'static str> {
    let Some(payment) = payment::read(request.headers(), offers)? else {
        return Ok(None);
    };
    let payload = &payment.payload.payload;
    let (ours, domain) = (&payment.offer.requirements, payment.offer.domain);
    exact::check_price(&payload.authorization, ours.pay_to, ours.amount)?;
    let (digest, signed_by) = match exact::check_signature(payload, domain) {
        Ok(digest) => (digest, Some(SignedBy::Key)),
        // It can be a smart wallet's.
        Err(_) if signature::parse(&payload.signature).is_some() => {
            (exact::digest(&payload.authorization, domain), None)
        }
        Err(reason) => return Err(reason),
    };
    Ok(Some((payment, digest, signed_by)))
}

impl Admitted {
    /// Asks who has signed, where that is not known yet.
    async fn find_signer(&mut self) -> Result<(), &'static str> {
        if self.signed_by.is_some() {
            return Ok(());
        }
        let offer = &self.payment.offer;
        let payload = &self.payment.payload.payload;
        let (_, signed_by) =
            signature::check(payload, offer.domain, offer.chain.as_deref()).await?;
        self.signed_by = Some(signed_by);
        Ok(())
    }
}

/// Reserves the payment, and sells the answer for it. Runs to the end even if the buyer hangs up: half a payment is worse than
/// an answer that nobody reads.
pub(super) async fn sell<S>(
    route: Arc<PaidRoute>,
    inner: S,
    mut request: Request,
    mut admitted: Admitted,
) -> Result<Response, Infallible>
where
    S: Service<Request, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    if let Err(reason) = admitted.find_signer().await {
        tracing::info!(reason, "payment refused");
        return Ok(route.offers.ask_to_pay(reason, &request));
    }
    let key = Key {
        domain: admitted.payment.offer.domain,
        payer: admitted.payment.payload.payload.authorization.from,
        nonce: admitted.payment.payload.payload.authorization.nonce,
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
    request.headers_mut().remove(header::PAYMENT_SIGNATURE);
    request.headers_mut().remove(header::X_PAYMENT);
    let handled = Handled { inner, request };
    let (caller, presence) = Caller::present();
    let patience = route.seller.answer_within;
    let work = reserved(route, handled, admitted, key, question, caller);
    let context = runtime::trace::current().unwrap_or_default();
    // In its box before it is wrapped: it is large, and each wrapper would move it.
    let work = AssertUnwindSafe(Box::pin(work))
        .catch_unwind()
        .in_current_span();
    let mut work = Detachable::new(runtime::trace::scope(context, work));
    let answer = match tokio::time::timeout(patience, &mut work).await {
        // The panic hook has logged it.
        Ok(ended) => ended.unwrap_or_else(|_| {
            problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "The request failed.",
            )
        }),
        // It goes on, and its answer waits for whoever sends the payment again.
        Err(_elapsed) => answers::unknown(),
    };
    drop(presence);
    Ok(answer)
}

async fn reserved<S>(
    route: Arc<PaidRoute>,
    handled: Handled<S>,
    admitted: Admitted,
    key: Key,
    question: Question,
    caller: Caller,
) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    let may_open = admitted.window.is_ok();
    let authorization = &admitted.payment.payload.payload.authorization;
    let valid_before = authorization.valid_before.saturating_to();
    let now = crate::now_seconds();
    let reservations = &route.seller.reservations;
    let found = reservations
        .reserve(key, question, valid_before, may_open, now)
        .await;
    let refused = |reason: &str| route.offers.payment_required(reason, &admitted.url);
    match found {
        Ok(Reserved::New(hold)) => {
            let sold = Sold::new(route, admitted, handled, caller);
            sold.fulfil(hold).await
        }
        Ok(Reserved::Reconcile(hold, attempt, answer)) => {
            let sold = Sold::new(route, admitted, handled, caller);
            sold.reconcile(hold, &attempt, answer).await
        }
        Ok(Reserved::Owed(hold, transaction, answer)) => {
            let sold = Sold::new(route, admitted, handled, caller);
            sold.answer_owed(hold, transaction, answer).await
        }
        Ok(Reserved::Again(answer)) => answer.response(),
        Ok(Reserved::Used) => refused(reason::NONCE_USED),
        Ok(Reserved::Unknown) => refused(admitted.window.err().unwrap_or(reason::VALID_BEFORE)),
        Ok(Reserved::Busy) => retry_later(
            StatusCode::CONFLICT,
            "paymentInProgress",
            "This payment is being processed.",
        ),
        Ok(Reserved::IdentifierTaken) => problem(
            StatusCode::CONFLICT,
            "paymentIdentifierTaken",
            "This payment identifier belongs to another payment.",
        ),
        Err(error) => {
            tracing::error!(%error, "a payment cannot be reserved");
            answers::store_failed()
        }
    }
}
