//! The 402 for people.

use super::super::page::POLICY;
use super::super::*;
use super::shop::Shop;
use crate::header;
use crate::store::MemoryStore;
use axum::body::Body;
use base64::Engine as _;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT, VARY};
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
const NAVIGATION: &str =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

fn headers(accept: &'static str, agent: &'static str) -> HeaderMap {
    HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static(accept)),
        (USER_AGENT, HeaderValue::from_static(agent)),
    ])
}

#[tokio::test]
async fn only_a_browser_that_shows_pages_gets_one() {
    let shop = Shop::new("eip155:84532");
    for (accept, agent, html) in [
        (NAVIGATION, BROWSER, true),
        ("*/*", BROWSER, false),
        ("application/json", BROWSER, false),
        ("text/html", "curl/8.5.0", false),
        ("*/*", "node", false),
        ("", "", false),
    ] {
        let reply = shop.get("/thing", headers(accept, agent)).await;
        let json = shop.get("/thing", HeaderMap::new()).await;
        let kind = if html {
            "text/html; charset=utf-8"
        } else {
            "application/json"
        };
        assert_eq!(
            (reply.status, reply.headers[CONTENT_TYPE].to_str().unwrap()),
            (402, kind),
            "{agent} {accept}"
        );
        assert_eq!(reply.body.starts_with("<!doctype html>"), html);
        assert_eq!(reply.headers[VARY], "accept, user-agent");
        for name in [
            header::PAYMENT_REQUIRED.as_str(),
            "cache-control",
            "access-control-expose-headers",
        ] {
            assert_eq!(reply.headers[name], json.headers[name], "{name}");
        }
    }
    let mut refused = headers(NAVIGATION, BROWSER);
    refused.insert(header::PAYMENT_SIGNATURE, HeaderValue::from_static("x"));
    let refused = shop.get("/thing", refused).await;
    assert!(
        refused.body.contains("<code>invalid_payload</code>"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn it_says_what_is_sold_for_how_much_and_how_to_pay() {
    let mut shop = Shop::new("eip155:84532");
    shop.sale.listing.service_name = Some("Things".into());
    let mut other = shop.price.clone();
    other.asset.network = "eip155:8453".into();
    other.asset.name = "USD Coin".into();
    shop.sale.prices.push(other);
    shop.router = shop.instance(Arc::new(MemoryStore::default()), Flow::AnswerFirst);
    let body = shop
        .get("/thing?city=S%C3%A3o", headers(NAVIGATION, BROWSER))
        .await
        .body;
    for expected in [
        "<h1>Things</h1>",
        "A &quot;test&quot;",
        "<strong>0.01 USDC</strong>",
        "<td>0.01 USDC</td><td>Base Sepolia, a test network (eip155:84532)</td>",
        "<td>0.01 USD Coin</td><td>Base (eip155:8453)</td>",
        "<code>0x209693Bc6afc0C5328bA36FaF03C514EF312287C</code>",
        "curl -i 'http://shop.test/thing?city=S%C3%A3o'",
        "maxAmountPerPayment: &quot;10000&quot;",
    ] {
        assert!(body.contains(expected), "{expected}\n{body}");
    }
    for foreign in ["<script", "src=", "<link", "@import", "url(", "<form"] {
        assert!(!body.contains(foreign), "{foreign}");
    }
}

#[tokio::test]
async fn nothing_foreign_is_markup() {
    let attacks = [
        "<script>alert(1)</script>",
        "</code></pre><img src=x onerror=alert(1)>",
        "\"onload=\"alert(1)",
        "'+alert(1)+'",
        "'; rm -rf ~ '",
        "&lt;b&gt;",
    ];
    let count = |body: &str, text: &str| body.matches(text).count();
    let plain = Shop::new("eip155:84532")
        .get("/thing", headers(NAVIGATION, BROWSER))
        .await
        .body;
    for attack in attacks {
        let mut shop = Shop::new("eip155:84532");
        shop.sale.listing.description = attack.into();
        shop.sale.listing.service_name =
            attack.is_ascii().then(|| attack.chars().take(32).collect());
        shop.sale.prices[0].asset.name = attack.into();
        shop.router = shop.instance(Arc::new(MemoryStore::default()), Flow::AnswerFirst);
        // What a client of its own can put on the wire: a host of any visible bytes, and quotes in path and query.
        let uri = "/thing?q=%3Cscript%3E'";
        let mut request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        *request.headers_mut() = headers(NAVIGATION, BROWSER);
        request
            .headers_mut()
            .insert(HOST, HeaderValue::try_from(attack).unwrap());
        let response = tower::ServiceExt::oneshot(shop.router.clone(), request)
            .await
            .unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = std::str::from_utf8(&body).unwrap();
        // As many tags, attributes and quotes as without the attack.
        for text in ["<", ">", "'", "=\""] {
            assert_eq!(
                count(body, text),
                count(&plain, text),
                "{text} after {attack}\n{body}"
            );
        }
        // Neither the command nor the script ends early.
        let between = |start: &str, end: &str| {
            let (_, rest) = body.split_once(start).unwrap();
            rest.split_once(end).unwrap().0.to_owned()
        };
        for inner in [
            between("curl -i '", "'</code></pre>\n"),
            between("const url = &quot;", "&quot;;\nconst network"),
        ] {
            let forbidden = ["'", "&quot;", "&#39;", "\\", " ", "`"];
            assert!(
                !forbidden.iter().any(|text| inner.contains(text)),
                "{inner}"
            );
        }
    }
}

#[test]
fn the_policy_allows_this_style_and_nothing_else() {
    let digest = Sha256::digest(include_str!("../page.css"));
    let expected = base64::engine::general_purpose::STANDARD.encode(digest);
    let policy = POLICY;
    let policy = policy.to_str().unwrap();
    assert!(
        policy.contains(&format!("style-src 'sha256-{expected}'")),
        "{expected}"
    );
    assert!(policy.starts_with("default-src 'none'"));
}
