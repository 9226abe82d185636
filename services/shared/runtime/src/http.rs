//! The HTTP client of every service.

use std::time::Duration;

use crate::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);

/// A client with the settings that every call between services wants: TLS by ring with the public authorities, no
/// redirects (a paid request must not be sent to somebody else), connect timeout 5 s, 30 s in all, and no proxy from the
/// environment. Make one at start and clone it: clones share their connections.
pub fn client() -> reqwest::Client {
    client_builder()
        .build()
        .expect("ring is installed and the authorities parse, nothing else can fail")
}

/// [`client`] before it is built, for other timeouts or default headers.
pub fn client_builder() -> reqwest::ClientBuilder {
    tls::install();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config())
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .tcp_nodelay(true)
        .no_proxy()
        .user_agent("turnpike")
}

fn tls_config() -> rustls::ClientConfig {
    let mut authorities = rustls::RootCertStore::empty();
    authorities.add_parsable_certificates(tls::authorities().iter().cloned());
    rustls::ClientConfig::builder()
        .with_root_certificates(authorities)
        .with_no_client_auth()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_client_can_be_made_and_trusts_the_public_authorities() {
        let _client = super::client();
        let mut authorities = rustls::RootCertStore::empty();
        let (good, bad) =
            authorities.add_parsable_certificates(crate::tls::authorities().iter().cloned());
        assert!(good > 100 && bad == 0, "{good} good, {bad} bad");
    }
}
