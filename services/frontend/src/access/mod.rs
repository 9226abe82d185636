//! Who may do what: every request but health checks, assets and the sign-in page comes from a visitor.

mod failures;
mod origin;
mod visitor;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

pub(crate) use visitor::Visitor;

use crate::app::App;
use crate::config::Access;
use crate::headers::is_https;
use crate::problem::{Action, Problem};
use crate::seal::{Seal, random_hex};
use failures::Failures;

/// Decides who comes in.
pub(crate) struct Gate {
    access: Access,
    cookie_seal: Seal,
    pub(crate) conversation_seal: Seal,
    failures: Failures,
}

/// How a try to sign in ended.
#[derive(Debug)]
pub(crate) enum SignIn {
    /// The value of a `Set-Cookie` header.
    Welcome(HeaderValue),
    WrongKey,
    Wait {
        seconds: u64,
    },
}

impl Gate {
    /// Keys are derived from the access key, so that all processes of a stage accept the same cookies, and a new access
    /// key ends every visit. Without an access key a random one lasts as long as this process.
    pub(crate) fn new(access: Access) -> Self {
        let secret = match &access {
            Access::Key(key) => key.expose().clone(),
            Access::Open => random_hex::<32>(),
        };
        Self {
            cookie_seal: Seal::derive(secret.as_bytes(), "turnpike visit cookie 1"),
            conversation_seal: Seal::derive(secret.as_bytes(), "turnpike conversation 1"),
            failures: Failures::default(),
            access,
        }
    }

    pub(crate) fn needs_key(&self) -> bool {
        matches!(self.access, Access::Key(_))
    }

    /// The visitor that a valid cookie names.
    pub(crate) fn visitor(&self, headers: &HeaderMap) -> Option<Visitor> {
        Visitor::from_headers(&self.cookie_seal, headers, now_seconds())
    }

    /// Checks a key that somebody typed. Tries are counted before the key is looked at: tries at the same moment count too.
    pub(crate) fn sign_in(&self, headers: &HeaderMap, typed: &str) -> SignIn {
        let Access::Key(key) = &self.access else {
            return SignIn::WrongKey;
        };
        let client = client(headers);
        if let Err(seconds) = self.failures.begin(&client, Instant::now()) {
            return SignIn::Wait { seconds };
        }
        // Digests have one length, so not even the length of the key shows in the time.
        let (right, given) = (Sha256::digest(key.expose()), Sha256::digest(typed.trim()));
        if !bool::from(right.ct_eq(&given)) {
            tracing::warn!(client, "wrong access key");
            return SignIn::WrongKey;
        }
        self.failures.forgive(&client);
        SignIn::Welcome(self.cookie(&Visitor::new(), headers))
    }

    fn cookie(&self, visitor: &Visitor, headers: &HeaderMap) -> HeaderValue {
        visitor.cookie(&self.cookie_seal, now_seconds(), is_https(headers))
    }
}

/// Middleware in front of everything that is for visitors only.
pub(crate) async fn admit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let for_script = request.uri().path().starts_with("/api/");
    if let Some(visitor) = app.gate.visitor(headers) {
        request.extensions_mut().insert(visitor);
        return next.run(request).await;
    }
    if app.gate.needs_key() {
        return if for_script {
            sign_in_needed().into_response()
        } else {
            Redirect::to("/sign-in").into_response()
        };
    }
    let visitor = Visitor::new();
    let cookie = app.gate.cookie(&visitor, headers);
    request.extensions_mut().insert(visitor);
    let mut response = next.run(request).await;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// Middleware in front of everything but health checks: refuses what another site makes a visitor's browser do.
pub(crate) async fn same_site(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_call = !request.method().is_safe() || request.uri().path().starts_with("/api/");
    // A cookie protects a page with a key. Without one, a name that an attacker's DNS points here must not be enough.
    let named_right =
        app.gate.needs_key() || origin::is_this_machine_or_an_address(request.headers());
    if !named_right {
        return Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "hostNotAllowed",
            "This page does not answer to that name",
            "Without an access key the page answers only as localhost or by its IP address.",
            Action::None,
        )
        .into_response();
    }
    if is_call && !origin::is_own(request.headers()) {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "crossSite",
            "Another site asked for this",
            "Only this page itself may use the agent and its wallet.",
            Action::None,
        )
        .into_response();
    }
    next.run(request).await
}

fn sign_in_needed() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "signInNeeded",
        "Your visit has ended",
        "Sign in again with the access key, then repeat the question. Nothing was sent to the agent.",
        Action::SignIn,
    )
}

/// Whom to count a failure against: the address that the load balancer saw, which it puts last.
fn client(headers: &HeaderMap) -> String {
    let forwarded = headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok());
    let last = forwarded
        .and_then(|value| value.rsplit(',').next())
        .map(str::trim);
    last.filter(|address| !address.is_empty() && address.len() <= 64)
        .unwrap_or("direct")
        .to_owned()
}

fn now_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// A cookie that ends the visit.
pub(crate) fn farewell(headers: &HeaderMap) -> HeaderValue {
    visitor::farewell(is_https(headers))
}
