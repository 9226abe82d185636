mod credentials;
mod prices;

pub(crate) use prices::OtherPrice;

use runtime::{Environment, Secret};
use std::time::Duration;
use url::Url;
use x402::facilitator::{Credentials, HttpFacilitator};
use x402::server::Price;
use x402::store::Place;
use x402::{Asset, U256};

/// What a buyer's authorization should be valid for: time to answer, to settle, and to ask again.
const PAYMENT_VALID_SECONDS: u64 = 60;

#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) address: runtime::Address,
    pub(crate) facilitator_url: Url,
    pub(crate) facilitator_credentials: Credentials,
    /// JSON-RPC of the chain: it knows what became of a payment when the facilitator does not.
    pub(crate) chain_rpc_url: Url,
    /// Where payments are remembered.
    pub(crate) payments: Place,
    /// On the stage's own network, and in its own asset.
    pub(crate) price: Price,
    pub(crate) more_prices: Vec<OtherPrice>,
    pub(crate) weather_source: WeatherSource,
    /// By then every request has an answer: after the facilitator's time, before the buyer's.
    pub(crate) answer_within: Duration,
}

#[derive(Debug, Clone)]
pub(crate) enum WeatherSource {
    ClimateNormals,
    /// With the key of a customer, if there is one.
    OpenMeteo(Option<Secret<String>>),
}

impl Config {
    pub(crate) fn from_environment(environment: &mut Environment) -> Self {
        let asset = Asset {
            network: environment.required("NETWORK"),
            address: environment.parse("ASSET_ADDRESS", None).unwrap_or_default(),
            name: environment.required("ASSET_NAME"),
            version: environment.required("ASSET_VERSION"),
            decimals: x402::decimals_from_environment(environment),
        };
        if let Some(error) = asset.chain_id().err().filter(|_| !asset.network.is_empty()) {
            environment.problem("NETWORK", error.to_string());
        }
        let weather_source =
            match environment.one_of("WEATHER_SOURCE", &["climate-normals", "open-meteo"]) {
                "open-meteo" => {
                    WeatherSource::OpenMeteo(environment.optional("WEATHER_KEY").map(Secret::new))
                }
                _ => WeatherSource::ClimateNormals,
            };
        let facilitator_url = environment.url("FACILITATOR_URL");
        Self {
            address: environment.address(),
            facilitator_credentials: credentials::from_environment(environment, &facilitator_url),
            facilitator_url,
            chain_rpc_url: environment.url("CHAIN_RPC_URL"),
            payments: Place::from_environment(environment),
            price: Price {
                amount: amount(environment, asset.decimals),
                asset,
                pay_to: environment.parse("PAY_TO", None).unwrap_or_default(),
                max_timeout_seconds: PAYMENT_VALID_SECONDS,
            },
            more_prices: prices::from_environment(environment, PAYMENT_VALID_SECONDS),
            weather_source,
            answer_within: Duration::from_secs(
                environment.parse_or_default("ANSWER_WITHIN_SECONDS", Some("45")),
            ),
        }
    }

    /// The price table: the stage's own price first.
    pub(crate) fn prices(&self) -> Vec<Price> {
        let more = self.more_prices.iter().map(|other| &other.price);
        std::iter::once(&self.price).chain(more).cloned().collect()
    }

    /// Which chain can be asked where, by the network's name.
    pub(crate) fn chains(&self) -> impl Iterator<Item = (&str, &Url)> {
        let own = (self.price.asset.network.as_str(), &self.chain_rpc_url);
        let more = self.more_prices.iter().filter_map(|other| {
            let url = other.chain_rpc_url.as_ref()?;
            Some((other.price.asset.network.as_str(), url))
        });
        // The stage's own comes last and stays.
        more.chain(std::iter::once(own))
    }

    /// Where payments on a network are looked for: of two nodes for one network the last one holds, as for the sales.
    pub(crate) fn chain_of(&self, network: &str) -> Option<&Url> {
        let of_network = self.chains().filter(|(name, _)| *name == network);
        of_network.last().map(|(_, url)| url)
    }

    pub(crate) fn facilitator(&self, client: reqwest::Client) -> HttpFacilitator {
        HttpFacilitator::new(client, &self.facilitator_url)
            .with_credentials(self.facilitator_credentials.clone())
    }
}

