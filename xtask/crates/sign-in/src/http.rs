//! The HTTP client of everything that calls AWS: TLS by `ring`, through the proxy that the environment names.
//!
//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are read as by other programs. This machine and the metadata services of AWS
//! are asked directly whatever they say: no proxy reaches them, and the AWS CLI does the same
//! (<https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-proxy.html>).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::shared::IntoShared as _;

/// A client that keeps its connections.
pub(crate) fn https() -> SharedHttpClient {
    let known: Mutex<HashMap<String, SharedHttpConnector>> = Mutex::default();
    http_client_fn(move |settings, _| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let made = known
            .entry(format!("{settings:?}"))
            .or_insert_with(|| Route::new(settings).into_shared());
        made.clone()
    })
}

/// Two ways to the same place.
#[derive(Debug)]
struct Route {
    direct: Arc<Connector>,
    proxied: Arc<Connector>,
}

impl Route {
    fn new(settings: &HttpConnectorSettings) -> Self {
        let connector = |proxy| {
            let tls = Provider::Rustls(CryptoMode::Ring);
            let builder = Connector::builder().connector_settings(settings.clone());
            Arc::new(builder.proxy_config(proxy).tls_provider(tls).build())
        };
        Self {
            direct: connector(ProxyConfig::disabled()),
            proxied: connector(ProxyConfig::from_env()),
        }
    }
}

impl HttpConnector for Route {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let host = request.uri().parse::<http::Uri>();
        let host = host.ok().and_then(|uri| uri.host().map(str::to_owned));
        match host.is_some_and(|host| is_near(&host)) {
            true => self.direct.call(request),
            false => self.proxied.call(request),
        }
    }
}

/// This machine, and the addresses at which AWS answers a machine of its own about itself.
fn is_near(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(std::net::IpAddr::V6(address)) => {
            address.is_loopback() || address.segments()[..2] == [0xfd00, 0xec2]
        }
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_not_behind_a_proxy() {
        for (host, near) in [
            ("127.0.0.1", true),
            ("localhost", true),
            ("[::1]", true),
            ("169.254.169.254", true),
            ("169.254.170.2", true),
            ("[fd00:ec2::254]", true),
            ("sts.us-west-2.amazonaws.com", false),
            ("10.0.0.7", false),
            ("localhost.example.com", false),
        ] {
            assert_eq!(is_near(host), near, "{host}");
        }
    }
}
