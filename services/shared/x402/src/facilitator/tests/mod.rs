//! A hosted facilitator's ways of not answering, over real sockets.

mod answers;

use super::*;
use crate::wire::{Authorization, ExactPayload, PaymentPayload, Requirements};
use crate::{Address, B256, U256};
use axum::Router;
use axum::http::Request;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tracing_subscriber::layer::SubscriberExt as _;
use url::Url;

/// Status, headers and body of every answer.
type Said = (u16, Vec<(&'static str, &'static str)>, String);

/// A facilitator that says the same to everybody, and remembers the headers that it was sent.
async fn stand_in(said: Said) -> (Url, Arc<Mutex<Vec<::http::HeaderMap>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = seen.clone();
    let router = Router::new().fallback(move |request: Request<axum::body::Body>| {
        heard.lock().unwrap().push(request.headers().clone());
        let (status, headers, body) = said.clone();
        async move {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(axum::body::Body::from(body)).unwrap()
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/facilitator", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (Url::parse(&url).unwrap(), seen)
}

async fn facilitator(said: Said) -> HttpFacilitator {
    HttpFacilitator::new(runtime::http::client(), &stand_in(said).await.0)
}

fn order() -> Order {
    let requirements = Requirements {
        scheme: "exact".into(),
        network: "eip155:84532".into(),
        amount: U256::from(1),
        asset: Address::ZERO,
        pay_to: Address::ZERO,
        max_timeout_seconds: 60,
        extra: None,
    };
    Order::new(FacilitatorRequest {
        x402_version: 2,
        payment_payload: PaymentPayload {
            x402_version: 2,
            resource: None,
            accepted: Some(requirements.clone()),
            scheme: None,
            network: None,
            payload: ExactPayload {
                signature: "0x".into(),
                authorization: Authorization {
                    from: Address::ZERO,
                    to: Address::ZERO,
                    value: U256::from(1),
                    valid_after: U256::ZERO,
                    valid_before: U256::from(1),
                    nonce: B256::ZERO,
                },
            },
            extensions: None,
        },
        payment_requirements: requirements,
    })
}

#[tokio::test]
async fn nothing_foreign_is_told_at_length() {
    let long = "x".repeat(100_000);
    for said in [
        (500, vec![], json!({ "message": &long }).to_string()),
        (200, vec![], long.clone()),
        (200, vec![], json!({ "success": &long }).to_string()),
        (401, vec![], json!({ "error": &long }).to_string()),
        (200, vec![], "y".repeat(300_000)),
    ] {
        let error = facilitator(said).await.settle(&order()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.chars().count() < 500, "{} characters", text.len());
    }
    let kinds: Vec<Value> = (0..1000)
        .map(|_| json!({ "scheme": &long[..50], "network": &long[..90] }))
        .collect();
    let said = (200, vec![], json!({ "kinds": kinds }).to_string());
    let Support::NotSupported(list) = facilitator(said).await.supports("a", "b").await else {
        panic!("it is not in the list")
    };
    assert!(list.len() == 24 && list.iter().all(|kind| kind.chars().count() < 140));
}

/// A load balancer before the facilitator answers for it, and knows nothing of its headers.
#[tokio::test]
async fn what_a_gateway_answers_does_not_say_what_the_facilitator_knows() {
    let verified = || async {
        let honored = [(IDEMPOTENCY_KEYS, "honored")];
        (honored, axum::Json(json!({ "isValid": true })))
    };
    let plain = || async { axum::Json(json!({ "success": false, "errorReason": "x" })) };
    let gateway = || async { (::http::StatusCode::BAD_GATEWAY, "<html>") };
    let router = Router::new()
        .route("/ours/verify", axum::routing::post(verified))
        .route("/ours/settle", axum::routing::post(gateway))
        .route("/theirs/verify", axum::routing::post(verified))
        .route("/theirs/settle", axum::routing::post(plain));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    for (path, knows) in [("ours", true), ("theirs", false)] {
        let url = Url::parse(&format!("{url}/{path}")).unwrap();
        let facilitator = HttpFacilitator::new(runtime::http::client(), &url);
        assert!(!facilitator.tells_sales_apart());
        facilitator.verify(&order()).await.unwrap();
        assert!(facilitator.tells_sales_apart());
        drop(facilitator.settle(&order()).await);
        assert_eq!(facilitator.tells_sales_apart(), knows, "{path}");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", nobody.local_addr().unwrap())).unwrap();
    drop(nobody);
    let facilitator = HttpFacilitator::new(runtime::http::client(), &url);
    let error = facilitator.settle(&order()).await.unwrap_err();
    assert!(
        matches!(&error, FacilitatorError::NotSent(text) if text.starts_with("cannot be reached")),
        "{error}"
    );
    // One that takes the question and hangs up may have acted.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = [0; 64];
            tokio::io::AsyncReadExt::read(&mut stream, &mut bytes)
                .await
                .ok();
        }
    });
    let facilitator = HttpFacilitator::new(runtime::http::client(), &url);
    let error = facilitator.settle(&order()).await.unwrap_err();
    assert!(matches!(error, FacilitatorError::NoAnswer(_)), "{error}");
}

#[tokio::test]
async fn a_refusal_counts_with_any_status_and_what_it_leaves_out() {
    let refusal = json!({ "success": false, "errorReason": "invalid_payload" }).to_string();
    for status in [200, 400, 402, 403, 500] {
        let settlement = facilitator((status, vec![], refusal.clone()))
            .await
            .settle(&order())
            .await
            .unwrap();
        assert!(!settlement.success && settlement.transaction.is_empty());
        assert_eq!(settlement.error_reason.as_deref(), Some("invalid_payload"));
    }
    let invalid = json!({ "isValid": false, "invalidReason": "kyt_risk_detected" }).to_string();
    let verified = facilitator((403, vec![], invalid))
        .await
        .verify(&order())
        .await
        .unwrap();
    assert!(!verified.is_valid);
}

#[tokio::test]
async fn credentials_go_with_each_request_and_a_refusal_says_that_they_did() {
    let (url, seen) = stand_in((401, vec![], String::new())).await;
    let credentials = Credentials::api_key(None, "abc").unwrap();
    let facilitator =
        HttpFacilitator::new(runtime::http::client(), &url).with_credentials(credentials);
    let error = facilitator.verify(&order()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the facilitator refuses our credentials (401)"
    );
    facilitator.settle(&order()).await.unwrap_err();
    facilitator.supports("eip155:84532", "exact").await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|headers| headers["x-api-key"] == "abc"));
}

