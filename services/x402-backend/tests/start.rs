//! The program itself, in front of a facilitator that does not settle what it sells.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use axum::Router;
use std::process::Output;
use std::time::Duration;
use tokio::process::Command;

const KEY: &str = "sk_of_this_test_0123456789";

async fn facilitator(kinds: &'static str) -> String {
    let router = Router::new().fallback(move || async move { kinds });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// What the program says before it ends, which it has to do by itself.
async fn started(facilitator: &str, credentials: &str) -> Output {
    let run = Command::new(env!("CARGO_BIN_EXE_x402-backend"))
        .env_clear()
        .env("PORT", "0")
        .env("FACILITATOR_URL", facilitator)
        .env("FACILITATOR_CREDENTIALS", credentials)
        .env("FACILITATOR_KEY", KEY)
        .env("CHAIN_RPC_URL", facilitator)
        .env("PRICE", "0.01")
        .env("NETWORK", "eip155:84532")
        .env(
            "ASSET_ADDRESS",
            "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
        )
        .env("ASSET_NAME", "USDC")
        .env("ASSET_VERSION", "2")
        .env("PAY_TO", "0x209693Bc6afc0C5328bA36FaF03C514EF312287C")
        .env("WEATHER_SOURCE", "climate-normals")
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(Duration::from_secs(20), run).await;
    ended.expect("it does not start").unwrap()
}

#[tokio::test]
async fn what_cannot_be_sold_is_not_offered() {
    let url =
        facilitator(r#"{"kinds":[{"x402Version":2,"scheme":"exact","network":"eip155:8453"}]}"#)
            .await;
    let output = started(&url, "api-key").await;
    let log = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    let expected = format!(
        "the facilitator {url}/ does not settle exact on eip155:84532 (x402 version 2); it settles: exact on eip155:8453."
    );
    assert!(log.contains(&expected), "{log}");
    assert!(!log.contains(KEY) && !log.contains("listening"), "{log}");
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_named_and_not_shown() {
    let output = started("http://127.0.0.1:9", "cdp").await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("FACILITATOR_KEY: cannot be used"), "{said}");
    assert!(!said.contains(KEY), "{said}");
}
