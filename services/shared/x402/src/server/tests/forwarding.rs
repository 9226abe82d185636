//! What the facilitator is sent: the payment as the buyer wrote it, and our own terms.

use super::super::*;
use super::shop::Shop;
use crate::facilitator::HttpFacilitator;
use crate::store::MemoryStore;
use crate::wire::{FacilitatorRequest, SettlementResponse, VerifyResponse};
use crate::{header, reason};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Mutex;
use url::Url;

/// A facilitator that keeps the bodies and says yes.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Bytes>>>);

impl Recorder {
    async fn open(&self) -> Url {
        let keep = |recorder: &Self, body: Bytes| recorder.0.lock().unwrap().push(body);
        let (first, second) = (self.clone(), self.clone());
        let verify = move |body: Bytes| async move {
            keep(&first, body);
            Json(VerifyResponse {
                is_valid: true,
                invalid_reason: None,
                payer: None,
            })
        };
        let settle = move |body: Bytes| async move {
            keep(&second, body);
            Json(SettlementResponse {
                success: true,
                error_reason: None,
                payer: None,
                transaction: format!("0x{}", "11".repeat(32)),
                network: "eip155:84532".into(),
                extra: None,
            })
        };
        let router = Router::new()
            .route("/verify", post(verify))
            .route("/settle", post(settle));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Url::parse(&url).unwrap()
    }
}

async fn shop(recorder: &Recorder) -> Shop {
    let mut shop = Shop::new("eip155:84532");
    let facilitator = HttpFacilitator::new(runtime::http::client(), &recorder.open().await);
    let seller = Seller::with_store(Arc::new(facilitator), Arc::new(MemoryStore::default()));
    let layer = seller.layer(&shop.sale).unwrap();
    shop.router = Router::new().route("/thing", axum::routing::get(|| async {}).layer(layer));
    shop
}

fn sent(json: &str) -> HeaderMap {
    let encoded = header::encode_json(json.as_bytes());
    HeaderMap::from_iter([(header::PAYMENT_SIGNATURE, encoded)])
}

#[tokio::test]
async fn a_payment_is_forwarded_to_the_letter() {
    let recorder = Recorder::default();
    let shop = shop(&recorder).await;
    for (resource, extensions) in [
        (
            json!({ "url": "http://shop.test/thing", "description": "a \"thing\"", "tags": ["é"] }),
            json!({ "bazaar": { "info": { "n": 1.50 } }, "payment-identifier": { "info": { "id": "pay_0123456789abcdef" } } }),
        ),
        // Shapes that nobody has announced.
        (
            json!("http://shop.test/thing"),
            json!({ "new": [null, { "Value": 1 }] }),
        ),
        (json!(["http://shop.test/thing"]), Value::Null),
        (json!({ "url": 7, "mimeType": {} }), json!({})),
    ] {
        let mut payment = shop.good();
        payment["resource"] = resource;
        payment["extensions"] = extensions;
        payment["accepted"]["extra"]["more"] = json!(1);
        payment["payload"]["more"] = json!([1.0, "\u{e9}"]);
        // Written as no writer of ours would write it.
        let json = serde_json::to_string_pretty(&payment)
            .unwrap()
            .replace("1.0", "1.00e0");
        recorder.0.lock().unwrap().clear();
        let reply = shop.get("/thing", sent(&json)).await;
        assert_eq!(reply.status, 200, "{reply:?}\n{json}");
        let bodies = recorder.0.lock().unwrap().clone();
        assert_eq!(bodies.len(), 2);
        for body in bodies {
            let body = std::str::from_utf8(&body).unwrap();
            assert!(body.contains(&json), "{body}\n{json}");
            let read: Value = serde_json::from_str(body).unwrap();
            assert_eq!(read["x402Version"], 2);
            assert_eq!(read["paymentPayload"], payment);
            assert_eq!(
                read["paymentRequirements"],
                json!(shop.price.requirements())
            );
            assert_eq!(read.as_object().unwrap().len(), 3);
            assert!(serde_json::from_str::<FacilitatorRequest>(body).is_ok());
        }
    }
}

#[tokio::test]
async fn version_1_is_translated() {
    let recorder = Recorder::default();
    let shop = shop(&recorder).await;
    let mut payment = shop.good();
    payment["x402Version"] = json!(1);
    payment["scheme"] = json!("exact");
    payment["network"] = json!("base-sepolia");
    payment.as_object_mut().unwrap().remove("accepted");
    let headers = HeaderMap::from_iter([(header::X_PAYMENT, header::encode(&payment))]);
    assert_eq!(shop.get("/thing", headers).await.status, 200);
    let body: Value = serde_json::from_slice(&recorder.0.lock().unwrap()[0]).unwrap();
    assert_eq!(body["x402Version"], 2);
    assert_eq!(body["paymentPayload"]["x402Version"], 2);
    assert_eq!(
        body["paymentPayload"]["accepted"],
        json!(shop.price.requirements())
    );
    assert_eq!(
        body["paymentPayload"]["resource"]["url"],
        "http://shop.test/thing"
    );
    assert_eq!(body["paymentPayload"]["payload"], payment["payload"]);
}

/// Since it is forwarded as it is, nothing in it may have two readings.
#[tokio::test]
async fn payments_with_two_readings_are_refused() {
    let shop = Shop::new("eip155:31337");
    let good = serde_json::to_string(&shop.good()).unwrap();
    let value = r#""value":"10000""#;
    assert!(good.contains(value) && good.ends_with('}'));
    let nonce = format!(r#""nonce":"0x{}""#, "00".repeat(32));
    for (name, json) in [
        (
            "a number twice",
            good.replace(value, &format!(r#"{value},"value":"1""#)),
        ),
        (
            "the same number twice",
            good.replace(value, &format!("{value},{value}")),
        ),
        (
            "in capitals",
            good.replace(value, &format!(r#"{value},"Value":"1""#)),
        ),
        (
            "escaped",
            good.replace(value, &format!(r#"{value},"\u0076alue":"1""#)),
        ),
        (
            "another nonce",
            good.replace(value, &format!("{value},{}", nonce.replace('n', "N"))),
        ),
        ("two payloads", good.replacen('{', r#"{"payload":null,"#, 1)),
        (
            "another payload",
            good.replacen('{', r#"{"Payload":{},"#, 1),
        ),
        ("two offers", good.replacen('{', r#"{"accepted":{},"#, 1)),
        ("another offer", good.replacen('{', r#"{"ACCEPTED":{},"#, 1)),
        (
            "two versions",
            good.replacen('{', r#"{"x402Version":1,"#, 1),
        ),
        ("something after it", format!("{good}{{}}")),
    ] {
        let reply = shop.get("/thing", sent(&json)).await;
        let found = (reply.status, reply.error());
        assert_eq!(
            found,
            (402, reason::INVALID_PAYLOAD.to_owned()),
            "{name}: {json}"
        );
    }
    let mut latin = good.clone().into_bytes();
    latin.truncate(latin.len() - 1);
    latin.extend(b",\"note\":\"\xe9\"}");
    let header = header::encode_json(&latin);
    let headers = HeaderMap::from_iter([(header::PAYMENT_SIGNATURE, header)]);
    assert_eq!(
        shop.get("/thing", headers).await.error(),
        reason::INVALID_PAYLOAD
    );
    assert_eq!(shop.counts(), (0, 0));
    assert_eq!(shop.get("/thing", sent(&good)).await.status, 200);
}
