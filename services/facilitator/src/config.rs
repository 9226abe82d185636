use crate::chain::SettlementKey;
use runtime::{Environment, Secret};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;
use x402::store::Place;
use x402::{Address, Asset, U256};

/// The chain id of development nodes. No real chain has it.
const DEVELOPMENT_CHAIN: u64 = 31337;
const DECIMALS: u8 = 6;
const WEI_PER_GWEI: u64 = 1_000_000_000;

#[derive(Debug, Clone)]
pub struct Config {
    pub address: runtime::Address,
    pub asset: Asset,
    pub settlement: Settlement,
}

/// Where the money moves: on a chain when `CHAIN_RPC_URL` names one, else on the development ledger.
#[derive(Debug, Clone)]
pub enum Settlement {
    Ledger {
        file: PathBuf,
        /// What every account starts with, in atomic units.
        grant: U256,
        /// Names that it answers to, beside those of this machine and its network.
        hosts: Vec<String>,
    },
    Chain(OnChain),
}

#[derive(Debug, Clone)]
pub struct OnChain {
    pub node_url: Url,
    /// Pays the gas.
    pub key: Secret<String>,
    /// Where transactions are written down before they are sent.
    pub journal: Place,
    /// Who may be paid; anybody when there is no list.
    pub pay_to_allowed: Option<Vec<Address>>,
    /// The most that a unit of gas may cost, in wei.
    pub fee_cap: u64,
    /// By then whoever asks has an answer, if only that the settlement is under way.
    pub answer_within: Duration,
}

impl Config {
    pub fn from_environment(environment: &mut Environment) -> Self {
        let asset = Asset {
            network: environment.required("NETWORK"),
            address: environment
                .parse::<Address>("ASSET_ADDRESS", None)
                .unwrap_or_default(),
            name: environment.required("ASSET_NAME"),
            version: environment.required("ASSET_VERSION"),
            decimals: DECIMALS,
        };
        let settlement = if environment.optional("CHAIN_RPC_URL").is_some() {
            if let Some(error) = asset.chain_id().err().filter(|_| !asset.network.is_empty()) {
                environment.problem("NETWORK", error.to_string());
            }
            Settlement::Chain(on_chain(environment))
        } else {
            ledger(environment, &asset)
        };
        Self {
            address: environment.address(),
            asset,
            settlement,
        }
    }
}

fn on_chain(environment: &mut Environment) -> OnChain {
    let key = environment.required("SETTLEMENT_KEY");
    if let Some(error) = SettlementKey::from_hex(&key)
        .err()
        .filter(|_| !key.is_empty())
    {
        environment.problem("SETTLEMENT_KEY", error.to_string());
    }
    let cap = environment.parse_or_default::<u64>("FEE_CAP_GWEI", Some("20"));
    let answer_within = environment.parse_or_default::<u64>("ANSWER_WITHIN_SECONDS", Some("20"));
    if answer_within == 0 {
        environment.problem("ANSWER_WITHIN_SECONDS", "must be at least 1");
    }
    OnChain {
        node_url: environment.url("CHAIN_RPC_URL"),
        key: key.into(),
        journal: Place::from_environment(environment),
        pay_to_allowed: addresses(environment, "PAY_TO_ALLOWED"),
        fee_cap: cap.saturating_mul(WEI_PER_GWEI),
        answer_within: Duration::from_secs(answer_within),
    }
}

/// Separated by commas; `None` when the variable is missing.
fn addresses(environment: &mut Environment, name: &str) -> Option<Vec<Address>> {
    let text = environment.optional(name)?;
    let parsed: Result<Vec<Address>, _> = text.split(',').map(|one| one.trim().parse()).collect();
    match parsed {
        Ok(addresses) => Some(addresses),
        Err(_) => {
            let problem = format!("`{text}` is not a list of addresses, separated by commas");
            environment.problem(name, problem);
            None
        }
    }
}

