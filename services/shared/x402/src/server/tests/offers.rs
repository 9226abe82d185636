//! Several offers in one 402: any one of them buys, each on its own terms.

use super::super::*;
use super::shop::{Fault, Shop};
use crate::asset::AssetError;
use crate::chain::PaymentState;
use crate::exact::Domain;
use crate::store::MemoryStore;
use crate::{Address, B256, U256, header, reason};
use http::HeaderMap;
use serde_json::{Value, json};

/// A token of eighteen decimals on Base Sepolia, another of the same network, and one on Base.
fn others(first: &Price) -> Vec<Price> {
    let price = |network: &str, byte, decimals, amount| {
        let mut price = first.clone();
        price.asset.network = network.to_owned();
        price.asset.address = Address::repeat_byte(byte);
        price.asset.decimals = decimals;
        price.amount = U256::from(amount);
        price.pay_to = Address::repeat_byte(byte + 1);
        price
    };
    vec![
        price("eip155:84532", 0x10, 18, 10_000_000_000_000_000u64),
        price("eip155:84532", 0x20, 2, 1),
        price("eip155:8453", 0x30, 6, 9_000),
    ]
}

fn shop() -> Shop {
    let mut shop = Shop::new("eip155:31337");
    shop.sale.prices.extend(others(&shop.price));
    shop.router = shop.instance(Arc::new(MemoryStore::default()), Flow::AnswerFirst);
    shop
}

/// A payment for one of the prices.
fn payment(shop: &Shop, price: &Price) -> Value {
    let mut authorization = shop.authorization();
    authorization.to = price.pay_to;
    authorization.value = price.amount;
    let domain = Domain::of(&price.asset).unwrap();
    json!({
        "x402Version": 2,
        "accepted": price.requirements(),
        "payload": { "signature": shop.wallet.sign(&authorization, domain), "authorization": authorization },
    })
}

