//! x402 as we speak it: payments for single HTTP requests, by an EIP-3009 transfer authorization that the buyer signs and a
//! facilitator settles. `server` sells a route, `client` buys, `facilitator` is the party between them.
//!
//! What the peers leave open is closed here: a payment is reserved before the handler runs, amounts are exact, and the buyer
//! signs nothing outside its policy.

pub mod amount;
mod asset;
pub mod chain;
pub mod client;
mod decode;
pub mod exact;
pub mod facilitator;
pub mod header;
pub mod reason;
mod receipt;
#[cfg(test)]
mod sequences;
pub mod server;
pub mod signature;
pub mod store;
pub mod testing;
pub mod wallet;
pub mod wire;

pub use alloy_primitives::{Address, B256, U256};
pub use asset::{Asset, AssetError, decimals_from_environment};
pub use receipt::{Evidence, Receipt};

/// Seconds since 1970 by the system's clock.
pub fn now_seconds() -> u64 {
    #[cfg(test)]
    if let Some(now) = sequences::clock() {
        return now;
    }
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

async fn sleep(duration: std::time::Duration) {
    #[cfg(test)]
    if sequences::clock().is_some() {
        return sequences::turns(4).await;
    }
    tokio::time::sleep(duration).await;
}

/// A work's result, if it comes in time. Work that takes longer is given up.
async fn within<T>(limit: std::time::Duration, work: impl Future<Output = T>) -> Option<T> {
    #[cfg(test)]
    if sequences::clock().is_some() {
        return Some(work.await);
    }
    tokio::time::timeout(limit, work).await.ok()
}
