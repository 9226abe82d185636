//! Being listed by a hosted facilitator: it reads what the buyer echoes of our 402, and what we forward of that.

use crate::peers::{Bank, assert_bought, script, wallet};
use crate::process::{run, tool};
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use url::Url;
use x402::exact::Domain;
use x402::wire::{Authorization, Requirements};
use x402::{B256, U256};

/// A second price, on a network that has a name in version 1.
const MORE_PRICES: &str = r#"[{"price": "0.02", "network": "eip155:84532", "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    "name": "USDC", "version": "2", "decimals": 6, "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"}]"#;

/// Stands between a seller and its facilitator and keeps what is sent.
#[derive(Clone)]
struct Recorder {
    facilitator: Url,
    seen: Arc<Mutex<Vec<(String, Bytes)>>>,
}

impl Recorder {
    async fn start(facilitator: &Url) -> (Self, Url) {
        let recorder = Self {
            facilitator: facilitator.clone(),
            seen: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/supported", get(supported))
            .fallback(forward)
            .with_state(recorder.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (recorder, Url::parse(&url).unwrap())
    }
}

/// A seller does not start where its facilitator does not settle on each network of its price table.
async fn supported() -> Json<Value> {
    let kind = |network: &str| json!({ "x402Version": 2, "scheme": "exact", "network": network });
    Json(json!({ "kinds": [kind("eip155:31337"), kind("eip155:84532")] }))
}

async fn forward(State(recorder): State<Recorder>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.path().to_owned();
    recorder
        .seen
        .lock()
        .unwrap()
        .push((path.clone(), body.clone()));
    let url = recorder.facilitator.join(&path).unwrap();
    let request = runtime::http::client().request(parts.method, url);
    let answer = request
        .header(CONTENT_TYPE, "application/json")
        .body(body)
        .send()
        .await
        .unwrap();
    (answer.status(), answer.bytes().await.unwrap()).into_response()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs @x402/extensions and ajv: cargo xtask test payments"]
async fn the_reference_lists_our_402() {
    let bank = Bank::ledger();
    let (_recorder, facilitator) = Recorder::start(bank.facilitator()).await;
    let facilitator = ("FACILITATOR_URL", facilitator.as_str());
    let (_shop, url) = bank.shop_with(&[facilitator, ("MORE_PRICES", MORE_PRICES)]);
    // A list asks for the path alone.
    let path = url.join("/weather").unwrap();
    let read = run(
        &tool("TURNPIKE_TEST_NODE"),
        &[&script("bazaar.mjs")],
        &bank.told(&path),
    );
    let read: Value = serde_json::from_str(&read).unwrap();
    for check in ["schema", "specification"] {
        assert_eq!(read[check], json!({ "valid": true }), "{read}");
    }
    assert_eq!(read["strict"], json!([]));
    for (change, errors) in read["refused"].as_object().unwrap() {
        assert!(
            errors.as_u64().unwrap() > 0,
            "{change} is allowed by the schema"
        );
    }
    let metadata = json!({ "serviceName": "Weather of a city", "tags": ["weather", "climate"] });
    assert_eq!(read["metadata"], metadata);
    let listed = &read["listed"];
    assert_eq!(listed["discoveryInfo"], read["bazaar"]["info"]);
    assert_eq!(
        (&listed["method"], &listed["mimeType"]),
        (&json!("GET"), &json!("application/json"))
    );
    assert_eq!(listed["resourceUrl"], path.as_str());
    assert_eq!(listed["description"], read["resource"]["description"]);
    let input = &read["bazaar"]["info"]["input"];
    assert_eq!(&read["listedV1"]["input"], input);
    assert_eq!(read["listedV1"]["output"], read["bazaar"]["info"]["output"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs @x402/fetch: cargo xtask test payments"]
async fn what_x402_fetch_echoes_reaches_the_facilitator_to_the_letter() {
    let bank = Bank::ledger();
    let (recorder, facilitator) = Recorder::start(bank.facilitator()).await;
    let facilitator = ("FACILITATOR_URL", facilitator.as_str());
    let (_shop, url) = bank.shop_with(&[facilitator, ("MORE_PRICES", MORE_PRICES)]);
    let offer = runtime::http::client()
        .get(url.clone())
        .send()
        .await
        .unwrap();
    let header = offer.headers()["payment-required"].as_bytes();
    let offered: Value = x402::header::decode(header).unwrap();
    let node = tool("TURNPIKE_TEST_NODE");
    let told = tokio::task::spawn_blocking({
        let told = bank.told(&url);
        move || run(&node, &[&script("buyer-v2.mjs")], &told)
    });
    let answer = assert_bought(&told.await.unwrap());
    bank.assert_paid(1).await;

    let sent: Value = x402::header::decode(answer["sent"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(sent["resource"], offered["resource"]);
    assert_eq!(
        sent["extensions"]["bazaar"],
        offered["extensions"]["bazaar"]
    );
    let seen = recorder.seen.lock().unwrap();
    let paths: Vec<_> = seen.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/verify", "/settle"]);
    for (_, body) in seen.iter() {
        let body: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(body["paymentPayload"], sent);
        assert_eq!(body["paymentRequirements"], offered["accepts"][0]);
    }
}

/// A payment whose header is as long as can be, through the HTTP server of the program: buyers echo what sellers say.
#[tokio::test]
#[ignore = "needs the programs: cargo xtask test payments"]
async fn long_echoes_are_taken_up_to_a_limit() {
    let bank = Bank::ledger();
    let (_shop, url) = bank.shop();
    let client = runtime::http::client();
    let offer = client.get(url.clone()).send().await.unwrap();
    let offered: Value =
        x402::header::decode(offer.headers()["payment-required"].as_bytes()).unwrap();
    let accepted: Requirements = serde_json::from_value(offered["accepts"][0].clone()).unwrap();
    let authorization = Authorization {
        from: wallet().address(),
        to: accepted.pay_to,
        value: accepted.amount,
        valid_after: U256::ZERO,
        valid_before: U256::from(x402::now_seconds() + 60),
        nonce: B256::repeat_byte(1),
    };
    let signature = wallet().sign(&authorization, Domain::of(bank.asset()).unwrap());
    let payment = |padding: usize| {
        x402::header::encode(&json!({
            "x402Version": 2,
            "accepted": accepted,
            "payload": { "signature": signature, "authorization": authorization },
            "extensions": { "echo": "a".repeat(padding) },
        }))
    };
    let room = (x402::header::BYTES_MAX - payment(0).len()) / 4 * 3;
    for (padding, status) in [(room + 3, 402), (room - 3, 200)] {
        let paid = client
            .get(url.clone())
            .header("payment-signature", payment(padding));
        assert_eq!(paid.send().await.unwrap().status().as_u16(), status);
    }
    bank.assert_paid(1).await;
}
