//! What a seller says of itself, and what would keep it out of lists.

use super::super::listing::check;
use super::super::*;
use crate::Asset;
use crate::{Address, U256};
use expect_test::expect;
use serde_json::json;

fn sale(change: impl FnOnce(&mut Sale)) -> Sale {
    let price = Price {
        asset: Asset {
            network: "eip155:84532".into(),
            address: Address::repeat_byte(1),
            name: "USDC".into(),
            version: "2".into(),
            decimals: 6,
        },
        amount: U256::from(10_000),
        pay_to: Address::repeat_byte(2),
        max_timeout_seconds: 60,
    };
    let mut sale = Sale::new([price], "Weather of a city", "application/json");
    sale.service = ServiceMetadata {
        name: Some("Weather".into()),
        tags: vec!["weather".into(), "climate data".into()],
        icon_url: Some("https://example.org/icon.png".into()),
    };
    sale.discovery = Some(Discovery {
        query: json!({ "city": "Tokyo" }),
        query_schema: json!({ "type": "object", "properties": { "city": { "$ref": "#/$defs/city" } } }),
        answer: json!({ "city": "Tokyo" }),
        answer_schema: json!({ "type": "object" }),
    });
    change(&mut sale);
    sale
}

#[test]
fn limits() {
    assert_eq!(check(&sale(|_| {})), Ok(()));
    type Change = fn(&mut Sale);
    let cases: &[(Change, SaleError)] = &[
        (
            |sale| sale.description = "é".repeat(501),
            SaleError::Description(501),
        ),
        (
            |sale| sale.description = "🌦".repeat(251),
            SaleError::Description(502),
        ),
        (
            |sale| sale.service.name = Some("a".repeat(33)),
            SaleError::ServiceName,
        ),
        (
            |sale| sale.service.name = Some(String::new()),
            SaleError::ServiceName,
        ),
        (
            |sale| sale.service.name = Some("Météo".into()),
            SaleError::ServiceName,
        ),
        (
            |sale| sale.service.name = Some("a\nb".into()),
            SaleError::ServiceName,
        ),
        (
            |sale| sale.service.tags = vec!["a".repeat(33)],
            SaleError::Tags,
        ),
        (
            |sale| sale.service.tags = "abcdef".chars().map(String::from).collect(),
            SaleError::Tags,
        ),
        (
            |sale| sale.service.tags = vec!["rain".into(), "Rain".into()],
            SaleError::Tags,
        ),
        (
            |sale| {
                sale.discovery.as_mut().unwrap().query_schema =
                    json!({ "properties": { "city": { "$ref": "https://example.org/city" } } })
            },
            SaleError::Reference("https://example.org/city".into()),
        ),
        (
            |sale| {
                sale.discovery.as_mut().unwrap().answer_schema = json!({ "anyOf": [{ "$id": 7 }] })
            },
            SaleError::Reference("7".into()),
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(check(&sale(change)).as_ref(), Err(expected));
    }
    assert_eq!(
        check(&sale(|sale| sale.description = "é".repeat(500))),
        Ok(())
    );
}

#[test]
fn icons_are_on_public_hosts() {
    let icon: fn(&mut Sale, &str) = |sale, url| sale.service.icon_url = Some(url.into());
    for url in [
        "ftp://example.org/a",
        "https://localhost/a",
        "https://127.0.0.1/a",
        "https://0x7f000001/",
        "https://[::1]/",
        "https://a:b@example.org/",
        "icon.png",
        "",
    ] {
        assert_eq!(
            check(&sale(|sale| icon(sale, url))),
            Err(SaleError::IconUrl),
            "{url}"
        );
    }
}

#[test]
fn problems_of_a_listing() {
    let url = "https://api.example.org/weather?city=Tokyo";
    let none: &[String] = &[];
    assert_eq!(listing_problems(&sale(|_| {}), url), none);
    for (url, count) in [
        ("http://api.example.org/", 1),
        ("https://localhost/", 1),
        ("https://shop.internal/", 1),
        ("https://10.0.0.7/", 1),
        ("https://[::1]/", 1),
        ("http://127.0.0.1:8080/weather", 2),
        ("weather", 2),
    ] {
        assert_eq!(listing_problems(&sale(|_| {}), url).len(), count, "{url}");
    }
    let bare = sale(|sale| {
        sale.description = " ".into();
        sale.discovery = None;
        sale.prices[0].asset.network = "eip155:31337".into();
    });
    expect![[r#"
        its URL does not begin with https://; lists take no other
        its host is no public name; lists cannot reach it
        it has no description
        it does not say how it is asked (`discovery` of its sale)
        its only network is a development chain; no hosted facilitator settles there"#]]
    .assert_eq(&listing_problems(&bare, "http://localhost/").join("\n"));
}
