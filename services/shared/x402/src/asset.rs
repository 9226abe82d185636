//! The token that is paid with, and the names of its network.

use alloy_primitives::Address;
use listing::DECIMALS_MAX;
use runtime::Environment;

/// A token on a chain, with the EIP-712 domain that its holders sign under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// CAIP-2 name of the chain: `eip155:31337`.
    pub network: String,
    /// The token's contract.
    pub address: Address,
    /// Name in the token's EIP-712 domain. USDC is `USDC` on Base Sepolia and `USD Coin` on Base.
    pub name: String,
    /// Version in the token's EIP-712 domain.
    pub version: String,
    /// Decimal places of one whole token; 6 for USDC.
    pub decimals: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
/// Why a token cannot be paid with.
pub enum AssetError {
    #[error("`{0}` is not an EVM network such as eip155:84532")]
    Network(String),
}

/// Names of chains in x402 version 1, which knew no CAIP-2.
const NETWORKS_V1: &[(u64, &str)] = &[
    (8453, "base"),
    (84532, "base-sepolia"),
    (43114, "avalanche"),
    (43113, "avalanche-fuji"),
    (137, "polygon"),
    (80002, "polygon-amoy"),
    (1329, "sei"),
    (1328, "sei-testnet"),
];

impl Asset {
    /// The number in `eip155:<number>`.
    ///
    /// # Errors
    /// When `network` is not an EVM chain's CAIP-2 name.
    pub fn chain_id(&self) -> Result<u64, AssetError> {
        let error = || AssetError::Network(self.network.clone());
        let digits = self.network.strip_prefix("eip155:").ok_or_else(error)?;
        crate::amount::parse_atomic(digits)
            .and_then(|id| u64::try_from(id).ok())
            .ok_or_else(error)
    }

    /// The chain's name in x402 version 1, for the few chains that have one.
    pub fn network_v1(&self) -> Option<&'static str> {
        let id = self.chain_id().ok()?;
        NETWORKS_V1
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, name)| *name)
    }
}

/// `ASSET_DECIMALS`, the decimal places of the asset that a service is set up for; 6, as USDC has them, when it is not set.
pub fn decimals_from_environment(environment: &mut Environment) -> u8 {
    let name = "ASSET_DECIMALS";
    let decimals = environment.parse_or_default::<u8>(name, Some("6"));
    if decimals > DECIMALS_MAX {
        environment.problem(name, format!("must be {DECIMALS_MAX} or less"));
        return DECIMALS_MAX;
    }
    decimals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(network: &str) -> Asset {
        Asset {
            network: network.into(),
            address: Address::ZERO,
            name: "USDC".into(),
            version: "2".into(),
            decimals: 6,
        }
    }

    #[test]
    fn networks() {
        for (network, id, name) in [
            ("eip155:31337", Some(31337), None),
            ("eip155:84532", Some(84532), Some("base-sepolia")),
            ("eip155:8453", Some(8453), Some("base")),
            ("eip155:", None, None),
            ("eip155:01", None, None),
            ("eip155:99999999999999999999", None, None),
            ("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", None, None),
            ("base", None, None),
        ] {
            assert_eq!(asset(network).chain_id().ok(), id, "{network}");
            assert_eq!(asset(network).network_v1(), name, "{network}");
        }
    }
}
