//! The party that checks and settles payments for a seller.

use crate::rpc::{Chain, Rpc, RpcError};
use crate::wire::{FacilitatorRequest, SettlementResponse, VerifyResponse};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::Url;

/// Settling on a chain waits for a block.
const TIMEOUT: Duration = Duration::from_secs(90);
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Why there is no answer. After a settlement, only `NotSent` says that nothing has moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FacilitatorError {
    #[error("the facilitator cannot be reached: {0}")]
    NotSent(String),
    #[error("the facilitator gave no usable answer: {0}")]
    NoAnswer(String),
}

/// A request to a facilitator, written once and sent to both `/verify` and `/settle`.
#[derive(Debug, Clone)]
pub struct Order {
    pub request: FacilitatorRequest,
    json: Bytes,
}

impl Order {
    pub fn new(request: FacilitatorRequest) -> Self {
        let json = serde_json::to_vec(&request)
            .expect("the wire types have text keys only, which JSON always takes");
        Self {
            request,
            json: json.into(),
        }
    }
}

/// What the chain says of an authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It moved the money.
    Transferred { transaction: String },
    /// Its owner made it worthless.
    Cancelled,
    /// Nobody has used it so far.
    Unused,
    /// It is used, and how is not found; or there is nobody to ask.
    Unknown,
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

    /// What became of a payment whose settlement nobody can tell about.
    fn fate<'a>(&'a self, _order: &'a Order) -> BoxFuture<'a, Result<Fate, RpcError>> {
        Box::pin(std::future::ready(Ok(Fate::Unknown)))
    }
}

/// A facilitator behind a URL.
#[derive(Debug, Clone)]
pub struct HttpFacilitator {
    client: reqwest::Client,
    verify: Url,
    settle: Url,
    chain: Option<Rpc>,
}

impl HttpFacilitator {
    /// `url` may end in `/` or not and may have a path, as hosted facilitators do.
    pub fn new(client: reqwest::Client, url: &Url) -> Self {
        let endpoint = |name: &str| {
            let mut endpoint = url.clone();
            if let Ok(mut path) = endpoint.path_segments_mut() {
                path.pop_if_empty().push(name);
            }
            endpoint
        };
        Self {
            client,
            verify: endpoint("verify"),
            settle: endpoint("settle"),
            chain: None,
        }
    }

    /// Where to look when the facilitator does not know what became of a payment.
    #[must_use]
    pub fn with_chain(self, chain: Rpc) -> Self {
        Self {
            chain: Some(chain),
            ..self
        }
    }

    async fn post<T: DeserializeOwned>(
        &self,
        url: &Url,
        order: &Order,
    ) -> Result<T, FacilitatorError> {
        let mut request = self
            .client
            .post(url.clone())
            .timeout(TIMEOUT)
            .body(order.json.clone());
        request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut headers = http::HeaderMap::new();
        runtime::trace::inject(&mut headers);
        let response = request.headers(headers).send().await.map_err(|error| {
            let kind = if error.is_connect() {
                FacilitatorError::NotSent
            } else {
                FacilitatorError::NoAnswer
            };
            kind(describe(&error))
        })?;
        let status = response.status();
        // A refusal may come with any status; what counts is the body.
        let body = crate::client::transport::read_body(response, ANSWER_BYTES_MAX)
            .await
            .map_err(FacilitatorError::NoAnswer)?;
        serde_json::from_slice(&body)
            .map_err(|error| FacilitatorError::NoAnswer(format!("status {status}: {error}")))
    }
}

/// reqwest prints only its own layer; the reason is below it.
pub(crate) fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

impl Facilitator for HttpFacilitator {
    fn verify<'a>(
        &'a self,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<VerifyResponse, FacilitatorError>> {
        Box::pin(self.post(&self.verify, order))
    }

    fn settle<'a>(
        &'a self,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<SettlementResponse, FacilitatorError>> {
        Box::pin(self.post(&self.settle, order))
    }

    fn fate<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Fate, RpcError>> {
        Box::pin(async {
            let asset = order.request.payment_requirements.asset;
            let authorization = &order.request.payment_payload.payload.authorization;
            match &self.chain {
                Some(chain) => {
                    let (payer, nonce) = (authorization.from, authorization.nonce);
                    chain.fate(asset, payer, nonce).await
                }
                None => Ok(Fate::Unknown),
            }
        })
    }
}
