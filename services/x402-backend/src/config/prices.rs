//! `MORE_PRICES`: other ways to pay for the same answer, beside the price of the stage's own network and asset.
//!
//! A JSON array, of which `cargo xtask check` reads the same form (`listing::OtherPrice`) before anything is deployed. With a
//! `chainRpcUrl` a payment is also looked for on that chain; on a network without one the facilitator's word has to do.

use listing::OtherPrice as Entry;
use runtime::Environment;
use std::fmt::Display;
use std::str::FromStr;
use url::Url;
use x402::server::Price;
use x402::{Asset, U256};

const NAME: &str = "MORE_PRICES";

#[derive(Debug, Clone)]
pub(crate) struct OtherPrice {
    pub(crate) price: Price,
    pub(crate) chain_rpc_url: Option<Url>,
}

/// Every problem of every entry is named, by the entry's position.
pub(super) fn from_environment(
    environment: &mut Environment,
    max_timeout_seconds: u64,
) -> Vec<OtherPrice> {
    let Some(json) = environment.optional(NAME) else {
        return Vec::new();
    };
    let entries: Vec<Entry> = match serde_json::from_str(&json) {
        Ok(entries) => entries,
        Err(error) => {
            environment.problem(NAME, format!("is not a JSON array of prices: {error}"));
            return Vec::new();
        }
    };
    let mut prices = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        match read(&entry, max_timeout_seconds) {
            Ok(price) => prices.push(price),
            Err(problems) => {
                for problem in problems {
                    environment.problem(NAME, format!("price {}: {problem}", index + 1));
                }
            }
        }
    }
    prices
}

fn read(entry: &Entry, max_timeout_seconds: u64) -> Result<OtherPrice, Vec<String>> {
    let mut problems = Vec::new();
    let asset = Asset {
        network: entry.network.clone(),
        address: parsed("asset", &entry.asset, &mut problems).unwrap_or_default(),
        name: entry.name.clone(),
        version: entry.version.clone(),
        decimals: entry.decimals,
    };
    problems.extend(asset.chain_id().err().map(|error| error.to_string()));
    let empty = [("name", &entry.name), ("version", &entry.version)];
    for (field, _) in empty.iter().filter(|(_, value)| value.is_empty()) {
        problems.push(format!("{field} is empty"));
    }
    let amount = match x402::amount::parse_decimal(&entry.price, entry.decimals) {
        Ok(amount) if amount.is_zero() => {
            problems.push("price is zero; a free resource needs no payment".to_owned());
            amount
        }
        Ok(amount) => amount,
        Err(error) => {
            problems.push(format!("price {error}"));
            U256::ZERO
        }
    };
    let pay_to = parsed("payTo", &entry.pay_to, &mut problems).unwrap_or_default();
    let chain_rpc_url = entry.chain_rpc_url.as_deref().and_then(|text| {
        let url: Url = parsed("chainRpcUrl", text, &mut problems)?;
        if !matches!(url.scheme(), "http" | "https") {
            problems.push(format!(
                "chainRpcUrl {text:?} must begin with http:// or https://"
            ));
        }
        Some(url)
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(OtherPrice {
        price: Price {
            asset,
            amount,
            pay_to,
            max_timeout_seconds,
        },
        chain_rpc_url,
    })
}

fn parsed<T: FromStr<Err: Display>>(
    field: &str,
    text: &str,
    problems: &mut Vec<String>,
) -> Option<T> {
    text.parse()
        .map_err(|error| problems.push(format!("{field} {text:?} cannot be used: {error}")))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(json: &Value) -> Result<Vec<OtherPrice>, String> {
        let mut environment = Environment::from_pairs([(NAME, json.to_string())]);
        let prices = from_environment(&mut environment, 60);
        environment
            .finish()
            .map_err(|problems| problems.to_string())?;
        Ok(prices)
    }

    fn entry(change: (&str, Value)) -> Value {
        let mut entry = json!({
            "price": "0.01", "network": "eip155:56", "asset": "0x8AC76a51cc950d9822D68b83fE1Ad97B32Cd580d",
            "name": "USD Coin", "version": "2", "decimals": 18,
            "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "chainRpcUrl": "https://rpc.example.org/key",
        });
        entry[change.0] = change.1;
        entry
    }

    #[test]
    fn an_asset_of_eighteen_decimals() {
        let prices = read(&json!([entry(("version", json!("1")))])).unwrap();
        assert_eq!(
            prices[0].price.amount,
            U256::from(10_000_000_000_000_000u64)
        );
        assert_eq!(prices[0].price.asset.version, "1");
        assert_eq!(prices[0].chain_rpc_url.as_ref().unwrap().path(), "/key");
        assert!(read(&json!([])).unwrap().is_empty());
    }

    #[test]
    fn every_problem_is_named() {
        for (field, value, expected) in [
            ("price", json!("0"), "price 1: price is zero"),
            (
                "price",
                json!("1e4"),
                "price 1: price `1e4` is not a decimal number",
            ),
            ("price", json!(0.01), "is not a JSON array of prices"),
            ("decimals", json!(1), "has more than 1 decimal places"),
            ("network", json!("base"), "`base` is not an EVM network"),
            ("asset", json!("0x12"), "asset \"0x12\" cannot be used"),
            ("name", json!(""), "name is empty"),
            ("payTo", json!("alice"), "payTo \"alice\" cannot be used"),
            ("chainRpcUrl", json!("ftp://x"), "must begin with http"),
            ("payto", json!("0x"), "unknown field `payto`"),
        ] {
            let problem = read(&json!([entry((field, value))])).unwrap_err();
            assert!(problem.contains(expected), "{field}: {problem}");
            assert_eq!(problem.matches(NAME).count(), 1, "{problem}");
        }
        let two = json!([entry(("name", json!(""))), entry(("payTo", json!("bob")))]);
        let problems = read(&two).unwrap_err();
        assert!(problems.contains("price 1: name") && problems.contains("price 2: payTo"));
    }
}
