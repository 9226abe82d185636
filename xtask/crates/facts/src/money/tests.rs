//! Prices beside a service's own, and what hosted facilitators refuse.

use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};

use super::super::load::Package;
use super::super::tests::{check, service};

const OWN: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
const OTHER: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
const PAID: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";

fn shop(name: &str, setting: &str) -> Package {
    service(
        name,
        json!({ "kind": "fargate", "env": {
            "FACILITATOR_URL": { "link": "settler.url", "hosted": "facilitator_url", "type": "url", "https": true, "facilitator": true },
            "NETWORK": { "stage": "network", "type": "network" },
            "ASSET": { "stage": "asset", "type": "address" },
            "PAY_TO": { "stage": "pay_to", "type": "address", "exclusive": true },
            "MORE": { "stage": setting, "optional": true, "type": "prices", "own_asset": "asset" },
        } }),
    )
}

fn shops() -> [Package; 2] {
    let settler = json!({ "kind": "fargate", "optional": true, "env": { "ASSET": { "stage": "asset", "type": "address" } } });
    [shop("shop", "more"), service("settler", settler)]
}

fn stage(change: &[(&str, &str)]) -> Json {
    let mut stage = json!({
        "region": "us-west-2", "network": "eip155:84532", "asset": OWN, "pay_to": PAID,
        "facilitator_url": "https://facilitator.example",
    });
    for (key, value) in change {
        match value.is_empty() {
            true => drop(stage.as_object_mut().unwrap().remove(*key)),
            false => stage[*key] = (*value).into(),
        }
    }
    stage
}

/// A price that nothing is wrong with, changed.
fn price(change: &[(&str, Json)]) -> Json {
    let mut price = json!({
        "price": "0.01", "network": "eip155:8453", "asset": OTHER, "name": "USD Coin", "version": "2", "decimals": 6,
        "payTo": PAID,
    });
    for (member, value) in change {
        price[*member] = value.clone();
    }
    price
}

#[track_caller]
fn told(stages: Json, expected: Expect) {
    check(&shops(), stages, expected);
}

