//! Facilitators as they are found, in front of the whole service.

use super::*;
use crate::app::router;
use crate::config::WeatherSource;
use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use url::Url;
use x402::server::Price;
use x402::store::Place;
use x402::{Address, Asset, U256};

const OURS: &str = r#"{"kinds":[{"x402Version":2,"scheme":"exact","network":"eip155:84532"}]}"#;
const OTHER: &str = r#"{"kinds":[{"x402Version":2,"scheme":"exact","network":"eip155:8453"},{"x402Version":1,"scheme":"exact","network":"base-sepolia"}]}"#;

async fn listen(router: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Url::parse(&url).unwrap()
}

fn config(facilitator_url: Url) -> Config {
    Config {
        address: runtime::Environment::from_pairs::<String, String>([]).address(),
        facilitator_credentials: x402::facilitator::Credentials::None,
        chain_rpc_url: facilitator_url.clone(),
        facilitator_url,
        payments: Place::Memory,
        price: Price {
            asset: Asset {
                network: "eip155:84532".into(),
                address: Address::repeat_byte(1),
                name: "USDC".into(),
                version: "2".into(),
                decimals: 6,
            },
            amount: U256::from(10_000),
            pay_to: Address::repeat_byte(2),
            max_timeout_seconds: 60,
        },
        more_prices: Vec::new(),
        weather_source: WeatherSource::ClimateNormals,
        answer_within: std::time::Duration::from_secs(45),
    }
}

/// What a start says, and what `/ready` does.
async fn found(facilitator: Url) -> (Result<(), String>, StatusCode, String) {
    let config = config(facilitator);
    let client = runtime::http::client();
    let start = Readiness::new(&config, client.clone()).at_start().await;
    let payments = config.payments.open().await.unwrap();
    let shop = listen(router(&config, client.clone(), payments).unwrap()).await;
    let response = client
        .get(shop.join("ready").unwrap())
        .send()
        .await
        .unwrap();
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap();
    let body: Value = response.json().await.unwrap();
    let text = body["error"]["message"]
        .as_str()
        .or(body["facilitator"].as_str());
    let start = start.map_err(|error| error.to_string());
    (start, status, text.unwrap().to_owned())
}

#[tokio::test]
async fn a_facilitator_that_cannot_be_paid_through_is_seen_before_the_first_sale() {
    type Row = (
        u16,
        (&'static str, &'static str),
        &'static str,
        &'static str,
    );
    let rows: [Row; 6] = [
        // As https://x402.org/facilitator answers: https://github.com/x402-foundation/x402/issues/605.
        (
            308,
            ("location", "https://www.x402.org/facilitator/supported"),
            "Redirecting...",
            "answers 308 and points to https://www.x402.org/facilitator/supported: set FACILITATOR_URL (the stage's facilitator_url) to https://www.x402.org/facilitator",
        ),
        (
            200,
            ("content-type", "text/html"),
            "<html>",
            "answers 200 with a page of HTML",
        ),
        (
            429,
            ("retry-after", "30"),
            "",
            "is asked too often (429), and wants us to wait: 30",
        ),
        (
            200,
            ("content-type", "application/json"),
            "",
            "answers 200 with nothing",
        ),
        (
            401,
            ("content-type", "application/json"),
            "{}",
            "wants credentials (401)",
        ),
        (
            503,
            ("content-type", "application/json"),
            "{\"message\":\"back soon\"}",
            "fails (503), and says \"back soon\"",
        ),
    ];
    for (status, header, body, expected) in rows {
        let answer = move || async move {
            (StatusCode::from_u16(status).unwrap(), [header], body).into_response()
        };
        let (start, ready, text) = found(listen(Router::new().fallback(answer)).await).await;
        // It may be away for a moment only.
        assert_eq!((start, ready), (Ok(()), StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(&text[.."the facilitator ".len()], "the facilitator ");
        assert!(text.contains(expected), "{text}");
    }
    let (start, ready, text) = found(Url::parse("http://127.0.0.1:9/").unwrap()).await;
    assert_eq!((start, ready), (Ok(()), StatusCode::SERVICE_UNAVAILABLE));
    assert!(
        text.contains("cannot be reached") && !text.contains("127.0.0.1:9/"),
        "{text}"
    );
}

#[tokio::test]
async fn a_facilitator_without_our_network_stops_the_start() {
    let url = listen(Router::new().fallback(|| async { OTHER })).await;
    let (start, ready, text) = found(url.clone()).await;
    assert_eq!(ready, StatusCode::SERVICE_UNAVAILABLE);
    let expected = "does not settle exact on eip155:84532 (x402 version 2); it settles: exact on eip155:8453, exact on base-sepolia (version 1)";
    assert!(text.contains(expected), "{text}");
    let start = start.unwrap_err();
    assert!(
        start.contains(expected) && start.contains(url.as_str()),
        "{start}"
    );

    let (start, _, _) =
        found(listen(Router::new().fallback(|| async { "{\"kinds\":[]}" })).await).await;
    assert!(start.unwrap_err().contains("it settles nothing"));

    let (start, ready, text) = found(listen(Router::new().fallback(|| async { OURS })).await).await;
    assert_eq!((start, ready), (Ok(()), StatusCode::OK));
    assert_eq!(text, "the facilitator settles exact on eip155:84532");
}

#[tokio::test]
async fn everybody_may_ask_and_the_facilitator_is_asked_once() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let url = listen(Router::new().fallback(|| async {
        ASKED.fetch_add(1, Ordering::SeqCst);
        OURS
    }))
    .await;
    let readiness = Readiness::new(&config(url), runtime::http::client());
    let asked = (0..50).map(|_| readiness.ask());
    for answer in futures_util::future::join_all(asked).await {
        answer.unwrap();
    }
    assert_eq!(ASKED.load(Ordering::SeqCst), 1);
    // An old answer is not given for a new one.
    let long_ago = Instant::now().checked_sub(ANSWER_AGE_MAX).unwrap();
    *readiness.last.lock().await = Some((
        long_ago,
        Answer {
            network: String::new(),
            support: Support::NotSupported(vec![]),
        },
    ));
    readiness.ask().await.unwrap();
    assert_eq!(ASKED.load(Ordering::SeqCst), 2);
}
