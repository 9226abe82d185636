//! A way to pay beside a service's own price, as a stage's setting has it: an entry of a JSON array.

use serde::Deserialize;

/// What hosted facilitators take as `accepts`, the service's own price included.
pub const PRICES_MAX: usize = 16;

/// More decimal places than any token has, and few enough for every amount to be exact.
pub const DECIMALS_MAX: u8 = 36;

/// `{"price": "0.01", "network": "eip155:8453", "asset": "0x…", "name": "USD Coin", "version": "2", "decimals": 6, "payTo": "0x…"}`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OtherPrice {
    /// A decimal number of the asset's units.
    pub price: String,
    /// The CAIP-2 name of the chain.
    pub network: String,
    /// The token's contract.
    pub asset: String,
    /// Name in the token's EIP-712 domain.
    pub name: String,
    /// Version in the token's EIP-712 domain.
    pub version: String,
    pub decimals: u8,
    pub pay_to: String,
    /// Where the chain is asked whether a payment was made; without it the facilitator's word has to do.
    pub chain_rpc_url: Option<String>,
}
