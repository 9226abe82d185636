use crate::chain::SettlementKey;
use runtime::{Environment, Secret};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;
use x402::store::Place;
use x402::{Address, Asset, U256};

/// The chain id of development nodes. No real chain has it.
const DEVELOPMENT_CHAIN: u64 = 31337;
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
    /// Where transactions are recorded before they are sent.
    pub journal: Place,
    /// Who may be paid; anybody when there is no list.
    pub pay_to_allowed: Option<Vec<Address>>,
    /// Contracts that may deploy smart wallets at our expense.
    pub factories_allowed: Vec<Address>,
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
            decimals: x402::decimals_from_environment(environment),
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
        factories_allowed: addresses(environment, "ERC6492_FACTORIES").unwrap_or_default(),
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
    // ECS tells every task where its metadata is:
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
    let grant = x402::amount::parse_decimal(&grant, asset.decimals).unwrap_or_else(|error| {
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
mod tests;
