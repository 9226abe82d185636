//! The built server, over HTTP and under a Lambda Runtime API, against a market that sells with the real x402 layer.

#![expect(clippy::unwrap_used, reason = "a test may stop here")]

mod lambda;
mod market;
#[path = "../support/mod.rs"]
mod support;
mod tools;
