mod forwarding;
mod fuzz;
mod listing;
mod offers;
mod page;
mod proof;
mod recovery;
mod shop;
mod wallets;

use crate::wire::Authorization;
use crate::{Address, U256, header, reason};
use axum::body::Body;
use axum::extract::Request;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use shop::{Fault, Shop, TRANSACTION};
use tower::ServiceExt;

#[tokio::test]
async fn without_payment_the_offer() {
    let shop = Shop::new("eip155:31337");
    let reply = shop
        .get("/thing?city=S%C3%A3o&x=%22", HeaderMap::new())
        .await;
    assert_eq!(reply.status, 402);
    assert_eq!(reply.headers[CACHE_CONTROL], "no-store");
    let mut required = reply.header(&header::PAYMENT_REQUIRED);
    assert!(
        required
            .as_object_mut()
            .unwrap()
            .remove("extensions")
            .unwrap()["payment-identifier"]
            .is_object()
    );
    let expected = json!({
        "x402Version": 2,
        "error": "Payment required",
        "resource": { "url": "http://shop.test/thing?city=S%C3%A3o&x=%22", "description": "A \"test\"", "mimeType": "application/json" },
        "accepts": [{
            "scheme": "exact", "network": "eip155:31337", "amount": "10000",
            "asset": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
            "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
            "maxTimeoutSeconds": 60, "extra": { "name": "USDC", "version": "2" },
        }],
    });
    assert_eq!(required, expected);
    assert!(reply.headers[header::PAYMENT_REQUIRED].len() < 1600);
}

