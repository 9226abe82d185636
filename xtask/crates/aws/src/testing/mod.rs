//! A stand-in for AWS on loopback, for tests: the SDKs' real requests over real HTTP, and answers worded as AWS words them.

pub(crate) mod cloudformation;
pub(crate) mod s3;
mod words;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use axum::Router;
use axum::body::Body;
use axum::response::Response;

use super::Aws;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-west-1";

/// What goes wrong with a request, once.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The connection breaks before anything is done.
    LostBefore,
    /// It is done, and the connection breaks before the answer.
    LostAfter,
    /// The connection breaks in the middle of the answer's body.
    BrokenOff,
    Refused {
        status: u16,
        code: &'static str,
        message: &'static str,
    },
}

impl Fault {
    pub(crate) fn throttled() -> Self {
        Self::Refused {
            status: 400,
            code: "Throttling",
            message: "Rate exceeded",
        }
    }
}

/// One thing shared between a test and its server.
#[derive(Debug)]
pub(crate) struct Shared<T>(Arc<Mutex<T>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0
            .lock()
            .expect("a test that panicked has failed already")
    }
}

/// Serves on a free port, and returns an account whose endpoint that is. Requests are tried four times, in quick succession.
pub(crate) async fn serve(router: Router) -> Aws {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let retries = RetryConfig::standard()
        .with_max_attempts(4)
        .with_initial_backoff(Duration::from_millis(1));
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::from_keys("test", "test", None))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(retries)
        .load()
        .await;
    Aws {
        config,
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        identity: format!("arn:aws:iam::{ACCOUNT}:user/test"),
    }
}

/// An answer that breaks off.
pub(crate) fn broken() -> Response {
    let cut = futures_util::stream::iter([
        Ok(bytes::Bytes::from_static(b"<")),
        Err(std::io::Error::other("the connection is cut")),
    ]);
    Response::new(Body::from_stream(cut))
}

pub(crate) fn answer(status: u16, body: String) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "text/xml")
        .body(Body::from(body))
        .unwrap()
}

/// Text within XML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
