use serde::{Deserialize, Serialize};

/// What a buyer keeps of a payment, as shown to people and passed along the chain of services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Hash of the settling transaction; empty when the seller gave none.
    pub transaction: String,
    /// URL of what was bought.
    pub resource: String,
}
