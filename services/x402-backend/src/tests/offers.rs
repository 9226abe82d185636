//! What we say of ourselves before anybody pays, and to whom.

use super::{listen, market};
use crate::app::router;
use crate::config::OtherPrice;
use serde_json::Value;
use x402::U256;

#[tokio::test]
async fn what_is_for_sale_is_free_to_see() {
    let market = market().await;
    assert_eq!(market.status("health").await.0, 200);
    assert_eq!(market.status("").await.0, 200);
    let (_, sale) = market.status(".well-known/x402").await;
    let resource = &sale["resources"][0];
    assert_eq!(
        resource["resource"],
        market.shop.join("weather").unwrap().as_str()
    );
    assert_eq!(resource["accepts"][0]["amount"], "10000");
    let required = ["https://", "public name"];
    let problems = resource["listingProblems"].as_array().unwrap();
    for (problem, text) in problems.iter().zip(required) {
        assert!(problem.as_str().unwrap().contains(text), "{problem}");
    }
}

/// A page of another origin reads whatever we answer, and its preflight costs nothing.
#[tokio::test]
async fn any_page_may_ask_and_read_the_answer() {
    let market = market().await;
    let client = runtime::http::client();
    for path in ["weather?city=Oslo", "weather", ".well-known/x402"] {
        let url = market.shop.join(path).unwrap();
        let request = client
            .request(reqwest::Method::OPTIONS, url)
            .header("origin", "https://page.example")
            .header("access-control-request-method", "GET")
            // What Chromium asks for `@x402/fetch`.
            .header(
                "access-control-request-headers",
                "access-control-expose-headers,payment-signature",
            );
        let preflight = request.send().await.unwrap();
        assert_eq!(preflight.status().as_u16(), 204, "{path}");
        let headers = preflight.headers();
        assert_eq!(headers["access-control-allow-origin"], "*");
        let allowed = headers["access-control-allow-headers"]
            .to_str()
            .unwrap()
            .to_lowercase();
        let allowed: Vec<_> = allowed.split(", ").collect();
        for name in [
            "access-control-expose-headers",
            "payment-signature",
            "x-payment",
            "content-type",
            "traceparent",
            "*",
        ] {
            assert!(allowed.contains(&name), "{name}");
        }
    }
    for (method, path, status) in [
        ("GET", "weather?city=Oslo", 402),
        ("HEAD", "weather?city=Oslo", 402),
        ("GET", "weather", 402),
        ("GET", "weather?city=", 400),
        ("GET", "weather?city=Atlantis", 404),
        ("POST", "weather?city=Oslo", 405),
        ("GET", "nowhere", 404),
        ("GET", ".well-known/x402", 200),
    ] {
        let method: reqwest::Method = method.parse().unwrap();
        let answer = client
            .request(method, market.shop.join(path).unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(
            answer.headers()["access-control-allow-origin"],
            "*",
            "{path}"
        );
        if status == 402 {
            let exposed = answer.headers()["access-control-expose-headers"]
                .to_str()
                .unwrap();
            assert_eq!(
                exposed,
                "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE"
            );
        }
    }
}

#[tokio::test]
async fn more_prices_are_offered_beside_the_first() {
    let mut market = market().await;
    let mut price = market.config.price.clone();
    price.asset.network = "eip155:8453".into();
    price.asset.decimals = 18;
    price.amount = U256::from(10_000_000_000_000_000u64);
    market.config.more_prices = vec![OtherPrice {
        price,
        chain_rpc_url: None,
    }];
    let payments = market.config.payments.open().await.unwrap();
    let router = router(&market.config, runtime::http::client(), payments).unwrap();
    market.shop = listen(router).await;
    let (_, sale) = market.status(".well-known/x402").await;
    let answer = runtime::http::client()
        .get(market.weather("Oslo"))
        .send()
        .await
        .unwrap();
    let header = answer.headers()["payment-required"].as_bytes();
    let required: Value = x402::header::decode(header).unwrap();
    assert_eq!(required["accepts"], sale["resources"][0]["accepts"]);
    assert_eq!(required["accepts"][1]["network"], "eip155:8453");
    // Servers on the way stop at 8 KiB for all headers together (nginx for one line, Node.js of old for all), and buyers send
    // most of it back beside their payment.
    assert!(header.len() < 3_500, "{}", header.len());
    let paid = market
        .buyer(|_| {})
        .get(market.weather("Oslo"))
        .await
        .unwrap();
    assert_eq!(paid.status.as_u16(), 200);
}

/// Lists ask for the bare path. Nobody who pays for it is charged.
#[tokio::test]
async fn the_bare_path_is_an_offer_and_nothing_to_buy() {
    let market = market().await;
    let url = market.shop.join("weather").unwrap();
    let client = runtime::http::client();
    for method in [reqwest::Method::GET, reqwest::Method::HEAD] {
        let probe = client.request(method, url.clone()).send().await.unwrap();
        assert_eq!(probe.status().as_u16(), 402);
        let header = probe.headers()["payment-required"].as_bytes();
        let required: Value = x402::header::decode(header).unwrap();
        assert_eq!(required["resource"]["url"], url.as_str());
        assert!(required["extensions"]["bazaar"].is_object());
    }
    for name in ["payment-signature", "x-payment"] {
        let paid = client.get(url.clone()).header(name, "anything");
        assert_eq!(paid.send().await.unwrap().status().as_u16(), 400);
    }
    assert_eq!(market.ledger.height(), 0);
}
