//! Requests to a registry: where it is, who asks, and what happens when it does not answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tokio::sync::Mutex;
use url::Url;

use super::address::{is_safe, parse_address};
use super::answer::{is_passing, refused, retry_after};
use super::challenge::Challenge;
use words::error::Failure;

/// For an answer to a request that carries nothing large.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

/// A name and a password. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub name: String,
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credentials({})", self.name)
    }
}

/// Who pushes. Asked when a registry wants to know, so that credentials that run out can be fetched anew.
pub trait Login: Send + Sync + fmt::Debug {
    /// None: nobody in particular. `refused` says that the last ones were not accepted, or not any more.
    fn credentials(&self, refused: bool) -> BoxFuture<'_, anyhow::Result<Option<Credentials>>>;
}

/// Nobody in particular.
#[derive(Debug)]
pub struct Anonymous;

impl Login for Anonymous {
    fn credentials(&self, _refused: bool) -> BoxFuture<'_, anyhow::Result<Option<Credentials>>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// Credentials that do not change: refused once, they are no good.
impl Login for Credentials {
    fn credentials(&self, refused: bool) -> BoxFuture<'_, anyhow::Result<Option<Credentials>>> {
        Box::pin(std::future::ready(Ok((!refused).then(|| self.clone()))))
    }
}

/// How much at once, and how long to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A blob up to this size is sent in one piece.
    pub chunk_bytes: usize,
    pub uploads_at_once: usize,
    /// How often one thing is tried in all.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles with each further one.
    pub first_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            chunk_bytes: 16 << 20,
            uploads_at_once: 4,
            attempts: 6,
            first_wait: Duration::from_millis(200),
        }
    }
}

/// One registry. Make one and share it: its connections are kept.
#[derive(Debug)]
pub struct Registry {
    pub limits: Limits,
    address: Url,
    login: Arc<dyn Login>,
    client: reqwest::Client,
}

impl Registry {
    /// `address` is a host with an optional port, or a URL. HTTPS, except on loopback, where plain HTTP is the rule.
    ///
    /// # Errors
    /// The address is none, or would send an image in clear over a network.
    pub fn new(address: &str, login: Arc<dyn Login>, limits: Limits) -> anyhow::Result<Arc<Self>> {
        // Fails when one is installed, which is just as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .user_agent("turnpike")
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Arc::new(Self {
            limits,
            address: parse_address(address)?,
            login,
            client,
        }))
    }

    /// The wait before attempt number `attempt`, which counts from one.
    pub fn wait(&self, attempt: u32) -> Duration {
        self.limits.first_wait * 2_u32.saturating_pow(attempt.saturating_sub(1).min(6))
    }
}

/// One repository of a registry, with the right to use it once that is known.
#[derive(Debug)]
pub(super) struct Repository {
    pub registry: Arc<Registry>,
    name: String,
    authorization: Mutex<Option<HeaderValue>>,
}

impl fmt::Display for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = &self.registry.address;
        write!(formatter, "{}", address.host_str().unwrap_or_default())?;
        if let Some(port) = address.port() {
            write!(formatter, ":{port}")?;
        }
        write!(formatter, "/{}", self.name)
    }
}

impl Repository {
    pub(super) fn new(registry: Arc<Registry>, name: &str) -> Self {
        Self {
            registry,
            name: name.to_owned(),
            authorization: Mutex::new(None),
        }
    }

    /// A request for something in the repository: `blobs/sha256:...`.
    pub(super) fn request(&self, method: Method, path: &str) -> anyhow::Result<RequestBuilder> {
        let url = self
            .registry
            .address
            .join(&format!("/v2/{}/{path}", self.name))
            .with_context(|| format!("`{}` is not a name for a repository", self.name))?;
        Ok(self.request_to(method, url))
    }

    /// A request to an address that the registry gave out.
    pub(super) fn request_to(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.registry.client.request(method, url);
        request.timeout(TIMEOUT)
    }

