//! A facilitator behind a URL.

use super::answer::Answer;
use super::{
    Credentials, Facilitator, FacilitatorError, IDEMPOTENCY_KEY, IDEMPOTENCY_KEYS, Order,
    extensions,
};
use crate::wire::{SettlementResponse, VerifyResponse};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use url::Url;

/// It looks at a signature, and at a chain.
pub const VERIFY_TIMEOUT: Duration = Duration::from_secs(10);
/// Facilitators answer within 20 s, our own too, whether the block has come or not; the rest is for the way.
pub const SETTLE_TIMEOUT: Duration = Duration::from_secs(22);
/// Nothing has to be looked up for it.
pub const SUPPORTED_TIMEOUT: Duration = Duration::from_secs(5);

const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// A facilitator behind a URL: our own, or a hosted one.
#[derive(Debug, Clone)]
pub struct HttpFacilitator {
    client: reqwest::Client,
    credentials: Credentials,
    verify: Url,
    settle: Url,
    pub(super) supported: Url,
    knows_keys: Arc<AtomicBool>,
}

impl HttpFacilitator {
    /// `url` may end in `/` or not and may have a path, as hosted facilitators do. The client must not follow redirects.
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
            credentials: Credentials::None,
            verify: endpoint("verify"),
            settle: endpoint("settle"),
            supported: endpoint("supported"),
            knows_keys: Arc::default(),
        }
    }

    /// Says with every request who we are.
    #[must_use]
    pub fn with_credentials(self, credentials: Credentials) -> Self {
        Self {
            credentials,
            ..self
        }
    }

    async fn post(
        &self,
        url: &Url,
        order: &Order,
        timeout: Duration,
    ) -> Result<Answer, FacilitatorError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &order.idempotency_key
            && let Ok(key) = HeaderValue::try_from(key)
        {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        let body = Some(order.json.clone());
        let answer = self.ask(Method::POST, url, headers, body, timeout).await?;
        extensions::log(&answer.headers);
        Ok(answer)
    }

    /// What the facilitator says, if it is the facilitator: a gateway that answers for it knows nothing of its headers.
    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, FacilitatorError> {
        let said = answer.read()?;
        let knows_keys = answer.headers.contains_key(IDEMPOTENCY_KEYS);
        self.knows_keys.store(knows_keys, Ordering::Relaxed);
        Ok(said)
    }

    /// One request and its whole answer, of any kind.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: &Url,
        mut headers: HeaderMap,
        body: Option<Bytes>,
        timeout: Duration,
    ) -> Result<Answer, FacilitatorError> {
        let credentials = self
            .credentials
            .header(&method, url)
            .map_err(|error| FacilitatorError::NotSent(format!("was not asked: {error}")))?;
        let with_credentials = credentials.is_some();
        headers.extend(credentials);
        runtime::trace::inject(&mut headers);
        let mut request = self
            .client
            .request(method, url.clone())
            .timeout(timeout)
            .headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request
            .send()
            .await
            .map_err(|error| not_answered(error, timeout))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = crate::client::transport::read_body(response, ANSWER_BYTES_MAX)
            .await
            .map_err(|error| {
                FacilitatorError::NoAnswer(format!("answers {status}, and then: {error}"))
            })?;
        Ok(Answer {
            status,
            headers,
            body,
            url: url.clone(),
            with_credentials,
        })
    }
}

/// Only without a connection it is certain that nothing was heard.
fn not_answered(error: reqwest::Error, timeout: Duration) -> FacilitatorError {
    let error = error.without_url();
    if error.is_connect() {
        FacilitatorError::NotSent(format!("cannot be reached: {}", runtime::describe(&error)))
    } else if error.is_timeout() {
        FacilitatorError::NoAnswer(format!("does not answer within {} s", timeout.as_secs()))
    } else {
        FacilitatorError::NoAnswer(format!(
            "was asked and gave no answer: {}",
            runtime::describe(&error)
        ))
    }
}

/// An answer of `/settle`. Some leave out of a refusal what it has nothing to say about.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settlement {
    success: bool,
    #[serde(default)]
    error_reason: Option<String>,
    #[serde(default)]
    payer: Option<String>,
    #[serde(default)]
    transaction: Option<String>,
    #[serde(default)]
    network: Option<String>,
    #[serde(default)]
    extra: Option<Map<String, Value>>,
}

impl Settlement {
    fn complete(self) -> SettlementResponse {
        SettlementResponse {
            success: self.success,
            error_reason: self.error_reason,
            payer: self.payer,
            transaction: self.transaction.unwrap_or_default(),
            network: self.network.unwrap_or_default(),
            extra: self.extra,
        }
    }
}

impl Facilitator for HttpFacilitator {
    fn verify<'a>(
        &'a self,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<VerifyResponse, FacilitatorError>> {
        Box::pin(async move {
            let answer = self.post(&self.verify, order, VERIFY_TIMEOUT).await?;
            self.read(&answer)
        })
    }

    fn settle<'a>(
        &'a self,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<SettlementResponse, FacilitatorError>> {
        Box::pin(async move {
            let answer = self.post(&self.settle, order, SETTLE_TIMEOUT).await?;
            self.read::<Settlement>(&answer).map(Settlement::complete)
        })
    }

    fn tells_sales_apart(&self) -> bool {
        self.knows_keys.load(Ordering::Relaxed)
    }
}
