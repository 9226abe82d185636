//! Sells a route of an axum router: `route("/weather", get(handler).layer(seller.layer(&sale)?))`.
//!
//! Without a payment the answer is 402 with the offer. With one, in this order: the offer is matched with our own price, the
//! terms and the signature are checked, the payment is reserved, the facilitator verifies, the handler runs, and the
//! facilitator settles only if the handler succeeded (status below 400).

mod checkout;
mod flow;
mod offer;
mod payment;
mod reservations;
#[cfg(test)]
mod tests;

pub use offer::{Sale, public_url};

use crate::asset::AssetError;
use crate::facilitator::Facilitator;
use axum::extract::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use offer::Offer;
use reservations::Reservations;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Everything that the sold routes of one process share: the facilitator, and which payments are spoken for.
#[derive(Clone)]
pub struct Seller {
    facilitator: Arc<dyn Facilitator>,
    reservations: Reservations,
}

impl Seller {
    pub fn new(facilitator: Arc<dyn Facilitator>) -> Self {
        Self {
            facilitator,
            reservations: Reservations::default(),
        }
    }

    /// The layer that sells one route.
    ///
    /// # Errors
    /// When the asset is on no EVM chain.
    pub fn layer(&self, sale: &Sale) -> Result<PaymentLayer, AssetError> {
        let offer = Offer::new(sale)?;
        Ok(PaymentLayer {
            till: Arc::new(Till {
                seller: self.clone(),
                offer,
            }),
        })
    }
}

/// What one sold route needs.
struct Till {
    seller: Seller,
    offer: Offer,
}

/// Made by `Seller::layer`.
#[derive(Clone)]
pub struct PaymentLayer {
    till: Arc<Till>,
}

impl<S> Layer<S> for PaymentLayer {
    type Service = PaymentService<S>;

    fn layer(&self, inner: S) -> PaymentService<S> {
        PaymentService {
            till: self.till.clone(),
            inner,
        }
    }
}

#[derive(Clone)]
pub struct PaymentService<S> {
    till: Arc<Till>,
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
        match flow::admit(&self.till.offer, &request) {
            Ok(admitted) => {
                // The clone takes the place of the service that `poll_ready` made ready.
                let clone = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, clone);
                Box::pin(flow::sell(self.till.clone(), inner, request, admitted))
            }
            Err(response) => Box::pin(std::future::ready(Ok(*response))),
        }
    }
}
