use super::*;
use crate::Asset;
use crate::wire::PaymentPayload;
use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, Mutex};

/// A seller that may be up to something: it makes its own offers and answers.
struct Seller {
    url: Url,
    payments: Arc<Mutex<Vec<PaymentPayload>>>,
}

impl Seller {
    /// `offer` changes an honest offer; `answers` are given to payments, the last one again and again.
    async fn start(offer: fn(&mut Value), answers: Vec<fn() -> Response>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let url = base.join("/thing?city=Oslo").unwrap();
        let payments = Arc::new(Mutex::new(Vec::new()));
        let (seen, own_url) = (payments.clone(), url.clone());
        let answer = move |request: Request| {
            let response = match request.headers().get(header::PAYMENT_SIGNATURE) {
                None => {
                    let mut required = required(&own_url);
                    offer(&mut required);
                    let headers = [(header::PAYMENT_REQUIRED, header::encode(&required))];
                    (StatusCode::PAYMENT_REQUIRED, headers).into_response()
                }
                Some(value) => {
                    let mut seen = seen.lock().unwrap();
                    let index = seen.len().min(answers.len() - 1);
                    seen.push(header::decode(value.as_bytes()).unwrap());
                    answers[index]()
                }
            };
            async move { response }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, payments }
    }

    async fn sell(&self) -> Result<Paid, PayError> {
        let policy = Policy {
            origin: self.url.origin(),
            asset: asset(),
            pay_to: Address::repeat_byte(2),
            amount_max: U256::from(10_000),
        };
        let client =
            PayingClient::new(runtime::http::client(), Wallet::random().unwrap(), policy).unwrap();
        client.get(self.url.clone()).await
    }

    fn payments(&self) -> Vec<PaymentPayload> {
        self.payments.lock().unwrap().clone()
    }
}

fn asset() -> Asset {
    Asset {
        network: "eip155:31337".into(),
        address: Address::repeat_byte(1),
        name: "USDC".into(),
        version: "2".into(),
        decimals: 6,
    }
}

fn required(url: &Url) -> Value {
    json!({
        "x402Version": 2,
        "resource": { "url": url.as_str(), "own": "field" },
        "accepts": [
            { "scheme": "exact", "network": "solana:mainnet", "payTo": "9xQe" },
            { "scheme": "exact", "network": "eip155:31337", "amount": "10000", "asset": Address::repeat_byte(1),
              "payTo": Address::repeat_byte(2), "maxTimeoutSeconds": 60, "extra": { "name": "USDC", "version": "2" }, "own": "field" },
        ],
        "extensions": { "payment-identifier": { "info": { "required": false } } },
    })
}

fn good() -> Response {
    let settlement = json!({ "success": true, "transaction": "0xabc", "network": "eip155:31337" });
    (
        [(header::PAYMENT_RESPONSE, header::encode(&settlement))],
        "rain",
    )
        .into_response()
}

fn lost() -> Response {
    StatusCode::GATEWAY_TIMEOUT.into_response()
}

fn used() -> Response {
    StatusCode::PAYMENT_REQUIRED.into_response()
}

fn redirect() -> Response {
    (
        StatusCode::TEMPORARY_REDIRECT,
        [("location", "http://127.0.0.1:9/elsewhere")],
    )
        .into_response()
}

#[tokio::test]
async fn buys_with_a_short_identified_authorization() {
    let seller = Seller::start(
        |required| required["accepts"][1]["maxTimeoutSeconds"] = json!(1_000_000_000),
        vec![good],
    )
    .await;
    let paid = seller.sell().await.unwrap();
    assert_eq!(
        (&paid.body[..], paid.receipt.unwrap().transaction.as_str()),
        (&b"rain"[..], "0xabc")
    );
    let payments = seller.payments();
    let authorization = &payments[0].payload.authorization;
    assert!(authorization.valid_before <= U256::from(crate::now_seconds() + VALID_SECONDS_MAX));
    assert!(payments[0].identifier().is_some());
    assert_eq!(
        payments[0].accepted.as_ref().unwrap().max_timeout_seconds,
        1_000_000_000
    );
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_with_the_same_payment() {
    let seller = Seller::start(|_| {}, vec![lost, good]).await;
    assert!(seller.sell().await.unwrap().receipt.is_some());
    let payments = seller.payments();
    assert_eq!(payments.len(), 2);
    assert_eq!(payments[0], payments[1]);
}

#[tokio::test]
async fn what_was_lost_is_not_called_refused() {
    for answers in [vec![lost as fn() -> Response], vec![lost, used]] {
        let seller = Seller::start(|_| {}, answers).await;
        let error = seller.sell().await.unwrap_err();
        assert!(matches!(error, PayError::OutcomeUnknown { .. }), "{error}");
        let payments = seller.payments();
        assert!(
            payments.iter().all(|payment| *payment == payments[0]),
            "one authorization for the whole call"
        );
    }
    let seller = Seller::start(|_| {}, vec![used]).await;
    assert!(matches!(seller.sell().await, Err(PayError::Refused { .. })));
    assert_eq!(seller.payments().len(), 1);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let seller = Seller::start(|_| {}, vec![redirect]).await;
    let paid = seller.sell().await.unwrap();
    assert_eq!(paid.status.as_u16(), 307);
}

#[tokio::test]
async fn bad_offers_are_not_signed() {
    type Change = fn(&mut Value);
    let offers: [(&str, Change); 9] = [
        ("resource", |required| {
            required["resource"]["url"] = json!("http://elsewhere.test/thing?city=Oslo")
        }),
        ("resource", |required| required["resource"] = json!({})),
        ("recipient", |required| {
            required["accepts"][1]["payTo"] = json!(Address::ZERO)
        }),
        ("transfer method", |required| {
            required["accepts"][1]["extra"]["assetTransferMethod"] = json!("permit2")
        }),
        ("limit", |required| {
            required["accepts"][1]["amount"] = json!("10001")
        }),
        ("cannot be read", |required| {
            required["accepts"][1]["amount"] = json!("-1")
        }),
        ("cannot be read", |required| required["accepts"] = json!([])),
        ("cannot be read", |required| {
            required["x402Version"] = json!(7)
        }),
        ("no time", |required| {
            required["accepts"][1]["maxTimeoutSeconds"] = json!(5)
        }),
    ];
    for (expected, offer) in offers {
        let seller = Seller::start(offer, vec![good]).await;
        let error = seller.sell().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(seller.payments().is_empty());
    }
}