#[test]
fn prices_that_hold() {
    let dai = json!([
        price(&[]),
        price(&[
            ("asset", json!(OWN)),
            ("decimals", json!(18)),
            ("chainRpcUrl", json!("https://node.example/key"))
        ]),
        price(&[
            ("asset", json!(OWN)),
            ("network", json!("eip155:31337")),
            ("chainRpcUrl", json!("https://node.example"))
        ]),
    ]);
    let elsewhere = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    let local = json!([price(&[
        ("network", json!("eip155:31337")),
        ("chainRpcUrl", json!("http://node.example")),
        ("payTo", json!(elsewhere)),
    ])]);
    let mut here = stage(&[
        ("more", &local.to_string()),
        ("pay_to", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
    ]);
    here["cloud"] = "local".into();
    told(
        json!({ "dev": stage(&[("more", &dai.to_string())]), "local": here, "none": stage(&[("more", "[]"), ("network", "eip155:1")]) }),
        expect!["settler shop"],
    );
}

#[test]
fn prices_that_do_not_hold() {
    let bad = json!([
        price(&[("price", json!("0.00")), ("decimals", json!(2))]),
        price(&[
            ("price", json!("0.5")),
            ("decimals", json!(0)),
            ("network", json!("base"))
        ]),
        price(&[("decimals", json!(37)), ("asset", json!("0x12"))]),
        price(&[
            ("network", json!("eip155:31337")),
            ("name", json!("")),
            ("payTo", json!("0x209693Bc6afc0C5328bA36FaF03C514EF312287D"))
        ]),
        price(&[
            ("payTo", json!("0x0000000000000000000000000000000000000000")),
            ("chainRpcUrl", json!("http://node.example"))
        ]),
        price(&[
            ("network", json!("eip155:84532")),
            ("asset", json!(OWN.to_lowercase()))
        ]),
    ]);
    told(
        json!({ "dev": stage(&[("more", &bad.to_string())]) }),
        expect![[r#"
            Cargo.toml: `asset` of price 3 of `more` is `0x12`, which is not an address
                fix: write 0x and 40 hexadecimal digits
            Cargo.toml: `chainRpcUrl` of price 5 of `more` is `http://node.example`: whoever is on the way could answer shop in its place
                fix: write https://...; plain http is for this machine alone
            Cargo.toml: `decimals` of price 3 of `more` is 37, and no asset has more than 36 decimal places
                fix: ask the token's contract for its decimals()
            Cargo.toml: `name` of price 4 of `more` is empty
                fix: write the name of the token's EIP-712 domain
            Cargo.toml: `network` of price 2 of `more` is `base`, which is not the CAIP-2 name of an EVM chain
                fix: write eip155: and the number of the chain, such as eip155:84532
            Cargo.toml: `network` of price 4 of `more` is eip155:31337, where money is free for everybody, and shop would stand on the internet with it
                fix: name a real network, or give the price the `chainRpcUrl` of a node of that chain
            Cargo.toml: `payTo` of price 4 of `more` is `0x209693Bc6afc0C5328bA36FaF03C514EF312287D`, where a digit is wrong: its capital letters do not fit
                fix: copy the address once more
            Cargo.toml: `payTo` of price 5 of `more` is the zero address, whose key nobody has
                fix: write an address of your own
            Cargo.toml: `price` of price 1 of `more` is `0.00`, and shop needs more than nothing
                fix: write at least "0.01"
            Cargo.toml: `price` of price 2 of `more` is `0.5`, and the asset has 0 decimal places
                fix: round it; the smallest amount is "1"
            Cargo.toml: price 5 of `more` is in the asset of price 1: a buyer takes the lower one, and the other is never paid
                fix: keep one of them
            Cargo.toml: price 6 of `more` is in the asset of `asset`: a buyer takes the lower one, and the other is never paid
                fix: keep one of them"#]],
    );
}

#[test]
fn prices_that_cannot_be_read() {
    let mistyped = json!([
        price(&[]),
        price(&[("payto", json!(PAID))]),
        price(&[("price", json!(0.01))]),
        7
    ]);
    told(
        json!({ "dev": stage(&[("more", &mistyped.to_string())]) }),
        expect![[r#"
            Cargo.toml: price 2 of `more` cannot be read: unknown field `payto`, expected one of `price`, `network`, `asset`, `name`, `version`, `decimals`, `payTo`, `chainRpcUrl`
                fix: write {"price": "0.01", "network": "eip155:8453", "asset": "0x...", "name": "USD Coin", "version": "2", "decimals": 6, "payTo": "0x..."}
            Cargo.toml: price 3 of `more` cannot be read: invalid type: floating point `0.01`, expected a string
                fix: write {"price": "0.01", "network": "eip155:8453", "asset": "0x...", "name": "USD Coin", "version": "2", "decimals": 6, "payTo": "0x..."}
            Cargo.toml: price 4 of `more` cannot be read: invalid type: integer `7`, expected struct OtherPrice
                fix: write {"price": "0.01", "network": "eip155:8453", "asset": "0x...", "name": "USD Coin", "version": "2", "decimals": 6, "payTo": "0x..."}"#]],
    );
    let twice = price(&[])
        .to_string()
        .replacen('{', "{\"price\": \"5\", ", 1);
    for text in ["0.01", &format!("[{twice}]")] {
        let problem = super::prices::unreadable(
            "more",
            text,
            &serde_json::from_str::<Vec<listing::OtherPrice>>(text).unwrap_err(),
        );
        assert_eq!(problem.len(), 1, "{problem:?}");
        assert!(
            problem[0]
                .0
                .starts_with("`more` is not a JSON array of prices: "),
            "{problem:?}"
        );
    }
}

#[test]
fn at_most_sixteen_with_the_own_one() {
    let many = |count: usize| {
        let asset = |index: usize| json!(format!("0x{:0>40x}", index + 1));
        let prices = (0..count).map(|index| price(&[("asset", asset(index))]));
        Json::from(prices.collect::<Vec<_>>()).to_string()
    };
    told(
        json!({ "dev": stage(&[("more", &many(15))]) }),
        expect!["settler shop"],
    );
    told(
        json!({ "dev": stage(&[("more", &many(17))]) }),
        expect![[r#"
        Cargo.toml: `more` makes 18 prices with the stage's own, and hosted facilitators take 16
            fix: remove 2"#]],
    );
}

/// One address of one network, whichever setting names it.
#[test]
fn sellers_share_no_address_in_prices_either() {
    let base = json!([price(&[])]).to_string();
    let paid = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    let two = [
        shop("shop", "more"),
        shop("stall", "others"),
        shops()[1].clone(),
    ];
    check(
        &two[..],
        json!({ "dev": stage(&[("more", &base), ("others", &base)]) }),
        expect![[r#"
            Cargo.toml: stall of dev and shop of dev are paid at one address of eip155:84532: one payment could be sold twice
                fix: give stall a setting of its own instead of `pay_to`
            Cargo.toml: stall of dev and shop of dev are paid at one address of eip155:8453: one payment could be sold twice
                fix: give stall a setting of its own instead of `others`"#]],
    );
    told(
        json!({
            "dev": stage(&[("more", &base)]),
            "prod": stage(&[("network", "eip155:8453"), ("asset", OTHER)]),
            "test": stage(&[("pay_to", paid), ("more", &base)]),
        }),
        expect![[r#"
            Cargo.toml: shop of prod and shop of dev are paid at one address of eip155:8453: one payment could be sold twice
                fix: write another address of yours into `pay_to` of one of the stages
            Cargo.toml: shop of test and shop of dev are paid at one address of eip155:8453: one payment could be sold twice
                fix: write another address of yours into `more` of one of the stages"#]],
    );
}

#[test]
fn a_facilitator_settles_what_is_sold() {
    let base = json!([price(&[])]).to_string();
    let own = ("facilitator_url", "");
    told(
        json!({ "own": stage(&[own, ("more", &base)]) }),
        expect![[r#"
            Cargo.toml: price 1 of `more` is on eip155:8453, and settler settles in the asset of `asset` alone
                fix: set `facilitator_url` to a hosted facilitator that does, or remove the price"#]],
    );
    let x402 = ("facilitator_url", "https://www.x402.org/facilitator");
    told(
        json!({
            "main": stage(&[x402, ("network", "eip155:8453")]),
            "more": stage(&[x402, ("more", &base.replace(PAID, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"))]),
            "moved": stage(&[("facilitator_url", "https://x402.org/facilitator"), ("network", "eip155:421614")]),
            "coinbase": stage(&[("facilitator_url", "https://api.cdp.coinbase.com/platform/v2/x402"), ("network", "eip155:137")]),
            "unknown": stage(&[x402, ("network", "eip155:11155111")]),
        }),
        expect![[r#"
            Cargo.toml: `facilitator_url` is `https://x402.org/facilitator`, which only redirects, and no payment is sent after it
                fix: write https://www.x402.org/facilitator
            Cargo.toml: `facilitator_url` names Coinbase's facilitator, which answers nobody without a key
                fix: give shop a secret that a person has made
            Cargo.toml: price 1 of `more` is on eip155:8453, and x402.org settles on test networks only
                fix: sell on eip155:84532, or name another facilitator
            Cargo.toml: shop is paid on eip155:8453, and x402.org settles on test networks only
                fix: sell on eip155:84532, or name another facilitator"#]],
    );
}

#[test]
fn a_type_belongs_to_its_keys() {
    let odd = json!({
        "A": { "stage": "a", "type": "prices", "exclusive": true },
        "B": { "stage": "a", "own_asset": "a" },
        "D": { "stage": "a", "type": "address", "facilitator": true },
    });
    check(
        &[service("odd", json!({ "kind": "fargate", "env": odd }))],
        json!({ "local": { "cloud": "local", "a": "[]" } }),
        expect![[r#"
            services/odd/Cargo.toml: `exclusive` belongs to values of type = "address"
                fix: add type = "address", or remove `exclusive`
            services/odd/Cargo.toml: `facilitator` belongs to values of type = "url"
                fix: add type = "url", or remove `facilitator`
            services/odd/Cargo.toml: `own_asset` belongs to values of type = "prices"
                fix: add type = "prices", or remove `own_asset`"#]],
    );
    let lost = json!({ "C": { "stage": "a", "type": "prices", "own_asset": "b" } });
    check(
        &[service("odd", json!({ "kind": "fargate", "env": lost }))],
        json!({ "local": { "cloud": "local", "a": "[]" } }),
        expect![[r#"
            services/odd/Cargo.toml: C names `b`, which is not a setting
                fix: did you mean `a`?"#]],
    );
}

#[test]
fn the_id_of_a_model() {
    for right in [
        "us.amazon.nova-2-lite-v1:0",
        "amazon.titan-text-express-v1",
        "turnpike.offline-model",
    ] {
        assert_eq!(super::rules::model("`model`", right), None, "{right}");
    }
    let arn = "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-2-lite-v1:0";
    for wrong in [
        "nova",
        "amazon..nova",
        "amazon.",
        "amazon.nova lite",
        "amazon.nova*",
        arn,
        "arn:aws:bedrock.x",
    ] {
        assert!(super::rules::model("`model`", wrong).is_some(), "{wrong}");
    }
}