fn amount(environment: &mut Environment, decimals: u8) -> U256 {
    let text = environment.required("PRICE");
    match x402::amount::parse_decimal(&text, decimals) {
        Ok(price) if !price.is_zero() => return price,
        Ok(_) => environment.problem("PRICE", "is zero; a free resource needs no payment"),
        Err(_) if text.is_empty() => {}
        Err(error) => environment.problem("PRICE", error.to_string()),
    }
    U256::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 9] = [
        ("CHAIN_RPC_URL", "http://127.0.0.1:4021"),
        ("FACILITATOR_URL", "http://127.0.0.1:4021"),
        ("PRICE", "0.01"),
        ("NETWORK", "eip155:31337"),
        ("ASSET_ADDRESS", x402::testing::DEVELOPMENT_ASSET_ADDRESS),
        ("ASSET_NAME", "USDC"),
        ("ASSET_VERSION", "2"),
        ("PAY_TO", "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"),
        ("WEATHER_SOURCE", "climate-normals"),
    ];

    fn problems(name: &str, value: &str) -> String {
        let pairs = GOOD.map(|(known, good)| (known, if known == name { value } else { good }));
        let mut environment = Environment::from_pairs(pairs);
        drop(Config::from_environment(&mut environment));
        environment
            .finish()
            .err()
            .map(|problems| problems.to_string())
            .unwrap_or_default()
    }

    /// All problems of the good settings with these on top.
    fn problems_with(more: &[(&str, &str)]) -> String {
        let pairs: std::collections::BTreeMap<_, _> =
            GOOD.into_iter().chain(more.iter().copied()).collect();
        let mut environment = Environment::from_pairs(pairs);
        let config = Config::from_environment(&mut environment);
        let shown = format!("{config:?}");
        for (name, value) in more.iter().filter(|(name, _)| *name == "FACILITATOR_KEY") {
            assert!(!shown.contains(value), "{name} is shown: {shown}");
        }
        environment
            .finish()
            .err()
            .map(|problems| problems.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn credentials_are_whole_or_refused() {
        const KIND: &str = "FACILITATOR_CREDENTIALS";
        const KEY: &str = "FACILITATOR_KEY";
        let hosted = ("FACILITATOR_URL", "https://facilitator.test/x402");
        for good in [
            &[(KIND, "none")][..],
            &[(KIND, "api-key"), (KEY, "abcdef")],
            &[
                hosted,
                (KIND, "api-key"),
                (KEY, "abcdef"),
                ("FACILITATOR_KEY_HEADER", "Authorization"),
            ],
        ] {
            assert_eq!(problems_with(good), "", "{good:?}");
        }
        let clear = ("FACILITATOR_URL", "http://facilitator.test/x402");
        for (bad, expected) in [
            (
                &[(KIND, "basic")][..],
                "FACILITATOR_CREDENTIALS: \"basic\" is not one of",
            ),
            (
                &[(KIND, "cdp")],
                "FACILITATOR_KEY: is missing, and the FACILITATOR_CREDENTIALS `cdp` need it",
            ),
            (&[(KEY, "abcdef")], "FACILITATOR_KEY: is there, but"),
            (
                &[(KIND, "none"), (KEY, "abcdef")],
                "FACILITATOR_KEY: is there, but",
            ),
            (
                &[(KIND, "cdp"), (KEY, "abcdef")],
                "FACILITATOR_KEY: cannot be used: it is not JSON of the form",
            ),
            (
                &[
                    (KIND, "payai"),
                    (KEY, "{\"id\":\"a\",\"secret\":\"abcdef\"}"),
                ],
                "FACILITATOR_KEY: cannot be used: its `secret` is no",
            ),
            (
                &[(KIND, "api-key"), (KEY, "a\nbcdef")],
                "FACILITATOR_KEY: cannot be used: the key has characters",
            ),
            (
                &[("FACILITATOR_KEY_HEADER", "X-Key")],
                "FACILITATOR_KEY_HEADER: is for",
            ),
            (
                &[clear, (KIND, "api-key"), (KEY, "abcdef")],
                "FACILITATOR_URL: must begin with https://",
            ),
        ] {
            let found = problems_with(bad);
            assert!(found.contains(expected), "{bad:?}: {found}");
            assert!(found.starts_with("1 setting is wrong"), "{bad:?}: {found}");
            assert!(!found.contains("bcdef"), "{bad:?}: {found}");
        }
    }

    #[test]
    fn each_setting_is_checked() {
        assert_eq!(problems("PRICE", "0.01"), "");
        for (name, value) in [
            ("FACILITATOR_URL", "ftp://x"),
            ("CHAIN_RPC_URL", ""),
            ("PRICE", "0"),
            ("PRICE", "1e4"),
            ("PRICE", "0.0000001"),
            ("NETWORK", "base"),
            ("ASSET_ADDRESS", "0x12"),
            ("PAY_TO", "alice"),
            ("WEATHER_SOURCE", "rain"),
            ("ASSET_NAME", ""),
        ] {
            let found = problems(name, value);
            assert_eq!(found.matches(name).count(), 1, "{name}={value}: {found}");
        }
    }
}