#[tokio::test]
async fn a_payment_buys_one_answer_and_a_replay_none() {
    let shop = Shop::new("eip155:31337");
    let payment = shop.good();
    let reply = shop.pay("/thing", &payment).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.headers[CACHE_CONTROL], "private");
    let receipt = reply.header(&header::PAYMENT_RESPONSE);
    assert_eq!(
        (
            receipt["success"].as_bool(),
            receipt["transaction"].as_str()
        ),
        (Some(true), Some(TRANSACTION.to_string().as_str()))
    );
    assert_eq!(receipt["payer"], shop.wallet.address().to_checksum(None));
    for target in ["/thing", "/thing?other"] {
        let replay = shop.pay(target, &payment).await;
        assert_eq!(
            (replay.status, replay.error().as_str()),
            (402, reason::NONCE_USED)
        );
    }
    assert_eq!(shop.counts(), (1, 1));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn bad_payments_reach_neither_handler_nor_ledger() {
    let shop = Shop::new("eip155:31337");
    let now = crate::now_seconds();
    let signed = |change: fn(&mut Authorization, u64)| {
        let mut authorization = shop.authorization();
        change(&mut authorization, now);
        shop.payment(&authorization)
    };
    let edited = |pointer: &str, value: Value| {
        let mut payment = shop.good();
        *payment.pointer_mut(pointer).unwrap() = value;
        payment
    };
    let mut stranger = shop.good();
    stranger["payload"]["authorization"]["from"] = json!(Address::repeat_byte(7));
    for (name, payment, expected) in [
        (
            "forged",
            edited(
                "/payload/signature",
                json!(format!("0x{}", "11".repeat(65))),
            ),
            reason::SIGNATURE,
        ),
        (
            "short signature",
            edited("/payload/signature", json!("0x12")),
            reason::SIGNATURE,
        ),
        ("another's", stranger, reason::SIGNATURE),
        (
            "expired",
            signed(|a, now| a.valid_before = U256::from(now - 1)),
            reason::VALID_BEFORE,
        ),
        (
            "about to expire",
            signed(|a, now| a.valid_before = U256::from(now + 3)),
            reason::VALID_BEFORE,
        ),
        (
            "not yet valid",
            signed(|a, now| a.valid_after = U256::from(now + 60)),
            reason::VALID_AFTER,
        ),
        (
            "under-paid",
            signed(|a, _| a.value = U256::from(9_999)),
            reason::VALUE_MISMATCH,
        ),
        (
            "over-paid",
            signed(|a, _| a.value = U256::from(10_001)),
            reason::VALUE_MISMATCH,
        ),
        (
            "to another",
            signed(|a, _| a.to = a.from),
            reason::RECIPIENT_MISMATCH,
        ),
        (
            "own price",
            edited("/accepted/amount", json!("1")),
            reason::INVALID_REQUIREMENTS,
        ),
        (
            "own recipient",
            edited("/accepted/payTo", json!(Address::ZERO)),
            reason::INVALID_REQUIREMENTS,
        ),
        (
            "own domain",
            edited("/accepted/extra/name", json!("USD Coin")),
            reason::INVALID_REQUIREMENTS,
        ),
        (
            "wrong network",
            edited("/accepted/network", json!("eip155:84532")),
            reason::INVALID_NETWORK,
        ),
        (
            "wrong scheme",
            edited("/accepted/scheme", json!("upto")),
            reason::UNSUPPORTED_SCHEME,
        ),
        (
            "wrong version",
            edited("/x402Version", json!(3)),
            reason::INVALID_VERSION,
        ),
        (
            "version 1 here",
            edited("/x402Version", json!(1)),
            reason::UNSUPPORTED_SCHEME,
        ),
        (
            "number",
            edited("/payload/authorization/value", json!(10_000)),
            reason::INVALID_PAYLOAD,
        ),
        (
            "signed number",
            edited("/payload/authorization/value", json!("+10000")),
            reason::INVALID_PAYLOAD,
        ),
        (
            "exponent",
            edited("/payload/authorization/value", json!("1e4")),
            reason::INVALID_PAYLOAD,
        ),
        (
            "short nonce",
            edited("/payload/authorization/nonce", json!("0x01")),
            reason::INVALID_PAYLOAD,
        ),
        ("nothing", json!(null), reason::INVALID_PAYLOAD),
    ] {
        let reply = shop.pay("/thing", &payment).await;
        assert_eq!(
            (reply.status, reply.error().as_str()),
            (402, expected),
            "{name}"
        );
    }
    for garbage in ["", "%%%", "aGVsbG8=", &"A".repeat(20_000)] {
        let mut headers = HeaderMap::new();
        headers.insert(header::PAYMENT_SIGNATURE, garbage.parse().unwrap());
        let reply = shop.get("/thing", headers).await;
        assert_eq!(
            (reply.status, reply.error().as_str()),
            (402, reason::INVALID_PAYLOAD),
            "{garbage:.20}"
        );
    }
    let mut twice = HeaderMap::new();
    twice.append(header::PAYMENT_SIGNATURE, header::encode(&shop.good()));
    twice.append(header::X_PAYMENT, header::encode(&shop.good()));
    assert_eq!(
        shop.get("/thing", twice).await.error(),
        reason::INVALID_PAYLOAD
    );
    assert_eq!(shop.counts(), (0, 0));
}

#[tokio::test]
async fn twenty_at_once_buy_one_answer() {
    let shop = Shop::new("eip155:31337");
    for payment in [shop.good(), shop.identified()] {
        let before = shop.counts();
        let replies =
            futures_util::future::join_all((0..20).map(|_| shop.pay("/thing", &payment))).await;
        let paid = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(paid, 1);
        assert_eq!(shop.counts(), (before.0 + 1, before.1 + 1));
    }
}

