//! How a request goes out and its answer comes in.

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use url::Url;

const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) trait Transport: Send + Sync + 'static {
    /// One GET, without following anything. Errors are words for logs.
    fn get<'a>(&'a self, url: &'a Url, headers: HeaderMap)
    -> BoxFuture<'a, Result<Answer, String>>;
}

impl Transport for reqwest::Client {
    fn get<'a>(
        &'a self,
        url: &'a Url,
        headers: HeaderMap,
    ) -> BoxFuture<'a, Result<Answer, String>> {
        Box::pin(async move {
            let sent = self.get(url.clone()).headers(headers).send().await;
            let response = sent.map_err(|error| runtime::describe(&error))?;
            if response.url() != url {
                return Err(format!(
                    "the HTTP client followed a redirect to {}",
                    response.url()
                ));
            }
            let (status, headers) = (response.status(), response.headers().clone());
            let body = read_body(response, BODY_BYTES_MAX).await?;
            Ok(Answer {
                status,
                headers,
                body,
            })
        })
    }
}

/// Reads a body of at most `bytes_max` bytes. Errors are words for logs.
pub(crate) async fn read_body(
    mut response: reqwest::Response,
    bytes_max: usize,
) -> Result<Bytes, String> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| runtime::describe(&error.without_url()))?
    {
        if body.len() + chunk.len() > bytes_max {
            return Err(format!("the answer is larger than {bytes_max} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
