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
    payments: Arc<Mutex<Vec<Value>>>,
}

impl Seller {
    /// `offer` changes an honest offer; `answers` are given to payments, the last one again and again.
    async fn start(
        offer: impl Fn(&mut Value) + Clone + Send + Sync + 'static,
        answers: Vec<fn() -> Response>,
    ) -> Self {
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
                    seen.push(header::decode_offer(value.as_bytes()).unwrap());
                    answers[index]()
                }
            };
            async move { response }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, payments }
    }

    async fn sell(&self) -> Result<Paid, PayError> {
        self.client().get(self.url.clone()).await
    }

    fn client(&self) -> PayingClient {
        let policy = Policy {
            origin: self.url.origin(),
            asset: asset(),
            pay_to: Address::repeat_byte(2),
            amount_max: U256::from(10_000),
        };
        PayingClient::new(runtime::http::client(), Wallet::random().unwrap(), policy).unwrap()
    }

    /// As they came.
    fn documents(&self) -> Vec<Value> {
        self.payments.lock().unwrap().clone()
    }

    fn payments(&self) -> Vec<PaymentPayload> {
        let documents = self.documents().into_iter();
        documents
            .map(|document| serde_json::from_value(document).unwrap())
            .collect()
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

const TRANSACTION: B256 = B256::repeat_byte(0xab);

fn good() -> Response {
    let settlement =
        json!({ "success": true, "transaction": TRANSACTION, "network": "eip155:31337" });
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
        (&paid.body[..], paid.receipt.unwrap().transaction),
        (&b"rain"[..], TRANSACTION.to_string())
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

/// Without a chain to ask, nothing that a seller answers makes a payment that has left undone.
#[tokio::test]
async fn what_has_left_is_not_called_unpaid() {
    type Answer = fn() -> Response;
    let answers: [(Vec<Answer>, Option<u16>); 6] = [
        (vec![lost], Some(504)),
        (vec![lost, used], Some(402)),
        (vec![used], Some(402)),
        (vec![redirect], Some(307)),
        (vec![|| StatusCode::NOT_FOUND.into_response()], Some(404)),
        (vec![|| "no receipt".into_response()], Some(200)),
    ];
    for (answers, status) in answers {
        let seller = Seller::start(|_| {}, answers).await;
        let error = seller.sell().await.unwrap_err();
        let PayError::OutcomeUnknown { amount, answer, .. } = &error else {
            panic!("{status:?}: {error}");
        };
        assert_eq!(*amount, U256::from(10_000));
        assert_eq!(answer.as_ref().map(|answer| answer.status.as_u16()), status);
        let payments = seller.payments();
        assert!(
            payments.iter().all(|payment| *payment == payments[0]),
            "one authorization for the whole call"
        );
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let seller = Seller::start(|_| {}, vec![redirect]).await;
    let error = seller.sell().await.unwrap_err();
    assert!(error.to_string().contains("307"), "{error}");
    assert_eq!(seller.payments().len(), 1);
}

#[tokio::test]
async fn a_sellers_words_are_cut_and_clean() {
    let refusal = || {
        let reason = "no \u{1b}[31mmoney\u{202e}".to_owned() + &"x".repeat(5_000);
        let settlement = json!({ "success": false, "errorReason": reason, "transaction": "", "network": "eip155:31337" });
        let headers = [(header::PAYMENT_RESPONSE, header::encode(&settlement))];
        (StatusCode::PAYMENT_REQUIRED, headers).into_response()
    };
    let seller = Seller::start(|_| {}, vec![refusal]).await;
    let error = seller.sell().await.unwrap_err().to_string();
    assert!(error.contains("(no moneyxxx"), "{error}");
    assert!(
        error.chars().count() < 500 && error.ends_with("[cut])"),
        "{error}"
    );
}

#[tokio::test]
async fn the_cheapest_allowed_offer_is_taken_and_named() {
    type Change = fn(&mut Value);
    let offers: [(&str, Change, &str); 5] = [
        (
            "dear, cheap",
            |offers| offers[0]["amount"] = json!("500000"),
            "10000",
        ),
        (
            "cheap, dear",
            |offers| offers[1]["amount"] = json!("500000"),
            "10000",
        ),
        (
            "both allowed",
            |offers| offers[1]["amount"] = json!("9000"),
            "9000",
        ),
        (
            "the cheaper one pays somebody else",
            |offers| {
                offers[1]["amount"] = json!("1");
                offers[1]["payTo"] = json!(Address::ZERO);
            },
            "10000",
        ),
        (
            "the cheaper one cannot be read",
            |offers| {
                offers[0]["amount"] = json!("1");
                offers[0]["asset"] = json!("0x12");
            },
            "10000",
        ),
    ];
    for (name, change, amount) in offers {
        let offer = move |required: &mut Value| {
            let ours = required["accepts"][1].clone();
            required["accepts"] = json!([ours.clone(), ours]);
            change(&mut required["accepts"]);
        };
        let seller = Seller::start(offer, vec![good]).await;
        let quote = seller.client().quote(seller.url.clone()).await.unwrap();
        assert_eq!(quote.amount.to_string(), amount, "{name}");
        assert_eq!(
            seller.sell().await.unwrap().receipt.unwrap().amount,
            amount,
            "{name}"
        );
    }
    let dear = |required: &mut Value| {
        required["accepts"][1]["amount"] = json!("500000");
        let dearer = required["accepts"][1].clone();
        required["accepts"].as_array_mut().unwrap().push(dearer);
        required["accepts"][2]["amount"] = json!("900000");
    };
    let seller = Seller::start(dear, vec![good]).await;
    let quote = seller.client().quote(seller.url.clone()).await.unwrap();
    assert_eq!(quote.amount, U256::from(500_000));
    let error = seller.sell().await.unwrap_err();
    let cheapest = U256::from(500_000);
    assert!(matches!(error, PayError::PriceAboveLimit { price, .. } if price == cheapest));
}

#[tokio::test]
async fn what_sellers_write_in_their_own_way_is_read_and_goes_back_as_it_came() {
    let offer = |required: &mut Value| {
        required["accepts"][1]["maxTimeoutSeconds"] = json!(60.0);
        // Many ways to pay, and a schema of what is sold.
        required["extensions"]["bazaar"] = json!({ "schema": "x".repeat(15_000), "empty": null });
    };
    let seller = Seller::start(offer, vec![good]).await;
    seller.sell().await.unwrap();
    let mut expected = required(&seller.url);
    offer(&mut expected);
    let mut sent = seller.documents()[0].clone();
    assert_eq!(sent["resource"], expected["resource"]);
    assert_eq!(sent["accepted"], expected["accepts"][1]);
    assert!(sent["accepted"]["maxTimeoutSeconds"].is_f64());
    let info = sent["extensions"]["payment-identifier"]["info"]
        .as_object_mut()
        .unwrap();
    assert!(info.remove("id").is_some());
    assert_eq!(sent["extensions"], expected["extensions"]);
}

#[test]
fn a_seller_behind_tls_may_know_its_address_without() {
    let policy = |url: &Url| Policy {
        origin: url.origin(),
        asset: asset(),
        pay_to: Address::repeat_byte(2),
        amount_max: U256::from(10_000),
    };
    let asked = "https://shop.example/thing?city=Oslo";
    for (asked, offered, is_ours) in [
        (asked, asked, true),
        (asked, "http://shop.example/thing?city=Oslo", true),
        (asked, "http://shop.example:443/thing?city=Oslo", true),
        (asked, "http://shop.example:8080/thing?city=Oslo", false),
        (asked, "http://other.example/thing?city=Oslo", false),
        (asked, "http://shop.example/thing?city=Rome", false),
        (asked, "http://shop.example/other?city=Oslo", false),
        (
            "http://shop.example/thing",
            "https://shop.example/thing",
            false,
        ),
        (asked, "thing", false),
        (asked, "", false),
    ] {
        let url = Url::parse(asked).unwrap();
        let mut required = required(&url);
        required["resource"]["url"] = json!(offered);
        let required = serde_json::from_value(required).unwrap();
        let chosen = choose::choose(&policy(&url), &url, required);
        assert_eq!(chosen.is_ok(), is_ours, "{offered} for {asked}");
    }
}

#[tokio::test]
async fn bad_offers_are_not_signed() {
    type Change = fn(&mut Value);
    let offers: [(&str, Change); 15] = [
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
        ("`amount` is \"-1\", and not a decimal string", |required| {
            required["accepts"][1]["amount"] = json!("-1")
        }),
        ("`amount` is 10000, and not a decimal string", |required| {
            required["accepts"][1]["amount"] = json!(10000)
        }),
        ("`asset` is \"0x12\"", |required| {
            required["accepts"][1]["asset"] = json!("0x12")
        }),
        ("has no `maxTimeoutSeconds`", |required| {
            let offer = required["accepts"][1].as_object_mut().unwrap();
            offer.remove("maxTimeoutSeconds").unwrap();
        }),
        ("`maxTimeoutSeconds` is 59.5", |required| {
            required["accepts"][1]["maxTimeoutSeconds"] = json!(59.5)
        }),
        ("`maxTimeoutSeconds` is -1", |required| {
            required["accepts"][1]["maxTimeoutSeconds"] = json!(-1)
        }),
        ("no offer of scheme `exact`", |required| {
            required["accepts"].as_array_mut().unwrap().truncate(1)
        }),
        ("no way to pay", |required| required["accepts"] = json!([])),
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
