//! Payments as they are made: on a real EVM node, and between our programs and other implementations of x402.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod attacks;
mod bounds;
mod browser;
mod chain;
mod crash;
mod keys;
mod lies;
mod listing;
mod load;
mod market;
mod node;
mod peers;
mod process;
mod proxy;
mod shop;
mod time;
mod token;
mod tokens;
mod wallets;