#[tokio::test]
async fn all_are_listed_and_each_buys() {
    let shop = shop();
    let reply = shop.get("/thing", HeaderMap::new()).await;
    let required = reply.header(&header::PAYMENT_REQUIRED);
    let listed: Vec<_> = required["accepts"].as_array().unwrap().iter().collect();
    let expected: Vec<_> = shop
        .sale
        .prices
        .iter()
        .map(|price| json!(price.requirements()))
        .collect();
    assert_eq!(listed, expected.iter().collect::<Vec<_>>());
    let v1: Value = serde_json::from_str(&reply.body).unwrap();
    let names: Vec<_> = v1["accepts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|offer| (&offer["network"], &offer["resource"]))
        .collect();
    let url = json!("http://shop.test/thing");
    assert_eq!(
        names,
        [(&json!("base-sepolia"), &url), (&json!("base"), &url)]
    );

    for (count, price) in shop.sale.prices.iter().enumerate() {
        let reply = shop.pay("/thing", &payment(&shop, price)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let receipt = reply.header(&header::PAYMENT_RESPONSE);
        assert_eq!(receipt["network"], price.asset.network);
        let settled = shop.ledger.orders.lock().unwrap().last().cloned().unwrap();
        assert_eq!(settled.payment_requirements, price.requirements());
        assert_eq!(shop.counts(), (count + 1, count + 1));
    }
}

/// Whatever the length of what is filled in.
#[tokio::test]
async fn header_and_body_say_the_same() {
    let shop = Shop::new("eip155:31337");
    for length in 0..7 {
        let target = format!("/thing?{}", "é".repeat(length).replace('é', "%C3%A9x"));
        let target = &target[..target.len() - length % 3];
        let reply = shop.get(target, HeaderMap::new()).await;
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(reply.header(&header::PAYMENT_REQUIRED), body);
        assert_eq!(body["resource"]["url"], format!("http://shop.test{target}"));
    }
}

#[tokio::test]
async fn the_terms_of_two_offers_do_not_mix() {
    let shop = shop();
    let [first, second] = [&shop.sale.prices[0], &shop.sale.prices[1]];
    // Every offer's own fields, with one of another's.
    for (pointer, value, expected) in [
        (
            "/accepted/amount",
            json!(second.requirements())["amount"].clone(),
            reason::INVALID_REQUIREMENTS,
        ),
        (
            "/accepted/payTo",
            json!(second.requirements())["payTo"].clone(),
            reason::INVALID_REQUIREMENTS,
        ),
        (
            "/accepted/asset",
            json!(second.requirements())["asset"].clone(),
            reason::INVALID_REQUIREMENTS,
        ),
        (
            "/accepted/network",
            json!(second.asset.network),
            reason::INVALID_REQUIREMENTS,
        ),
        (
            "/accepted/network",
            json!("eip155:1"),
            reason::INVALID_NETWORK,
        ),
        (
            "/accepted",
            json!(second.requirements()),
            reason::RECIPIENT_MISMATCH,
        ),
    ] {
        let mut payment = payment(&shop, first);
        *payment.pointer_mut(pointer).unwrap() = value;
        let reply = shop.pay("/thing", &payment).await;
        assert_eq!(
            (reply.status, reply.error().as_str()),
            (402, expected),
            "{pointer}"
        );
    }
    assert_eq!(shop.counts(), (0, 0));
}

#[tokio::test]
async fn version_1_pays_the_first_of_a_network() {
    let shop = shop();
    let (first, second) = (&shop.sale.prices[1], &shop.sale.prices[2]);
    for (price, network, status) in [
        (first, "base-sepolia", 200),
        (second, "base-sepolia", 402),
        (first, "base", 402),
        (first, "eip155:84532", 402),
    ] {
        let mut payment = payment(&shop, price);
        payment["x402Version"] = json!(1);
        payment["scheme"] = json!("exact");
        payment["network"] = json!(network);
        payment.as_object_mut().unwrap().remove("accepted");
        let headers = HeaderMap::from_iter([(header::X_PAYMENT, header::encode(&payment))]);
        let reply = shop.get("/thing", headers).await;
        assert_eq!(reply.status, status, "{network}: {reply:?}");
    }
    assert_eq!(shop.counts(), (1, 1));
}

#[tokio::test]
async fn a_chain_is_asked_about_payments_of_its_own_network_only() {
    let shop = shop();
    let paid = PaymentState::Paid {
        transaction: B256::repeat_byte(9),
        at: crate::now_seconds(),
    };
    *shop.ledger.state.lock().unwrap() = Some(paid);
    for (price, status) in [(&shop.sale.prices[0], 200), (&shop.sale.prices[3], 502)] {
        shop.ledger
            .faults
            .lock()
            .unwrap()
            .extend([Fault::Silent, Fault::Silent]);
        let reply = shop.pay("/thing", &payment(&shop, price)).await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
}

#[test]
fn price_tables_that_sell_nothing() {
    let shop = Shop::new("eip155:31337");
    let seller = Seller::new(shop.ledger.clone());
    let mut elsewhere = shop.price.clone();
    elsewhere.asset.network = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp".into();
    let many: Vec<_> = (0..17u8)
        .map(|byte| {
            let mut price = shop.price.clone();
            price.asset.address = Address::repeat_byte(byte);
            price
        })
        .collect();
    let mut dearer = shop.price.clone();
    dearer.amount += U256::from(1);
    let changed = |change: fn(&mut Price)| {
        let mut price = shop.price.clone();
        change(&mut price);
        vec![price]
    };
    let nothing = || SaleError::Nothing("eip155:31337".into());
    for (prices, expected) in [
        (changed(|price| price.amount = U256::ZERO), nothing()),
        (changed(|price| price.pay_to = Address::ZERO), nothing()),
        (
            changed(|price| price.max_timeout_seconds = 6),
            SaleError::TooShort(6),
        ),
        (vec![], SaleError::Prices(0)),
        (many, SaleError::Prices(17)),
        (
            vec![shop.price.clone(), dearer],
            SaleError::SameAsset("eip155:31337".into()),
        ),
        (
            vec![elsewhere.clone()],
            SaleError::Asset(AssetError::Network(elsewhere.asset.network.clone())),
        ),
    ] {
        let error = seller.layer(&Sale::new(prices, "", "")).err();
        assert_eq!(error, Some(expected));
    }
}

#[test]
fn the_url_is_the_callers() {
    for (forwarded, expected) in [
        ("", "http://shop.test/thing"),
        ("http", "http://shop.test/thing"),
        ("https", "https://shop.test/thing"),
        ("HTTPS", "https://shop.test/thing"),
        ("https, http", "https://shop.test/thing"),
        ("http, https", "http://shop.test/thing"),
        ("ftp", "http://shop.test/thing"),
    ] {
        let headers = HeaderMap::from_iter([
            (
                http::header::HOST,
                http::HeaderValue::from_static("shop.test"),
            ),
            (
                http::HeaderName::from_static("x-forwarded-proto"),
                http::HeaderValue::from_static(forwarded),
            ),
        ]);
        assert_eq!(public_url(&headers, "/thing"), expected, "{forwarded}");
    }
}
