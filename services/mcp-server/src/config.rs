//! Settings, all from the environment.

use std::str::FromStr;
use std::time::Duration;

use runtime::{Address, Environment};
use url::Url;
use x402::client::{Limits, Policy};
use x402::store::Place;
use x402::{Asset, U256};

#[derive(Debug)]
pub struct Config {
    pub serving: Serving,
    /// What `get_weather` buys.
    pub weather_url: Url,
    /// What the wallet may pay for, to whom, and how much for one call.
    pub policy: Policy,
    /// How much for a session and a day.
    pub limits: Limits,
    /// Where the wallet's spending is remembered.
    pub payments: Place,
    /// The Secrets Manager secret that holds the wallet's private key.
    pub wallet_key_secret_arn: String,
    /// JSON-RPC of the chain, for the balance, and for what has become of payments.
    pub chain_rpc_url: Url,
    /// How long a purchase takes at most.
    pub answer_within: Duration,
}

/// Who hands us the requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serving {
    /// The Lambda Runtime API.
    Lambda,
    /// A socket of our own.
    Http(Address),
}

impl Config {
    pub fn from_environment(environment: &mut Environment) -> Self {
        let address = environment.address();
        let lambda = environment.optional("AWS_LAMBDA_RUNTIME_API").is_some();
        let weather_url = weather_url(environment);
        let asset = asset(environment);
        let decimals = asset.decimals;
        let policy = Policy {
            origin: weather_url.origin(),
            asset,
            pay_to: parsed(environment, "PAY_TO"),
            amount_max: limit(environment, "PRICE_LIMIT", decimals),
        };
        let limits = Limits {
            session_max: limit(environment, "SESSION_LIMIT", decimals),
            day_max: limit(environment, "DAY_LIMIT", decimals),
        };
        Self {
            serving: if lambda {
                Serving::Lambda
            } else {
                Serving::Http(address)
            },
            weather_url,
            policy,
            limits,
            payments: payments(environment),
            wallet_key_secret_arn: environment.required("WALLET_KEY_SECRET_ARN"),
            chain_rpc_url: environment.url("CHAIN_RPC_URL"),
            answer_within: answer_within(environment),
        }
    }
}

/// Longer than a seller takes (45 s), and shorter than the function may run (60 s): the answer has to say what became of the
/// money, and a function that is cut off says nothing.
fn answer_within(environment: &mut Environment) -> Duration {
    const NAME: &str = "ANSWER_WITHIN_SECONDS";
    let seconds: Option<u64> = environment.parse(NAME, Some("50"));
    match seconds {
        Some(seconds) if !(15..=600).contains(&seconds) => {
            environment.problem(NAME, format!("{seconds} is not between 15 and 600"));
        }
        _ => {}
    }
    Duration::from_secs(seconds.unwrap_or(50))
}

fn weather_url(environment: &mut Environment) -> Url {
    let server = environment.url("RESOURCE_SERVER_URL");
    let path = environment.required("ENDPOINT_PATH");
    match server.join(&path) {
        // `//host/path` joins to another server, and the policy would then trust that one.
        Ok(url) if path.starts_with('/') && url.origin() == server.origin() => return url,
        _ if path.is_empty() => {}
        _ => environment.problem(
            "ENDPOINT_PATH",
            format!("{path:?} is not a path such as /weather"),
        ),
    }
    server
}

fn asset(environment: &mut Environment) -> Asset {
    let asset = Asset {
        network: environment.required("NETWORK"),
        address: parsed(environment, "ASSET_ADDRESS"),
        name: environment.required("ASSET_NAME"),
        version: environment.required("ASSET_VERSION"),
        decimals: x402::decimals_from_environment(environment),
    };
    if !asset.network.is_empty()
        && let Err(error) = asset.chain_id()
    {
        environment.problem("NETWORK", error.to_string());
    }
    asset
}

/// A wallet without a place to remember in would start its budget anew with every instance.
fn payments(environment: &mut Environment) -> Place {
    let place = Place::from_environment(environment);
    if place == Place::Memory {
        environment.problem(
            "PAYMENTS_TABLE",
            "is missing; set it, or PAYMENTS_FILE".to_owned(),
        );
    }
    place
}

fn limit(environment: &mut Environment, name: &str, decimals: u8) -> U256 {
    let text = environment.required(name);
    if text.is_empty() {
        return U256::ZERO;
    }
    x402::amount::parse_decimal(&text, decimals).unwrap_or_else(|error| {
        environment.problem(name, error.to_string());
        U256::ZERO
    })
}

