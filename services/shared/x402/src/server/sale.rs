//! A reserved payment and the request that it came with: answer and settle, or settle and answer.

use super::caller::Caller;
use super::checkout::Checkout;
use super::flow::Admitted;
use super::hold::{Hold, HoldError};
use super::record::{Answer, Attempt};
use super::settlement::Settled;
use super::{Flow, PaidRoute, answers};
use crate::reason;
use crate::signature::SignedBy;
use alloy_primitives::B256;
use axum::extract::Request;
use axum::response::Response;
use futures_util::FutureExt;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tower::Service;

/// The most of a handler's answer that can be sold: it is held back until the payment has settled.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The handler, and what it is asked.
pub(super) struct Handled<S> {
    pub(super) inner: S,
    pub(super) request: Request,
}

/// What a handler made of its request.
enum Made {
    Good(Answer),
    /// Refused or failed, with an answer that says so.
    Bad(Response),
    /// No answer at all.
    Nothing,
}

pub(super) struct Sold<S> {
    checkout: Checkout,
    handled: Handled<S>,
    caller: Caller,
    flow: Flow,
}

impl<S> Sold<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    pub(super) fn new(
        route: Arc<PaidRoute>,
        admitted: Admitted,
        handled: Handled<S>,
        caller: Caller,
    ) -> Self {
        // A contract may say yes now and no a moment later: its money has to be there before anything is made for it.
        let flow = match admitted.signed_by {
            Some(SignedBy::Contract) => Flow::SettleFirst,
            _ => route.flow,
        };
        Self {
            checkout: Checkout::new(route, admitted),
            handled,
            caller,
            flow,
        }
    }

    /// A payment that is seen for the first time.
    pub(super) async fn fulfil(self, hold: Hold) -> Response {
        let route = &self.checkout.route;
        match route.seller.facilitator.verify(&self.checkout.order).await {
            Ok(verified) if verified.is_valid => {}
            Ok(refused) => {
                hold.release().await;
                let reason =
                    reason::public(refused.invalid_reason.as_deref(), reason::UNEXPECTED_VERIFY);
                tracing::info!(reason, "payment refused by the facilitator");
                return route.offers.payment_required(reason, &self.checkout.url);
            }
            Err(error) => {
                hold.release().await;
                tracing::warn!(%error, "payment not verified");
                return answers::facilitator_failed();
            }
        }
        match self.flow {
            Flow::AnswerFirst => self.answer_first(hold).await,
            Flow::SettleFirst => self.settle_first(hold).await,
        }
    }

    async fn answer_first(self, mut hold: Hold) -> Response {
        let Self {
            mut checkout,
            handled,
            caller,
            ..
        } = self;
        let answer = match handled.run().await {
            Made::Good(answer) => answer,
            Made::Bad(response) => {
                hold.release().await;
                return response;
            }
            Made::Nothing => {
                hold.release().await;
                return answers::unanswered();
            }
        };
        let attempt = match hold.settling(Some(&answer), checkout.found_counts()).await {
            Ok(attempt) => attempt,
            Err(error) => return not_settling(&error),
        };
        match checkout.settle(&attempt).await {
            Settled::Paid(transaction) => {
                deliver(&checkout, &caller, hold, answer, transaction).await
            }
            other => unpaid(&checkout, hold, other).await,
        }
    }

    async fn settle_first(mut self, mut hold: Hold) -> Response {
        let attempt = match hold.settling(None, self.checkout.found_counts()).await {
            Ok(attempt) => attempt,
            Err(error) => return not_settling(&error),
        };
        match self.checkout.settle(&attempt).await {
            Settled::Paid(transaction) => self.answer_paid(hold, transaction).await,
            other => unpaid(&self.checkout, hold, other).await,
        }
    }

    /// A settlement that was left open: finds out, and delivers what was paid for.
    pub(super) async fn reconcile(
        mut self,
        hold: Hold,
        attempt: &Attempt,
        answer: Option<Answer>,
    ) -> Response {
        match (self.checkout.settle(attempt).await, answer) {
            (Settled::Paid(transaction), Some(answer)) => {
                deliver(&self.checkout, &self.caller, hold, answer, transaction).await
            }
            (Settled::Paid(transaction), None) => self.answer_paid(hold, transaction).await,
            (other, _) => unpaid(&self.checkout, hold, other).await,
        }
    }

    async fn answer_paid(self, mut hold: Hold, transaction: B256) -> Response {
        if let Err(error) = hold.paid(transaction).await {
            // The record says "settling", so that whoever sends the payment again is answered.
            tracing::error!(%error, %transaction, "a payment cannot be recorded as made");
            hold.leave().await;
            return answers::unknown();
        }
        self.answer_owed(hold, transaction, None).await
    }

    /// Answers without charging: it is paid already. An answer that was made and not delivered is given as it is.
    pub(super) async fn answer_owed(
        self,
        hold: Hold,
        transaction: B256,
        made: Option<Answer>,
    ) -> Response {
        let Self {
            checkout,
            handled,
            caller,
            ..
        } = self;
        let made = match made {
            Some(answer) => Made::Good(answer),
            None => handled.run().await,
        };
        let mut response = match made {
            Made::Good(answer) => {
                return deliver(&checkout, &caller, hold, answer, transaction).await;
            }
            Made::Bad(response) => response,
            Made::Nothing => answers::owed(),
        };
        hold.leave().await;
        checkout.put_receipt(response.headers_mut(), transaction);
        response
    }
}

