use runtime::Environment;
use url::Url;
use x402::store::Place;
use x402::{Address, Asset, U256};

const DECIMALS: u8 = 6;

#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) address: runtime::Address,
    pub(crate) facilitator_url: Url,
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
        Self {
            address: environment.address(),
            facilitator_url: environment.url("FACILITATOR_URL"),
            chain_rpc_url: environment.url("CHAIN_RPC_URL"),
            payments: Place::from_environment(environment),
            price: price(environment),
            asset,
            pay_to: environment.parse("PAY_TO", None).unwrap_or_default(),
            weather_source,
        }
    }
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