#[tokio::test]
async fn a_list_of_what_is_supported_is_read_with_leniency() {
    let ours = json!({ "x402Version": 2, "scheme": "exact", "network": "eip155:84532" });
    let v1 = json!({ "x402Version": 1, "scheme": "exact", "network": "base-sepolia" });
    let same_in_v1 = json!({ "x402Version": 1, "scheme": "exact", "network": "eip155:84532" });
    let upto = json!({ "x402Version": 2, "scheme": "upto", "network": "eip155:84532" });
    let other =
        json!({ "x402Version": 2, "scheme": "exact", "network": "eip155:8453", "extra": {} });
    let old = json!({ "scheme": "exact", "network": "base" });
    let nothing = Vec::new;
    for (body, expected) in [
        (json!({ "kinds": [v1, other, ours] }), Support::Supported),
        (
            json!({ "kinds": [null, 7, { "network": {} }, ours], "extensions": 1 }),
            Support::Supported,
        ),
        (
            json!({ "kinds": [v1, same_in_v1, upto, other, old, 7], "signers": {} }),
            Support::NotSupported(
                [
                    "exact on base-sepolia (version 1)",
                    "exact on eip155:84532 (version 1)",
                    "upto on eip155:84532",
                    "exact on eip155:8453",
                    "exact on base (version 1)",
                ]
                .map(str::to_owned)
                .into(),
            ),
        ),
        (json!({ "kinds": [] }), Support::NotSupported(nothing())),
    ] {
        let facilitator = facilitator((200, vec![], body.to_string())).await;
        assert_eq!(
            facilitator.supports("eip155:84532", "exact").await,
            expected,
            "{body}"
        );
    }
    for body in ["{}", "{\"kinds\": {}}", "[]", "<html>", ""] {
        let facilitator = facilitator((200, vec![], body.to_owned())).await;
        let support = facilitator.supports("eip155:84532", "exact").await;
        assert!(
            matches!(support, Support::Unknown(_)),
            "{body}: {support:?}"
        );
    }
    let refused = facilitator((429, vec![("retry-after", "9")], String::new())).await;
    let Support::Unknown(error) = refused.supports("eip155:84532", "exact").await else {
        panic!("a facilitator that is busy has not said no")
    };
    assert!(
        error.to_string().ends_with("wants us to wait: 9"),
        "{error}"
    );
}

#[test]
fn outcomes_of_extensions_are_read_and_bounded() {
    let read = |value: Value| extensions::read(STANDARD.encode(value.to_string()).as_bytes());
    let rejected = json!({ "bazaar": { "status": "rejected", "rejectedReason": "no\nschema" } });
    let outcomes = read(rejected).unwrap();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(
        (outcomes[0].status.as_str(), outcomes[0].reason.as_deref()),
        ("rejected", Some("no schema"))
    );
    let outcomes = read(json!({ "bazaar": { "status": "processing" }, "other": 7 })).unwrap();
    assert_eq!(outcomes[1].status, "unknown");
    let long = read(json!({ "bazaar": { "status": "x".repeat(3000) } })).unwrap();
    assert!(long[0].status.chars().count() < 210);
    assert_eq!(read(json!({ "bazaar": "x".repeat(10_000) })), None);
    assert_eq!(read(json!(["bazaar"])), None);
    assert_eq!(extensions::read(b"{}"), None);
}

/// A log of a test's own: the level and the fields of each event.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Log {
    fn on_event(
        &self,
        event: &tracing::Event<'_>,
        _context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let mut log = self.0.lock().unwrap();
        log.push_str(event.metadata().level().as_str());
        event.record(
            &mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                log.push_str(&format!(" {field}={value:?}"));
            },
        );
    }
}

/// What is logged of an answer with these extensions.
async fn logged(extensions: Value) -> String {
    let log = Log::default();
    let subscriber = tracing_subscriber::registry().with(log.clone());
    let header = STANDARD.encode(extensions.to_string()).leak();
    let body = json!({ "isValid": true }).to_string();
    let facilitator = facilitator((200, vec![("extension-responses", header)], body)).await;
    let _guard = tracing::subscriber::set_default(subscriber);
    facilitator.verify(&order()).await.unwrap();
    let text = log.0.lock().unwrap();
    text.clone()
}

#[tokio::test]
async fn a_listing_that_was_rejected_is_in_the_log() {
    let rejected = json!({ "bazaar": { "status": "rejected", "rejectedReason": "no schema" } });
    let log = logged(rejected).await;
    assert!(log.contains("WARN") && log.contains("no schema"), "{log}");
    let log = logged(json!({ "bazaar": { "status": "success" } })).await;
    assert!(log.contains("INFO") && log.contains("success"), "{log}");
}