fn parsed(environment: &mut Environment, name: &str) -> x402::Address {
    let text = environment.required(name);
    if text.is_empty() {
        return x402::Address::ZERO;
    }
    x402::Address::from_str(&text).unwrap_or_else(|_| {
        environment.problem(
            name,
            format!("{text:?} is not an address: 0x and 40 hexadecimal digits"),
        );
        x402::Address::ZERO
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const GOOD: [(&str, &str); 13] = [
        ("RESOURCE_SERVER_URL", "http://127.0.0.1:3001"),
        ("ENDPOINT_PATH", "/weather"),
        (
            "WALLET_KEY_SECRET_ARN",
            "arn:aws:secretsmanager:us-east-1:000000000000:secret:wallet-key",
        ),
        ("NETWORK", "eip155:31337"),
        ("ASSET_ADDRESS", x402::testing::DEVELOPMENT_ASSET_ADDRESS),
        ("ASSET_NAME", "USDC"),
        ("ASSET_VERSION", "2"),
        ("PAY_TO", "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"),
        ("PRICE_LIMIT", "0.05"),
        ("SESSION_LIMIT", "0.50"),
        ("DAY_LIMIT", "2.00"),
        ("PAYMENTS_FILE", "/nowhere/payments"),
        ("CHAIN_RPC_URL", "http://127.0.0.1:3002/"),
    ];

    fn read(changes: &[(&str, &str)]) -> (Config, Result<(), runtime::Problems>) {
        let mut environment = Environment::from_pairs(GOOD.iter().chain(changes).copied());
        let config = Config::from_environment(&mut environment);
        (config, environment.finish())
    }

    #[test]
    fn good_settings() {
        let (config, result) = read(&[]);
        assert_eq!(result, Ok(()));
        assert_eq!(config.weather_url.as_str(), "http://127.0.0.1:3001/weather");
        assert_eq!(config.policy.amount_max, U256::from(50_000));
        assert_eq!(
            config.serving,
            Serving::Http(Address {
                host: "127.0.0.1".into(),
                port: 8080
            })
        );
        let (config, _) = read(&[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")]);
        assert_eq!(config.serving, Serving::Lambda);
        assert_eq!(config.answer_within, Duration::from_secs(50));
        let (config, _) = read(&[("ANSWER_WITHIN_SECONDS", "40")]);
        assert_eq!(config.answer_within, Duration::from_secs(40));
    }

    #[test]
    fn amounts_follow_the_decimals_of_the_asset() {
        let eighteen = [
            ("ASSET_DECIMALS", "18"),
            ("PRICE_LIMIT", "20.000000000000000001"),
            ("DAY_LIMIT", "340282366920938463463.374607431768211456"),
        ];
        let (config, result) = read(&eighteen);
        assert_eq!(result, Ok(()));
        assert_eq!(config.policy.asset.decimals, 18);
        let atomic = config.policy.amount_max.to_string();
        assert_eq!(atomic, "20000000000000000001");
        assert_eq!(config.limits.day_max, U256::from(1) << 128);
        for (decimals, problem) in [
            ("1", "PRICE_LIMIT: `0.05` has more than 1 decimal places"),
            ("37", "ASSET_DECIMALS: must be 36 or less"),
            ("six", "ASSET_DECIMALS: \"six\" cannot be used"),
        ] {
            let (_, result) = read(&[("ASSET_DECIMALS", decimals)]);
            let problems = result.unwrap_err().to_string();
            assert!(problems.contains(problem), "{problems}");
        }
    }

    #[test]
    fn wrong_settings_are_all_named() {
        let (_, result) = read(&[
            ("ENDPOINT_PATH", "//example.com/weather"),
            ("NETWORK", "base"),
            ("ASSET_ADDRESS", "0x12"),
            ("PAY_TO", ""),
            ("PRICE_LIMIT", "0.0000001"),
            ("DAY_LIMIT", "much"),
            ("PAYMENTS_TABLE", "both"),
            ("WALLET_KEY_SECRET_ARN", ""),
            ("ANSWER_WITHIN_SECONDS", "5"),
        ]);
        expect![[r#"
            9 settings are wrong
              ENDPOINT_PATH: "//example.com/weather" is not a path such as /weather
              ASSET_ADDRESS: "0x12" is not an address: 0x and 40 hexadecimal digits
              NETWORK: `base` is not an EVM network such as eip155:84532
              PAY_TO: is missing
              PRICE_LIMIT: `0.0000001` has more than 6 decimal places
              DAY_LIMIT: `much` is not a decimal number such as 0.01
              PAYMENTS_FILE: is set beside PAYMENTS_TABLE; set only one
              WALLET_KEY_SECRET_ARN: is missing
              ANSWER_WITHIN_SECONDS: 5 is not between 15 and 600"#]]
        .assert_eq(&result.unwrap_err().to_string());
    }

    #[test]
    fn nothing_set() {
        let mut environment = Environment::from_pairs([("", "")]);
        let _config = Config::from_environment(&mut environment);
        assert_eq!(environment.finish().unwrap_err().0.len(), GOOD.len());
    }
}
