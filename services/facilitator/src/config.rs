use runtime::Environment;
use std::path::PathBuf;
use x402::{Address, Asset, U256};

/// The chain id of development nodes. No real chain has it.
const DEVELOPMENT_CHAIN: u64 = 31337;
const DECIMALS: u8 = 6;

#[derive(Debug, Clone)]
pub struct Config {
    pub address: runtime::Address,
    pub asset: Asset,
    pub ledger_file: PathBuf,
    /// What every account starts with, in atomic units.
    pub grant: U256,
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
        // An empty network is reported already.
        if !asset.network.is_empty() && asset.chain_id() != Ok(DEVELOPMENT_CHAIN) {
            let problem = format!(
                "the ledger of this facilitator is for development and runs on eip155:{DEVELOPMENT_CHAIN} only, not on `{}`; \
                 name a hosted facilitator for a real network",
                asset.network
            );
            environment.problem("NETWORK", problem);
        }
        let ledger_file = environment
            .optional("LEDGER_FILE")
            .unwrap_or_else(|| "/data/ledger.ndjson".into());
        let grant = environment
            .optional("LEDGER_GRANT")
            .unwrap_or_else(|| "10.00".into());
        let grant = x402::amount::parse_decimal(&grant, DECIMALS).unwrap_or_else(|error| {
            environment.problem("LEDGER_GRANT", error.to_string());
            U256::ZERO
        });
        Self {
            address: environment.address(),
            asset,
            ledger_file: ledger_file.into(),
            grant,
        }
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
        assert_eq!(config.grant, U256::from(2_500_000));
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
}
