//! Sells a route of an axum router: `route("/weather", get(handler).layer(seller.layer(&sale)?))`.
//!
//! Without a payment the answer is 402 with the offers. With one, in this order: it is matched with one of our own prices, the
//! terms and the signature are checked, the payment is reserved in the store, the facilitator verifies, the handler runs, and
//! the facilitator settles only if the handler succeeded (status below 400). `Flow::SettleFirst` turns the last two around.

mod answers;
mod caller;
mod checkout;
mod description;
mod document;
mod flow;
mod hold;
mod keys;
mod offer;
mod page;
mod payment;
mod price;
mod record;
mod reservations;
mod sale;
mod settlement;
#[cfg(test)]
mod tests;

pub use description::listing_problems;
pub use listing::{Discovery, Listing, ListingError};
pub use offer::public_url;
pub use price::{Price, Sale, SaleError};

use crate::chain::Chain;
use crate::facilitator::Facilitator;
use crate::store::{MemoryStore, Store};
use axum::extract::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use offer::Offers;
use reservations::Reservations;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer, Service};

const ANSWER_WITHIN: Duration = Duration::from_secs(45);

/// Everything that the sold routes of one process share: the facilitator, and which payments are reserved.
#[derive(Clone)]
pub struct Seller {
    facilitator: Arc<dyn Facilitator>,
    /// By the network's CAIP-2 name.
    chains: HashMap<String, KnownChain>,
    answer_within: Duration,
    reservations: Reservations,
}

#[derive(Clone)]
struct KnownChain {
    chain: Arc<dyn Chain>,
    proves: bool,
}

/// What comes first, the answer or the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// A buyer is charged only for an answer that succeeded.
    AnswerFirst,
    /// For answers that cost much to make: the buyer cannot take the money away meanwhile. One that fails is owed, and is made
    /// for whoever sends the same payment again.
    SettleFirst,
}

impl Seller {
    /// A seller whose payments are recorded by this process alone: for tests, and for a service of one process that may forget.
    pub fn new(facilitator: Arc<dyn Facilitator>) -> Self {
        Self::with_store(facilitator, Arc::new(MemoryStore::default()))
    }

    /// All sellers with one store are one seller.
    pub fn with_store(facilitator: Arc<dyn Facilitator>, store: Arc<dyn Store>) -> Self {
        Self {
            facilitator,
            chains: HashMap::new(),
            answer_within: ANSWER_WITHIN,
            reservations: Reservations::new(store),
        }
    }

    /// Where to look whether a payment on `network` (CAIP-2) was made. Without it the facilitator's word has to do. Counts for
    /// the layers that are made after.
    #[must_use]
    pub fn with_chain(self, network: &str, chain: Arc<dyn Chain>) -> Self {
        self.with_known(network, chain, true)
    }

    /// The same where the facilitator keeps the ledger itself: it is asked about what was lost, but its own word twice proves
    /// nothing more than once.
    #[must_use]
    pub fn with_ledger(self, network: &str, chain: Arc<dyn Chain>) -> Self {
        self.with_known(network, chain, false)
    }

    fn with_known(mut self, network: &str, chain: Arc<dyn Chain>, proves: bool) -> Self {
        self.chains
            .insert(network.to_owned(), KnownChain { chain, proves });
        self
    }

    /// By then a buyer has an answer, if only that the payment may have been made; the sale goes on, and its answer waits for
    /// whoever sends the payment again. More than the facilitator takes, and less than buyers wait.
    #[must_use]
    pub fn answering_within(self, answer_within: Duration) -> Self {
        Self {
            answer_within,
            ..self
        }
    }

    /// The layer that sells one route.
    ///
    /// # Errors
    /// When no buyer could pay by this price table.
    pub fn layer(&self, sale: &Sale) -> Result<PaymentLayer, SaleError> {
        self.layer_with(sale, Flow::AnswerFirst)
    }

    /// The same, with a choice of what comes first.
    ///
    /// # Errors
    /// When no buyer could pay by this price table.
    pub fn layer_with(&self, sale: &Sale, flow: Flow) -> Result<PaymentLayer, SaleError> {
        Ok(PaymentLayer {
            route: Arc::new(PaidRoute {
                seller: self.clone(),
                offers: Offers::new(sale, self)?,
                flow,
            }),
        })
    }
}

/// A route that is sold: by whom, for what, and what comes first.
struct PaidRoute {
    seller: Seller,
    offers: Offers,
    flow: Flow,
}

/// Made by `Seller::layer`.
#[derive(Clone)]
pub struct PaymentLayer {
    route: Arc<PaidRoute>,
}

impl<S> Layer<S> for PaymentLayer {
    type Service = PaymentService<S>;

    fn layer(&self, inner: S) -> PaymentService<S> {
        PaymentService {
            route: self.route.clone(),
            inner,
        }
    }
}

#[derive(Clone)]
pub struct PaymentService<S> {
    route: Arc<PaidRoute>,
    inner: S,
}

impl<S> Service<Request> for PaymentService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match flow::admit(&self.route.offers, &request) {
            Ok(admitted) => {
                // The clone takes the place of the service that `poll_ready` made ready.
                let clone = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, clone);
                Box::pin(flow::sell(self.route.clone(), inner, request, admitted))
            }
            Err(response) => Box::pin(std::future::ready(Ok(*response))),
        }
    }
}
