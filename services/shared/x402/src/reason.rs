//! Codes for a refused payment, as the reference implementations send them. Programs compare these texts.

/// The payment cannot be read.
pub const INVALID_PAYLOAD: &str = "invalid_payload";
/// The payment is of neither version 1 nor version 2.
pub const INVALID_VERSION: &str = "invalid_x402_version";
/// The payment is for a network that is not offered.
pub const INVALID_NETWORK: &str = "invalid_network";
/// The terms that the buyer accepted are not those of an offer.
pub const INVALID_REQUIREMENTS: &str = "invalid_payment_requirements";
/// The scheme is not `exact`.
pub const UNSUPPORTED_SCHEME: &str = "unsupported_scheme";
/// The payer did not sign this authorization.
pub const SIGNATURE: &str = "invalid_exact_evm_signature";
/// The authorization pays another address.
pub const RECIPIENT_MISMATCH: &str = "invalid_exact_evm_recipient_mismatch";
/// The authorization moves another amount than the price.
pub const VALUE_MISMATCH: &str = "invalid_exact_evm_payload_authorization_value_mismatch";
/// The authorization has expired, or is about to.
pub const VALID_BEFORE: &str = "invalid_exact_evm_payload_authorization_valid_before";
/// The authorization is not valid yet.
pub const VALID_AFTER: &str = "invalid_exact_evm_payload_authorization_valid_after";
/// The payer holds less than the amount.
pub const INSUFFICIENT_BALANCE: &str = "invalid_exact_evm_insufficient_balance";
/// The authorization was used or cancelled.
pub const NONCE_USED: &str = "invalid_exact_evm_nonce_already_used";
/// The payment and the terms name different networks.
pub const NETWORK_MISMATCH: &str = "invalid_exact_evm_network_mismatch";
/// The terms lack `name` and `version` of the token's EIP-712 domain.
pub const MISSING_DOMAIN: &str = "invalid_exact_evm_missing_eip712_domain";
/// The token would refuse the transfer now.
pub const SIMULATION_FAILED: &str = "invalid_exact_evm_transaction_simulation_failed";
/// The transaction was included in a block and moved nothing.
pub const TRANSACTION_FAILED: &str = "invalid_exact_evm_transaction_failed";
/// The amount is nothing.
pub const AUTHORIZATION_VALUE: &str = "invalid_exact_evm_authorization_value";
/// ERC-6492: the contract that would deploy the wallet is not one that the facilitator calls.
pub const FACTORY_NOT_ALLOWED: &str = "eip6492_factory_not_allowed";
/// There is no contract at the asset's address.
pub const NO_CONTRACT: &str = "asset_not_deployed_contract";
/// The transaction was sent and is in no block yet: the payment may still be made.
pub const SETTLEMENT_PENDING: &str = "settlement_pending";
/// The payment could not be verified, for a reason on the facilitator's side.
pub const UNEXPECTED_VERIFY: &str = "unexpected_verify_error";
/// Nothing was sent, for a reason on the facilitator's side.
pub const UNEXPECTED_SETTLE: &str = "unexpected_settle_error";

// What our own facilitator says, where the reference has no word for it.

/// It settles for other recipients only.
pub const PAY_TO_NOT_ALLOWED: &str = "facilitator_pay_to_not_allowed";
/// The account that pays the gas has too little. Nothing was sent.
pub const FACILITATOR_OUT_OF_GAS: &str = "facilitator_out_of_gas";
/// The chain asks for higher fees than the facilitator pays. Nothing was sent.
pub const FACILITATOR_FEE_CAP: &str = "facilitator_fee_cap";
/// The transfer would take more gas than the facilitator spends on one. Nothing was sent.
pub const FACILITATOR_GAS_LIMIT: &str = "facilitator_gas_limit";
/// A transaction for this smart wallet has failed after it was said to succeed, and cost gas. Nothing was sent.
pub const WALLET_REVERTED: &str = "facilitator_smart_wallet_reverted";

/// Reasons for which a facilitator refuses before it sends anything to the chain, in our spelling and in the older one of the
/// specification.
const FINAL: &[&str] = &[
    INVALID_PAYLOAD,
    INVALID_VERSION,
    INVALID_NETWORK,
    INVALID_REQUIREMENTS,
    UNSUPPORTED_SCHEME,
    SIGNATURE,
    RECIPIENT_MISMATCH,
    VALUE_MISMATCH,
    VALID_BEFORE,
    VALID_AFTER,
    INSUFFICIENT_BALANCE,
    NONCE_USED,
    NETWORK_MISMATCH,
    MISSING_DOMAIN,
    SIMULATION_FAILED,
    NO_CONTRACT,
    AUTHORIZATION_VALUE,
    FACTORY_NOT_ALLOWED,
    PAY_TO_NOT_ALLOWED,
    FACILITATOR_OUT_OF_GAS,
    FACILITATOR_FEE_CAP,
    FACILITATOR_GAS_LIMIT,
    WALLET_REVERTED,
    "insufficient_funds",
    "invalid_exact_evm_payload_signature",
    "invalid_exact_evm_payload_recipient_mismatch",
    "invalid_scheme",
];

/// The other reasons: with these the money may have moved, or may still.
const OPEN: &[&str] = &[
    TRANSACTION_FAILED,
    SETTLEMENT_PENDING,
    UNEXPECTED_VERIFY,
    UNEXPECTED_SETTLE,
    "invalid_transaction_state",
];

/// Whether a refused settlement with this reason has certainly moved nothing. Every other one may still.
pub fn is_final(reason: &str) -> bool {
    FINAL.contains(&reason)
}

/// The code to show a buyer for a facilitator's reason; `fallback` for anything that is not a known code, because inner error
/// texts can carry addresses of our systems.
pub fn public(reason: Option<&str>, fallback: &'static str) -> &'static str {
    FINAL
        .iter()
        .chain(OPEN)
        .find(|known| Some(**known) == reason)
        .copied()
        .unwrap_or(fallback)
}