    /// Sends, proves who asks, and tries again while the registry is busy or away.
    pub(super) async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let mut attempt = 1;
        loop {
            let copy = request
                .try_clone()
                .context("a request with a stream cannot be sent twice")?;
            let found = self.send_once(copy).await;
            let passing = match &found {
                Ok(answer) => is_passing(answer.status()),
                Err(error) => error.is::<reqwest::Error>() && !is_distrust(error),
            };
            if !passing || attempt >= self.registry.limits.attempts {
                return found.map_err(|error| match error.is::<reqwest::Error>() {
                    true => error.context(format!("cannot reach {self}")),
                    false => error,
                });
            }
            let wait = found.as_ref().ok().and_then(retry_after);
            tokio::time::sleep(wait.unwrap_or_else(|| self.registry.wait(attempt))).await;
            attempt += 1;
        }
    }

    /// Sends, and answers a challenge: with what is known, then with fresh credentials.
    pub(super) async fn send_once(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let mut refused = false;
        for last in [false, false, true] {
            let mut copy = request
                .try_clone()
                .context("a request with a stream cannot be sent twice")?
                .build()?;
            // A registry may send uploads elsewhere; that place gets no credentials of ours.
            let ours = copy.url().origin() == self.registry.address.origin();
            let used = self.authorization.lock().await.clone().filter(|_| ours);
            if let Some(value) = &used {
                copy.headers_mut().insert(AUTHORIZATION, value.clone());
            }
            let answer = self.registry.client.execute(copy).await?;
            if answer.status() != StatusCode::UNAUTHORIZED || !ours || last {
                return Ok(answer);
            }
            let Some(challenge) = Challenge::from_headers(answer.headers()) else {
                return Ok(answer);
            };
            refused |= used.is_some() && challenge == Challenge::Basic;
            self.renew(&challenge, used.as_ref(), refused).await?;
            refused = true;
        }
        unreachable!("the last round returns")
    }

    /// Gets the right to go on, unless somebody else has got it meanwhile.
    async fn renew(
        &self,
        challenge: &Challenge,
        used: Option<&HeaderValue>,
        refused: bool,
    ) -> anyhow::Result<()> {
        let mut authorization = self.authorization.lock().await;
        if authorization.as_ref() != used {
            return Ok(());
        }
        let credentials = self.registry.login.credentials(refused).await?;
        let mut value = match (challenge, credentials) {
            (Challenge::Basic, Some(credentials)) => basic(&credentials)?,
            (Challenge::Basic, None) => {
                let hint = "log in: the registry wants a name and a password";
                return Err(Failure::new(format!("{self} is not open to everybody"), hint).into());
            }
            (Challenge::Bearer { .. }, credentials) => self.token(challenge, credentials).await?,
        };
        value.set_sensitive(true);
        *authorization = Some(value);
        Ok(())
    }

    async fn token(
        &self,
        challenge: &Challenge,
        credentials: Option<Credentials>,
    ) -> anyhow::Result<HeaderValue> {
        let Challenge::Bearer {
            realm,
            service,
            scope,
        } = challenge
        else {
            unreachable!("only a bearer challenge asks for a token")
        };
        let url = Url::parse(realm).ok().filter(is_safe);
        let url = url.with_context(|| {
            format!("{self} sends us to `{realm}` for a token, which is not a safe address")
        })?;
        let wanted = format!("repository:{}:pull,push", self.name);
        let mut request = self
            .registry
            .client
            .get(url)
            .query(&[("scope", scope.as_deref().unwrap_or(&wanted))]);
        if let Some(service) = service {
            request = request.query(&[("service", service)]);
        }
        if let Some(credentials) = &credentials {
            request = request.header(AUTHORIZATION, basic(credentials)?);
        }
        let answer = request.send().await?;
        if !answer.status().is_success() {
            return Err(refused(answer, &format!("get a token for {self}")).await);
        }
        let answer: serde_json::Value = answer.json().await.context("the token is not JSON")?;
        let token = ["token", "access_token"]
            .iter()
            .find_map(|key| answer[*key].as_str())
            .with_context(|| format!("{realm} answered without a token"))?;
        HeaderValue::try_from(format!("Bearer {token}")).context("the token is not a header value")
    }
}

fn basic(credentials: &Credentials) -> anyhow::Result<HeaderValue> {
    use base64::Engine;
    let pair = format!("{}:{}", credentials.name, credentials.password);
    let text = base64::engine::general_purpose::STANDARD.encode(pair);
    HeaderValue::try_from(format!("Basic {text}")).context("base64 is a header value")
}

/// True when the other end is not who it says: waiting does not make that better.
fn is_distrust(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let mut inner = cause;
        // Each layer of the client wraps the one below in an I/O error of its own.
        while let Some(wrapped) = inner.downcast_ref::<std::io::Error>() {
            match wrapped.get_ref() {
                Some(below) => inner = below,
                None => return false,
            }
        }
        inner.is::<rustls::Error>()
    })
}