fn ledger(environment: &mut Environment, asset: &Asset) -> Settlement {
    // An empty network is reported already.
    if !asset.network.is_empty() && asset.chain_id() != Ok(DEVELOPMENT_CHAIN) {
        let problem = format!(
            "the ledger of this facilitator is for development and runs on eip155:{DEVELOPMENT_CHAIN} only, not on `{}`; \
             name a node of that chain in CHAIN_RPC_URL (the stage's chain_rpc_url), or a hosted facilitator",
            asset.network
        );
        environment.problem("NETWORK", problem);
    }
    // The agent of ECS tells every task where to ask about itself:
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
    let in_the_cloud = environment
        .optional("ECS_CONTAINER_METADATA_URI_V4")
        .is_some();
    if in_the_cloud && environment.optional("LEDGER_ON_AWS").as_deref() != Some("yes") {
        let problem = "is missing: the development ledger gives play money to anybody, and this is a task in AWS; name a chain \
             in CHAIN_RPC_URL (the stage's chain_rpc_url) and its NETWORK, or set LEDGER_ON_AWS (the stage's ledger_on_aws) to yes";
        environment.problem("CHAIN_RPC_URL", problem);
    }
    let hosts = environment.optional("LEDGER_HOSTS").unwrap_or_default();
    let hosts = hosts
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let hosts = hosts.map(str::to_owned).collect();
    let grant = environment
        .optional("LEDGER_GRANT")
        .unwrap_or_else(|| "10.00".into());
    let grant = x402::amount::parse_decimal(&grant, DECIMALS).unwrap_or_else(|error| {
        environment.problem("LEDGER_GRANT", error.to_string());
        U256::ZERO
    });
    Settlement::Ledger {
        file: environment
            .optional("LEDGER_FILE")
            .unwrap_or_else(|| "/data/ledger.ndjson".into())
            .into(),
        grant,
        hosts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(network: &str, grant: &str) -> Environment {
        Environment::from_pairs([
            ("NETWORK", network),
            (
                "ASSET_ADDRESS",
                "0x5FbDB2315678afecb367f032d93F642f64180aa3",
            ),
            ("ASSET_NAME", "USDC"),
            ("ASSET_VERSION", "2"),
            ("LEDGER_GRANT", grant),
        ])
    }

    #[test]
    fn development_chain_only() {
        let mut good = environment("eip155:31337", "2.50");
        let config = Config::from_environment(&mut good);
        assert!(
            matches!(config.settlement, Settlement::Ledger { grant, .. } if grant == U256::from(2_500_000))
        );
        assert!(good.finish().is_ok());

        for network in ["eip155:84532", "eip155:8453", "eip155:1", "base", ""] {
            let mut bad = environment(network, "2.50");
            drop(Config::from_environment(&mut bad));
            let problems = bad.finish().unwrap_err().to_string();
            assert!(problems.contains("NETWORK"), "{problems}");
        }
    }

    #[test]
    fn the_grant_is_money() {
        let mut bad = environment("eip155:31337", "much");
        drop(Config::from_environment(&mut bad));
        assert!(
            bad.finish()
                .unwrap_err()
                .to_string()
                .contains("LEDGER_GRANT")
        );
    }

    #[test]
    fn a_chain_needs_a_key_and_shows_it_to_nobody() {
        let key = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
        let with_key = |key: &str| {
            Environment::from_pairs([
                ("NETWORK", "eip155:84532"),
                (
                    "ASSET_ADDRESS",
                    "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
                ),
                ("ASSET_NAME", "USDC"),
                ("ASSET_VERSION", "2"),
                ("CHAIN_RPC_URL", "http://127.0.0.1:8545"),
                ("SETTLEMENT_KEY", key),
            ])
        };
        let mut good = with_key(key);
        let config = Config::from_environment(&mut good);
        assert!(good.finish().is_ok());
        let shown = format!("{config:?}");
        assert!(shown.contains("84532") && !shown.contains("ac0974"));
        assert!(matches!(
            config.settlement,
            Settlement::Chain(OnChain {
                fee_cap: 20_000_000_000,
                pay_to_allowed: None,
                ..
            })
        ));

        for bad in ["", "0x12"] {
            let mut environment = with_key(bad);
            drop(Config::from_environment(&mut environment));
            let problems = environment.finish().unwrap_err().to_string();
            assert!(problems.contains("SETTLEMENT_KEY"), "{problems}");
            assert!(bad.is_empty() || !problems.contains(bad));
        }
    }

    #[test]
    fn bounds_of_a_chain() {
        let with = |name: &str, value: &str| {
            let mut environment = Environment::from_pairs([
                ("NETWORK", "eip155:84532"),
                (
                    "ASSET_ADDRESS",
                    "0x5FbDB2315678afecb367f032d93F642f64180aa3",
                ),
                ("ASSET_NAME", "USDC"),
                ("ASSET_VERSION", "2"),
                ("CHAIN_RPC_URL", "http://127.0.0.1:8545"),
                ("SETTLEMENT_KEY", &"11".repeat(32)),
                (name, value),
            ]);
            let config = Config::from_environment(&mut environment);
            let Settlement::Chain(chain) = config.settlement else {
                panic!("it settles on a chain");
            };
            (chain, environment.finish())
        };
        let address = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
        let two = format!("{address}, {}", Address::ZERO);
        for (name, value, good) in [
            ("PAY_TO_ALLOWED", address, true),
            ("PAY_TO_ALLOWED", two.as_str(), true),
            ("PAY_TO_ALLOWED", "0x12", false),
            ("PAY_TO_ALLOWED", ",", false),
            ("ANSWER_WITHIN_SECONDS", "5", true),
            ("ANSWER_WITHIN_SECONDS", "0", false),
            ("ANSWER_WITHIN_SECONDS", "soon", false),
        ] {
            let (_, finished) = with(name, value);
            assert_eq!(finished.is_ok(), good, "{name}={value}");
            if let Err(problems) = finished {
                assert!(problems.to_string().contains(name), "{problems}");
            }
        }
        let allowed = with("PAY_TO_ALLOWED", &two).0.pay_to_allowed.unwrap();
        assert_eq!(allowed, [address.parse().unwrap(), Address::ZERO]);
    }

    #[test]
    fn no_play_money_in_the_cloud() {
        let task = ("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/1");
        for (told, good) in [("", false), ("no", false), ("yes", true)] {
            let mut environment = Environment::from_pairs([
                ("NETWORK", "eip155:31337"),
                (
                    "ASSET_ADDRESS",
                    "0x5FbDB2315678afecb367f032d93F642f64180aa3",
                ),
                ("ASSET_NAME", "USDC"),
                ("ASSET_VERSION", "2"),
                ("LEDGER_ON_AWS", told),
                task,
            ]);
            drop(Config::from_environment(&mut environment));
            let finished = environment.finish();
            assert_eq!(finished.is_ok(), good, "{told}");
            if let Err(problems) = finished {
                assert!(problems.to_string().contains("LEDGER_ON_AWS"), "{problems}");
            }
        }
    }
}
