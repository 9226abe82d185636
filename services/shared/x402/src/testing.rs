//! What tests of several packages share. No service uses it.

use crate::Asset;

/// The development chain: Anvil's and Hardhat's own number.
pub const DEVELOPMENT_NETWORK: &str = "eip155:31337";
/// Where the first contract of the development chain's first account is, which is where the tests deploy their token. The local stage
/// has the same address in the root `Cargo.toml`.
pub const DEVELOPMENT_ASSET_ADDRESS: &str = "0x5FbDB2315678afecb367f032d93F642f64180aa3";

/// The token of the development chain, with the six decimals of USDC.
///
/// # Panics
/// Never: the address is a constant.
pub fn development_asset() -> Asset {
    Asset {
        network: DEVELOPMENT_NETWORK.into(),
        address: DEVELOPMENT_ASSET_ADDRESS
            .parse()
            .expect("the address is one"),
        name: "USDC".into(),
        version: "2".into(),
        decimals: 6,
    }
}