#[tokio::test]
async fn failures_are_not_charged_and_leave_the_payment_good() {
    let shop = Shop::new("eip155:31337");
    let payment = shop.good();
    assert_eq!(shop.pay("/thing?fail", &payment).await.status, 404);
    assert_eq!(shop.pay("/thing?panic", &payment).await.status, 500);
    shop.ledger.faults.lock().unwrap().push(Fault::RefuseVerify);
    let refused = shop.pay("/thing", &payment).await;
    assert_eq!(
        (refused.status, refused.error().as_str()),
        (402, reason::UNEXPECTED_VERIFY),
        "no inner text leaks"
    );
    shop.ledger.faults.lock().unwrap().push(Fault::RefuseSettle);
    let unsettled = shop.pay("/thing", &payment).await;
    assert_eq!(unsettled.status, 402);
    assert_eq!(
        unsettled.header(&header::PAYMENT_RESPONSE)["errorReason"],
        reason::INSUFFICIENT_BALANCE
    );
    shop.ledger.faults.lock().unwrap().push(Fault::NotSent);
    assert_eq!(shop.pay("/thing", &payment).await.status, 502);
    assert_eq!(shop.counts().1, 0);

    let head = Request::builder()
        .method(Method::HEAD)
        .uri("/thing")
        .header(header::PAYMENT_SIGNATURE, header::encode(&payment));
    let head = shop
        .router
        .clone()
        .oneshot(head.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(head.status(), 402, "HEAD is never charged");

    assert_eq!(shop.pay("/thing", &payment).await.status, 200);
    assert_eq!(shop.counts().1, 1);
}

#[tokio::test]
async fn a_lost_settlement_is_reconciled() {
    let shop = Shop::new("eip155:31337");
    shop.ledger.faults.lock().unwrap().push(Fault::AnswerLost);
    let reply = shop.pay("/thing", &shop.good()).await;
    assert_eq!(
        reply.status, 200,
        "asked for a second time, the ledger says that it was paid"
    );
    assert_eq!(shop.counts(), (1, 1));

    let payment = shop.good();
    shop.ledger
        .faults
        .lock()
        .unwrap()
        .extend([Fault::AnswerLost, Fault::Silent]);
    let unknown = shop.pay("/thing", &payment).await;
    assert_eq!(unknown.status, 502);
    assert!(unknown.body.contains("settlementUnknown"));
    assert_eq!(
        shop.pay("/thing?other", &payment).await.status,
        402,
        "the answer waits for its own question only"
    );
    assert_eq!(shop.pay("/thing", &payment).await.status, 200);
    assert_eq!(
        shop.counts(),
        (2, 2),
        "the handler's first answer was delivered"
    );
}

#[tokio::test]
async fn an_identified_payment_gets_its_answer_again() {
    let shop = Shop::new("eip155:31337");
    let payment = shop.identified();
    let first = shop.pay("/thing", &payment).await;
    let second = shop.pay("/thing", &payment).await;
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(
        first.headers[header::PAYMENT_RESPONSE],
        second.headers[header::PAYMENT_RESPONSE]
    );
    assert_eq!(shop.pay("/thing?other", &payment).await.status, 402);
    assert_eq!(
        shop.pay("/thing", &shop.identified()).await.status,
        409,
        "the same identifier, another payment"
    );
    assert_eq!(shop.counts(), (1, 1));
}

#[tokio::test]
async fn a_buyer_that_hangs_up_does_not_stop_the_settlement() {
    let shop = Shop::new("eip155:31337");
    let payment = shop.identified();
    let hasty = tokio::time::timeout(
        std::time::Duration::from_millis(5),
        shop.pay("/thing", &payment),
    );
    assert!(hasty.await.is_err());
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(shop.pay("/thing", &payment).await.status, 200);
    assert_eq!(shop.counts(), (1, 1));
}

#[tokio::test]
async fn version_1_where_the_network_has_a_name() {
    let shop = Shop::new("eip155:84532");
    let offer: Value =
        serde_json::from_str(&shop.get("/thing", HeaderMap::new()).await.body).unwrap();
    assert_eq!(offer["x402Version"], 1);
    assert_eq!(offer["accepts"][0]["network"], "base-sepolia");
    assert_eq!(offer["accepts"][0]["maxAmountRequired"], "10000");
    assert_eq!(offer["accepts"][0]["resource"], "http://shop.test/thing");
    let mut payment = shop.good();
    payment["x402Version"] = json!(1);
    payment["scheme"] = json!("exact");
    payment["network"] = json!("base-sepolia");
    payment.as_object_mut().unwrap().remove("accepted");
    let mut headers = HeaderMap::new();
    headers.insert(header::X_PAYMENT, header::encode(&payment));
    let reply = shop.get("/thing", headers).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(
        reply.header(&header::X_PAYMENT_RESPONSE)["network"],
        "base-sepolia"
    );
}
