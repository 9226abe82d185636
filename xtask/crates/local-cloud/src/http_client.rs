//! A small HTTP client for 127.0.0.1: plain text, no proxy, no redirects, bodies as they come.

use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

pub(crate) type Client = hyper_util::client::legacy::Client<HttpConnector, Body>;

pub(crate) fn client() -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(Duration::from_secs(5)));
    hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(20))
        .build(connector)
}

/// One request whose answer is read to its end.
pub(crate) async fn call(
    client: &Client,
    method: Method,
    uri: &Uri,
    token: Option<&str>,
    body: Vec<u8>,
) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    let mut request = Request::builder().method(method).uri(uri);
    if let Some(token) = token {
        request = request.header(http::header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if !body.is_empty() {
        request = request.header(http::header::CONTENT_TYPE, "application/json");
    }
    let request = request
        .body(Body::from(body))
        .context("cannot build a request")?;
    let response: Response<_> = client
        .request(request)
        .await
        .with_context(|| format!("no answer from {uri}"))?;
    let status = response.status();
    let bytes = response
        .into_body()
        .collect()
        .await
        .with_context(|| format!("the answer of {uri} breaks off"))?
        .to_bytes();
    Ok((status, bytes.to_vec()))
}
