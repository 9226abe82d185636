//! An x402 facilitator: checks payments, and settles them on a chain, or for development on a ledger in a file.
//!
//! The ledger runs on chain 31337 only. Signatures made for it are worth nothing anywhere else.

mod app;
pub mod chain;
mod config;
mod file;
pub mod ledger;
mod rpc;
mod rules;

pub use app::{Till, router, serve};
pub use config::Config;
