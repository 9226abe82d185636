//! An x402 facilitator for development: checks payments as a real one does, and settles them on a ledger in a file.
//!
//! It runs on chain 31337 only. Signatures made for it are worth nothing anywhere else.

mod app;
mod config;
pub mod ledger;
mod rpc;

pub use app::{router, serve};
pub use config::Config;
