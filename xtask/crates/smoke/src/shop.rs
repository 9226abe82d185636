//! A seller over HTTP 402, as somebody who does not pay sees it.

use std::time::{Duration, Instant};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value as Json;
use url::Url;

/// In which x402 states its price: the header of version 2.
const OFFER: &str = "payment-required";

/// A service that asks somebody else may have an old answer for a few seconds.
const OWN_PATIENCE: Duration = Duration::from_secs(10);
const OWN_PAUSE: Duration = Duration::from_secs(2);
const BODY_BYTES_MAX: usize = 64 * 1024;
const WORDS_CHARACTERS_MAX: usize = 500;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// In atomic units of an asset, as the seller words it; none when there was no offer.
    pub price: Option<String>,
}

/// Asks for what is sold under a path without paying. For as long as `patience`, a load balancer that has no task yet (502,
/// 503, 504) and a name that is not known yet are waited for.
///
/// # Errors
/// Nobody answers.
pub async fn ask(url: &str, path: &str, patience: Duration) -> anyhow::Result<Answer> {
    let answer = get(url, path, patience, |answer| is_early(answer.status())).await?;
    Ok(Answer {
        status: answer.status().as_u16(),
        price: price(answer.headers()),
    })
}

/// What a service says of itself under a path: the end of a sentence, cut and cleaned.
///
/// # Errors
/// It answers anything but 200, or nobody answers: what it says of that.
pub async fn own_words(url: &str, path: &str, patience: Duration) -> Result<String, String> {
    let begun = Instant::now();
    loop {
        // A load balancer's refusal is a page; a service says in JSON what is wrong.
        let answer = get(url, path, patience, |answer| {
            is_early(answer.status()) && !is_json(answer.headers())
        });
        let answer = answer.await.map_err(|error| format!("{error:#}"))?;
        let status = answer.status();
        // What is wrong may pass: it is asked again for as long as that may take.
        if is_early(status) && begun.elapsed() + OWN_PAUSE < OWN_PATIENCE.min(patience) {
            tokio::time::sleep(OWN_PAUSE).await;
            continue;
        }
        let said = beginning(answer).await;
        return match status.as_u16() {
            200 => Ok(words(&said).unwrap_or_else(|| "200".to_owned())),
            status => Err(words(&said).map_or_else(
                || format!("it answers {status}"),
                |said| format!("it answers {status}: {said}"),
            )),
        };
    }
}

fn is_early(status: StatusCode) -> bool {
    matches!(status.as_u16(), 502..=504)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// As much of a body as is worth reading.
async fn beginning(mut answer: reqwest::Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < BODY_BYTES_MAX
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes
}

/// The message of an error, or else all texts of the answer.
fn words(body: &[u8]) -> Option<String> {
    let body: Json = serde_json::from_slice(body).ok()?;
    let error = &body["error"];
    let text = match error["message"].as_str().or(error.as_str()) {
        Some(message) => message.to_owned(),
        None => {
            let texts = body.as_object()?.values().filter_map(Json::as_str);
            texts.collect::<Vec<_>>().join(": ")
        }
    };
    let clean = |letter: char| if letter.is_control() { ' ' } else { letter };
    let text: String = text.chars().take(WORDS_CHARACTERS_MAX).map(clean).collect();
    (!text.is_empty()).then_some(text)
}

/// One GET. For as long as `patience`, answers that come too early and nobody at all are waited for.
async fn get(
    url: &str,
    path: &str,
    patience: Duration,
    early: impl Fn(&reqwest::Response) -> bool,
) -> anyhow::Result<reqwest::Response> {
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
        .with_context(|| format!("{url} with {path} is not a URL"))?;
    let begun = Instant::now();
    let mut wait = Duration::from_millis(250);
    loop {
        let answer = client.get(url.clone()).send().await;
        let is_early = answer.as_ref().map_or(true, &early);
        if !is_early || begun.elapsed() + wait > patience {
            return answer.with_context(|| format!("{url} does not answer"));
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

    /// What a path answers, and what is said of it.
    async fn said(status: u16, kind: &'static str, body: &str) -> Result<String, String> {
        let body = body.to_owned();
        let router = Router::new().fallback(move || async move {
            (
                StatusCode::from_u16(status).unwrap(),
                [("content-type", kind)],
                body,
            )
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let said = own_words(&url, "/ready", Duration::ZERO).await;
        server.abort();
        said
    }

    #[tokio::test]
    async fn a_service_says_in_its_own_words_what_is_wrong() {
        let json = "application/json";
        let redirected =
            r#"{"error":{"code":"x","message":"the facilitator answers 308\u001b[2J"}}"#;
        for (status, kind, body, expected) in [
            (200, json, r#"{"status":"ready"}"#, Ok("ready")),
            (200, "text/html", "<p>", Ok("200")),
            (
                503,
                json,
                redirected,
                Err("it answers 503: the facilitator answers 308 [2J"),
            ),
            (503, "text/html", "<p>", Err("it answers 503")),
            (404, json, "{}", Err("it answers 404")),
            (308, "text/plain", "x", Err("it answers 308")),
        ] {
            let said = said(status, kind, body).await;
            assert_eq!(
                said.as_deref().map_err(String::as_str),
                expected,
                "{status} {body}"
            );
        }
        let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(100_000));
        assert!(said(500, json, &long).await.unwrap_err().len() < 600);
        let nobody = own_words("http://127.0.0.1:9", "/ready", Duration::ZERO).await;
        assert!(nobody.unwrap_err().contains("does not answer"));
    }

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