impl<S> Handled<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    /// A panic ends as no answer, and not with the payment half made.
    async fn run(mut self) -> Made {
        let work = async {
            let Ok(response) = self.inner.call(self.request).await;
            if response.status().is_client_error() || response.status().is_server_error() {
                return Made::Bad(response);
            }
            let (parts, body) = response.into_parts();
            match axum::body::to_bytes(body, ANSWER_BYTES_MAX).await {
                Ok(body) => Made::Good(Answer {
                    status: parts.status,
                    headers: parts.headers,
                    body,
                }),
                Err(error) => {
                    tracing::error!(%error, "the answer could not be read");
                    Made::Nothing
                }
            }
        };
        AssertUnwindSafe(work)
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                tracing::error!("a handler panicked");
                Made::Nothing
            })
    }
}

fn not_settling(error: &HoldError) -> Response {
    tracing::error!(%error, "a payment is not settled, because that cannot be recorded");
    match error {
        // Whoever has gone on with it may be charging it.
        HoldError::Lost => answers::unknown(),
        HoldError::Store(_) => answers::store_failed(),
    }
}

async fn unpaid(checkout: &Checkout, mut hold: Hold, settled: Settled) -> Response {
    match settled {
        Settled::No(reason) => {
            hold.release().await;
            checkout.not_settled(reason)
        }
        Settled::NotSent => {
            hold.release().await;
            answers::facilitator_failed()
        }
        Settled::Open { found_counts } => {
            if !found_counts {
                hold.found_no_longer_counts();
            }
            hold.leave().await;
            answers::unknown()
        }
        Settled::Paid(_) => {
            hold.leave().await;
            answers::unknown()
        }
    }
}

/// Gives the answer. A payment without an identifier is answered once: the note of it comes first, and without it, or without
/// anybody to take the answer, there is none yet.
async fn deliver(
    checkout: &Checkout,
    caller: &Caller,
    mut hold: Hold,
    mut answer: Answer,
    transaction: B256,
) -> Response {
    checkout.sign_off(&mut answer, transaction);
    let owed = || {
        let mut owed = answers::owed();
        checkout.put_receipt(owed.headers_mut(), transaction);
        owed
    };
    let may_repeat = hold.may_repeat();
    if !may_repeat && caller.is_gone() {
        if let Err(error) = hold.owe(transaction, &answer).await {
            tracing::error!(%error, %transaction, "an answer that nobody took cannot be kept");
        }
        return owed();
    }
    if let Err(error) = hold.done(&answer).await {
        tracing::error!(%error, "an answer cannot be recorded as delivered");
        if !may_repeat {
            return owed();
        }
    }
    answer.response()
}
