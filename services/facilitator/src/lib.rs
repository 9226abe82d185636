//! An x402 facilitator: checks payments, and settles them on a chain, or for development on a ledger in a file.
//!
//! The ledger runs on chain 31337 only. Signatures made for it are worth nothing anywhere else.

mod app;
mod body;
pub mod chain;
mod claim;
mod config;
mod file;
mod hosts;
pub mod ledger;
mod routes;
mod rpc;
mod rules;

pub use app::{SettlementBackend, serve};
pub use claim::IdempotencyKey;
pub use config::Config;
pub use hosts::Hosts;
pub use routes::{router, router_for};
