use runtime::Environment;
use url::{Host, Url};
use x402::facilitator::{Credentials, HttpFacilitator};
use x402::store::Place;
use x402::{Address, Asset, U256};

const DECIMALS: u8 = 6;

#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) address: runtime::Address,
    pub(crate) facilitator_url: Url,
    pub(crate) facilitator_credentials: Credentials,
    /// JSON-RPC of the chain: it knows what became of a payment when the facilitator does not.
    pub(crate) chain_rpc_url: Url,
    /// Where payments are remembered.
    pub(crate) payments: Place,
    /// Atomic units.
    pub(crate) price: U256,
    pub(crate) asset: Asset,
    pub(crate) pay_to: Address,
    pub(crate) weather_source: WeatherSource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WeatherSource {
    ClimateNormals,
    OpenMeteo,
}

impl Config {
    pub(crate) fn from_environment(environment: &mut Environment) -> Self {
        let asset = Asset {
            network: environment.required("NETWORK"),
            address: environment.parse("ASSET_ADDRESS", None).unwrap_or_default(),
            name: environment.required("ASSET_NAME"),
            version: environment.required("ASSET_VERSION"),
            decimals: DECIMALS,
        };
        if let Some(error) = asset.chain_id().err().filter(|_| !asset.network.is_empty()) {
            environment.problem("NETWORK", error.to_string());
        }
        let weather_source =
            match environment.one_of("WEATHER_SOURCE", &["climate-normals", "open-meteo"]) {
                "open-meteo" => WeatherSource::OpenMeteo,
                _ => WeatherSource::ClimateNormals,
            };
        let facilitator_url = environment.url("FACILITATOR_URL");
        Self {
            address: environment.address(),
            facilitator_credentials: credentials(environment, &facilitator_url),
            facilitator_url,
            chain_rpc_url: environment.url("CHAIN_RPC_URL"),
            payments: Place::from_environment(environment),
            price: price(environment),
            asset,
            pay_to: environment.parse("PAY_TO", None).unwrap_or_default(),
            weather_source,
        }
    }

    pub(crate) fn facilitator(&self, client: reqwest::Client) -> HttpFacilitator {
        HttpFacilitator::new(client, &self.facilitator_url)
            .with_credentials(self.facilitator_credentials.clone())
    }
}

/// What is sent with every request to the facilitator, from FACILITATOR_CREDENTIALS (`none` when it is missing) and the secret
/// FACILITATOR_KEY.
fn credentials(environment: &mut Environment, facilitator_url: &Url) -> Credentials {
    let kind = match environment.optional("FACILITATOR_CREDENTIALS") {
        Some(_) => environment.one_of(
            "FACILITATOR_CREDENTIALS",
            &["none", "api-key", "cdp", "payai"],
        ),
        None => "none",
    };
    let header = environment.optional("FACILITATOR_KEY_HEADER");
    if header.is_some() && kind != "api-key" {
        let text = "is for the FACILITATOR_CREDENTIALS `api-key` only";
        environment.problem("FACILITATOR_KEY_HEADER", text);
    }
    let key = environment.optional("FACILITATOR_KEY");
    let (Some(key), true) = (&key, kind != "none") else {
        let text = match (key, kind) {
            (None, "none") => return Credentials::None,
            (Some(_), _) => {
                "is there, but FACILITATOR_CREDENTIALS (the stage's facilitator_credentials) does not say how to send it: \
                 api-key, cdp or payai"
                    .to_owned()
            }
            (None, kind) => format!(
                "is missing, and the FACILITATOR_CREDENTIALS `{kind}` need it: name the secret that holds it in the stage's \
                 facilitator_key_secret"
            ),
        };
        environment.problem("FACILITATOR_KEY", text);
        return Credentials::None;
    };
    if !is_private(facilitator_url) {
        let text = "must begin with https://: the FACILITATOR_CREDENTIALS would be sent in clear";
        environment.problem("FACILITATOR_URL", text);
    }
    let credentials = match kind {
        "cdp" => Credentials::coinbase(key),
        "payai" => Credentials::payai(key),
        _ => Credentials::api_key(header.as_deref(), key),
    };
    credentials.unwrap_or_else(|error| {
        environment.problem("FACILITATOR_KEY", format!("cannot be used: {error}"));
        Credentials::None
    })
}

/// Whether nobody on the way can read what is sent there.
fn is_private(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || is_loopback
}

fn price(environment: &mut Environment) -> U256 {
    let text = environment.required("PRICE");
    match x402::amount::parse_decimal(&text, DECIMALS) {
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
        (
            "ASSET_ADDRESS",
            "0x5FbDB2315678afecb367f032d93F642f64180aa3",
        ),
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
