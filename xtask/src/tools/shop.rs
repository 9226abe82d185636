//! A seller over HTTP 402, as somebody who does not pay sees it.

use std::time::{Duration, Instant};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderMap;
use serde_json::Value as Json;
use url::Url;

/// In which x402 states its price: the header of version 2.
const OFFER: &str = "payment-required";

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In atomic units of an asset, as the seller words it; none when there was no offer.
    pub(crate) price: Option<String>,
}

/// Asks for what is sold under a path without paying. For as long as `patience`, a load balancer that has no task yet (502,
/// 503, 504) and a name that is not known yet are waited for.
///
/// # Errors
/// Nobody answers.
pub(crate) async fn ask(url: &str, path: &str, patience: Duration) -> anyhow::Result<Answer> {
    // Fails when one is installed, which is just as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .user_agent("turnpike")
        .build()
        .context("cannot make an HTTP client")?;
    let url = Url::parse(url)
        .and_then(|url| url.join(path))
        .with_context(|| format!("{url} with {path} is no URL"))?;
    let begun = Instant::now();
    let mut wait = Duration::from_millis(250);
    loop {
        let answer = client.get(url.clone()).send().await;
        let early = match &answer {
            Ok(answer) => matches!(answer.status().as_u16(), 502..=504),
            Err(_) => true,
        };
        if !early || begun.elapsed() + wait > patience {
            let answer = answer.with_context(|| format!("{url} does not answer"))?;
            return Ok(Answer {
                status: answer.status().as_u16(),
                price: price(answer.headers()),
            });
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(4));
    }
}

/// `10000 of 0x5FbD... on eip155:31337`
fn price(headers: &HeaderMap) -> Option<String> {
    let bytes = STANDARD.decode(headers.get(OFFER)?.as_bytes()).ok()?;
    let offer: Json = serde_json::from_slice(&bytes).ok()?;
    let offer = &offer["accepts"][0];
    let name = offer["extra"]["name"]
        .as_str()
        .or(offer["asset"].as_str())?;
    Some(format!(
        "{} units of {name} on {}",
        offer["amount"].as_str()?,
        offer["network"].as_str()?
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::{StatusCode, Uri};
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_load_balancer_without_a_task_is_waited_for() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let router = Router::new().fallback(|uri: Uri| async move {
            let offer = json!({"x402Version": 2, "accepts": [{"amount": "10000", "network": "eip155:31337", "extra": {"name": "USDC"}}]});
            let offer = STANDARD.encode(offer.to_string());
            match (ASKED.fetch_add(1, Ordering::SeqCst), uri.path()) {
                (0, _) => (StatusCode::SERVICE_UNAVAILABLE, [(OFFER, String::new())]),
                (_, "/weather") => (StatusCode::PAYMENT_REQUIRED, [(OFFER, offer)]),
                _ => (StatusCode::NOT_FOUND, [(OFFER, String::new())]),
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let answer = ask(&url, "/weather", Duration::from_secs(20))
            .await
            .unwrap();
        assert_eq!(
            answer,
            Answer {
                status: 402,
                price: Some("10000 units of USDC on eip155:31337".to_owned())
            }
        );
        assert_eq!(
            ask(&url, "/else", Duration::ZERO).await.unwrap().status,
            404
        );
        server.abort();
    }
}
