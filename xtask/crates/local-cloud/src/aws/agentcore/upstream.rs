//! Reaches the container: waits for it to start, and turns its failures into those of AgentCore.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{Instant, sleep, timeout_at};

use super::super::Aws;
use super::super::error::AwsError;
use super::super::types::AgentRuntime;

/// A connection that is refused means that the process has just gone; its supervisor needs a moment to see it.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// How long a container may take to begin its answer, and to end it.
const ANSWER_MAX: Duration = Duration::from_secs(15 * 60);
const STREAM_MAX: Duration = Duration::from_secs(60 * 60);

/// A client for plain HTTP on this machine. It trusts no certificate at all, so it can reach nothing else by TLS.
pub(crate) fn client() -> reqwest::Client {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring offers what rustls takes for safe")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(STREAM_MAX)
        // A container may be restarted any time, so no connection is kept for later.
        .pool_max_idle_per_host(0)
        .build()
        .expect("the client has no setting that can be wrong")
}

/// Posts to `/invocations` of the container, which has `start_max` to be there; an answer that is not a success is an error.
pub(super) async fn post(
    aws: &Aws,
    runtime: &AgentRuntime,
    headers: HeaderMap,
    body: Bytes,
    start_max: Duration,
) -> Result<reqwest::Response, AwsError> {
    let deadline = Instant::now() + start_max;
    let mut target = runtime.target.clone();
    loop {
        let address = match timeout_at(deadline, target.wait_for(Option::is_some)).await {
            Ok(Ok(address)) => *address,
            Ok(Err(_)) => return Err(failed("The runtime is being deleted.")),
            Err(_) => None,
        };
        let Some(address) = address else {
            return Err(failed(
                "Runtime initialization time exceeded. Please make sure that initialization completes in 30s.",
            ));
        };
        let request = aws
            .inner
            .client
            .post(format!("http://{address}/invocations"))
            .headers(headers.clone())
            .body(body.clone());
        match tokio::time::timeout(ANSWER_MAX, request.send()).await {
            Ok(Ok(answer)) if answer.status().is_success() => return Ok(answer),
            Ok(Ok(answer)) => {
                let status = answer.status().as_u16();
                return Err(failed(format!(
                    "Received error ({status}) from runtime. Please check your CloudWatch logs for more information."
                )));
            }
            Ok(Err(error)) if error.is_connect() => {
                if Instant::now() >= deadline {
                    return Err(failed(
                        "Runtime initialization time exceeded. Please make sure that initialization completes in 30s.",
                    ));
                }
                sleep(RETRY_AFTER).await;
            }
            Ok(Err(_)) => {
                return Err(failed(
                    "The runtime ended before it answered. Please check your CloudWatch logs for more information.",
                ));
            }
            Err(_) => return Err(failed("The runtime did not answer in 15 minutes.")),
        }
    }
}

/// Whatever a container does wrong, its own 402 too, is this one status.
fn failed(message: impl Into<String>) -> AwsError {
    AwsError::new(StatusCode::FAILED_DEPENDENCY, "RuntimeClientError", message)
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;

    #[tokio::test]
    async fn waiting_for_a_container_ends() {
        let aws = Aws::new("us-east-1", "000000000000");
        let nobody_listens = [None, Some(([127, 0, 0, 1], 1).into())];
        for address in nobody_listens {
            let (sender, target) = watch::channel(address);
            let runtime = AgentRuntime {
                arn: String::new(),
                id: String::new(),
                name: String::new(),
                version: 1,
                header_allow_list: Vec::new(),
                target,
            };
            let wait = || {
                post(
                    &aws,
                    &runtime,
                    HeaderMap::new(),
                    Bytes::new(),
                    Duration::from_millis(150),
                )
            };
            let error = wait().await.unwrap_err();
            assert_eq!(
                (error.status.as_u16(), error.code),
                (424, "RuntimeClientError")
            );
            assert_eq!(
                error.message,
                "Runtime initialization time exceeded. Please make sure that initialization completes in 30s."
            );
            if address.is_none() {
                drop(sender);
                assert_eq!(
                    wait().await.unwrap_err().message,
                    "The runtime is being deleted."
                );
            }
        }
    }
}
