//! AWS SDK settings that every service shares.

use std::time::Duration;

use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use base64::Engine as _;

use crate::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Per try, until the first byte of the answer. A model may think for long before it answers. Whoever calls something that
/// may take longer says so, by [`timeouts`].
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const TRIES_MAX: u32 = 3;

/// Region and credentials as AWS hands them to a container or function: from the environment. `AWS_ENDPOINT_URL` and its
/// per-service forms are honoured. Nothing is called here: credentials are looked up by the first request that needs them.
pub async fn config() -> SdkConfig {
    tracing::info!(
        credential_source = credential_source(),
        "calls of AWS are signed"
    );
    aws_config::defaults(BehaviorVersion::latest())
        // The default chain would ask the instance metadata service when AWS_REGION is missing.
        .region(EnvironmentVariableRegionProvider::new())
        .timeout_config(timeouts(READ_TIMEOUT))
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES_MAX))
        .http_client(http_client())
        .load()
        .await
}

/// Where the SDK will find credentials, in the order in which it looks
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>): Lambda sets variables, ECS names an address, and
/// AgentCore has the metadata service of its microVM. The first line of a log says it, because the first failure does not.
fn credential_source() -> &'static str {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let sources = [
        ("AWS_ACCESS_KEY_ID", "environment"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "web identity"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "container"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "container"),
    ];
    let found = sources.iter().find(|(name, _)| is_set(*name));
    found.map_or("instance metadata", |(_, source)| source)
}

/// For a client of its own: how long each try may wait for the first byte of its answer.
pub fn timeouts(first_byte: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(first_byte)
        .build()
}

fn http_client() -> SharedHttpClient {
    let mut authorities = TrustStore::empty();
    for authority in tls::authorities() {
        authorities.add_pem_certificate(pem(authority));
    }
    let context = TlsContext::builder()
        .with_trust_store(authorities)
        .build()
        .expect("a trust store of certificates that a test has parsed");
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::rustls(CryptoMode::Ring))
        .tls_context(context)
        .build_https()
}

/// The SDK's client takes certificates as text only.
fn pem(certificate: &[u8]) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    #[test]
    fn the_authorities_survive_being_written_as_text() {
        for authority in crate::tls::authorities() {
            let read = CertificateDer::from_pem_slice(super::pem(authority).as_bytes());
            assert_eq!(read.unwrap(), *authority);
        }
    }
}
