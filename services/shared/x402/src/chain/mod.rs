//! What a chain says of payments, and the one rule for "this payment was made". Whoever wants to know (seller, buyer,
//! facilitator) asks here.

mod proof;
mod rpc;
mod search;

pub use proof::{Log, TransactionReceipt, number};
pub use rpc::{Rpc, RpcError, TransfersSent};

use crate::wire::Authorization;
use alloy_primitives::{Address, B256, U256, b256};
use futures_util::future::BoxFuture;

/// Topic of `Transfer(address,address,uint256)`.
pub const TRANSFER_TOPIC: B256 =
    b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
/// Topic of `AuthorizationUsed(address,bytes32)`.
pub const AUTHORIZATION_USED_TOPIC: B256 =
    b256!("98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5");
/// Topic of `AuthorizationCanceled(address,bytes32)`.
pub const AUTHORIZATION_CANCELED_TOPIC: B256 =
    b256!("1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81");
/// Selector of `balanceOf(address)`.
pub const BALANCE_OF: [u8; 4] = [0x70, 0xa0, 0x82, 0x31];
/// Selector of `authorizationState(address,bytes32)`.
pub const AUTHORIZATION_STATE: [u8; 4] = [0xe9, 0x4a, 0x01, 0x02];
/// Selector of `decimals()`.
pub const DECIMALS: [u8; 4] = [0x31, 0x3c, 0xe5, 0x67];

/// How far the clock of a chain, or of the other side, may differ from ours, in seconds.
pub const CLOCK_SKEW_SECONDS: u64 = 60;

/// The transfer that a payment has to be, to count as made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedTransfer {
    /// The token's contract.
    pub asset: Address,
    pub payer: Address,
    pub pay_to: Address,
    /// Atomic units; more is as good.
    pub amount: U256,
    /// The nonce of the authorization.
    pub nonce: B256,
    /// Seconds since 1970. A transfer before this moment is another sale's, or not of this payment at all.
    pub not_before: u64,
    /// Seconds since 1970: the authorization moves nothing from then on.
    pub valid_before: u64,
}

impl ExpectedTransfer {
    /// What an authorization has to become. `not_before` is when somebody first wanted it settled.
    pub fn of(asset: Address, authorization: &Authorization, not_before: u64) -> Self {
        Self {
            asset,
            payer: authorization.from,
            pay_to: authorization.to,
            amount: authorization.value,
            nonce: authorization.nonce,
            not_before,
            valid_before: authorization.valid_before.saturating_to(),
        }
    }
}

/// What has become of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentState {
    /// This transaction made exactly this transfer, at this moment (seconds since 1970).
    Paid { transaction: B256, at: u64 },
    /// Its nonce was used for something else, or taken back: it never happened and never will.
    Void,
    /// It is unused so far.
    Unused,
    /// It is unused, and by the chain's own time its authorization has ended: it never happened and never will. What our
    /// clocks say does not end it, since a chain can stand still, and then go on with blocks of an earlier time.
    Expired,
    /// Its nonce is used, and how is not found; or there is no chain to ask.
    Unknown,
}

/// What one transaction has to do with a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It made exactly this transfer, at this moment (seconds since 1970).
    Paid { at: u64 },
    /// It is in a block and did not.
    NotPaid,
    /// The node does not have it, or not in a block.
    Missing,
}

/// A source that knows what became of payments.
pub trait Chain: Send + Sync + 'static {
    /// Looks for a payment around the time in which it can have been made.
    fn payment_state<'a>(
        &'a self,
        expected: &'a ExpectedTransfer,
    ) -> BoxFuture<'a, Result<PaymentState, RpcError>>;

    /// Looks at one transaction.
    fn proof<'a>(
        &'a self,
        expected: &'a ExpectedTransfer,
        transaction: B256,
    ) -> BoxFuture<'a, Result<Proof, RpcError>>;

    /// Whether there is code at an address: then the code decides what the account has signed, and a key does not.
    fn has_code(&self, address: Address) -> BoxFuture<'_, Result<bool, RpcError>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn names_of_a_token() {
        for (topic, event) in [
            (TRANSFER_TOPIC, "Transfer(address,address,uint256)"),
            (
                AUTHORIZATION_USED_TOPIC,
                "AuthorizationUsed(address,bytes32)",
            ),
            (
                AUTHORIZATION_CANCELED_TOPIC,
                "AuthorizationCanceled(address,bytes32)",
            ),
        ] {
            assert_eq!(topic, keccak256(event), "{event}");
        }
        for (selector, function) in [
            (BALANCE_OF, "balanceOf(address)"),
            (AUTHORIZATION_STATE, "authorizationState(address,bytes32)"),
            (DECIMALS, "decimals()"),
        ] {
            assert_eq!(selector, keccak256(function)[..4], "{function}");
        }
    }
}
