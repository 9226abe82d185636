//! The party that checks and settles payments for a seller.

use crate::wire::{FacilitatorRequest, SettlementResponse, VerifyResponse};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
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
    /// Names this sale, and no other of the same payment: a facilitator that knows the header says only to this one that the
    /// money is its own.
    pub idempotency_key: Option<String>,
    json: Bytes,
}

/// Goes with `/settle`: <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>. Facilitators that do
/// not know it pass over it.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

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

/// A facilitator behind a URL.
#[derive(Debug, Clone)]
pub struct HttpFacilitator {
    client: reqwest::Client,
    verify: Url,
    settle: Url,
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
        if let Some(key) = &order.idempotency_key
            && let Ok(key) = HeaderValue::try_from(key)
        {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        let response = request.headers(headers).send().await.map_err(|error| {
            let kind = if error.is_connect() {
                FacilitatorError::NotSent
            } else {
                FacilitatorError::NoAnswer
            };
            kind(runtime::describe(&error))
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
}
