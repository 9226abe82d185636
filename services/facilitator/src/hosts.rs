//! By which names the development ledger answers.
//!
//! A page in a browser reaches what listens on its user's machine when the name of its own site is pointed there (DNS
//! rebinding). The browser still says the site's name in `Host`, and such a name always has a dot.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;

/// The names in `Host` that are answered.
#[derive(Debug, Clone)]
pub struct Hosts(Option<Arc<[String]>>);

impl Hosts {
    /// All: what is on the internet has a name that only its owner gives away.
    pub fn any() -> Self {
        Self(None)
    }

    /// Addresses, `localhost`, names without a dot, as containers on one network have, and the ones in `names`.
    pub fn near(names: Vec<String>) -> Self {
        Self(Some(names.into()))
    }

    fn answers_to(&self, host: &str) -> bool {
        let Some(names) = &self.0 else {
            return true;
        };
        // Without user and port; an IPv6 address is in brackets.
        let Ok(authority) = host.parse::<Authority>() else {
            return false;
        };
        let name = authority.host().to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        address.parse::<IpAddr>().is_ok()
            || !name.contains('.')
            || name.ends_with(".localhost")
            || names.iter().any(|known| known.eq_ignore_ascii_case(&name))
    }
}

/// Refuses requests to any other name.
pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let named = request.headers().get(HOST);
    let named = match (named, request.uri().authority()) {
        (Some(host), _) => host.to_str().ok().map(str::to_owned),
        (None, authority) => authority.map(ToString::to_string),
    };
    match named {
        Some(host) if !hosts.answers_to(&host) => {
            tracing::warn!(
                host,
                "refused: this facilitator does not answer to that name"
            );
            let text =
                "The development ledger does not answer to this name; add it to LEDGER_HOSTS.\n";
            (StatusCode::MISDIRECTED_REQUEST, text).into_response()
        }
        _ => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let near = Hosts::near(vec!["ledger.example".into()]);
        for (host, answered) in [
            ("127.0.0.1:8080", true),
            ("10.0.3.4", true),
            ("[::1]:8080", true),
            ("localhost:8080", true),
            ("app.localhost", true),
            ("facilitator:8080", true),
            ("Ledger.Example:80", true),
            ("attacker.example", false),
            ("127.0.0.1.attacker.example:8080", false),
            ("localhost.attacker.example", false),
            ("localhost@attacker.example", false),
            ("attacker.example:8080#localhost", false),
            ("", false),
        ] {
            assert_eq!(near.answers_to(host), answered, "{host}");
            assert!(Hosts::any().answers_to(host));
        }
    }
}
