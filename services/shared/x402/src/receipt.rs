use serde::{Deserialize, Serialize};

/// What a buyer keeps of a payment, as shown to people and passed along the chain of services.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Atomic units, a decimal string: `10000`.
    pub amount: String,
    /// The same in whole tokens: `0.01`.
    pub display_amount: String,
    /// The token's name: `USDC`.
    pub currency: String,
    /// CAIP-2.
    pub network: String,
    pub asset: String,
    pub payer: String,
    pub pay_to: String,
    /// Hash of the settling transaction: `0x` and 64 hexadecimal digits.
    pub transaction: String,
    /// URL of what was bought.
    pub resource: String,
    #[serde(default)]
    pub evidence: Evidence,
}

/// How it is known that a payment was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Evidence {
    /// By a well-formed receipt of the seller, which the chain has not been asked about yet.
    #[default]
    Seller,
    /// By the chain: it has the transfer.
    Chain,
    /// Not at all: the seller gave a receipt, and the chain says that the payment was never made.
    Refuted,
}
