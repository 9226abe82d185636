//! Tests of the whole system, as a user runs it. Each has a local cloud of its own, on free ports, in a folder that goes away.
//!
//! All are ignored by `cargo test` alone, because they build and run every service: `cargo xtask test` runs them by suite.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic, and says why"
)]

mod common;
mod faults;
mod function_url;
mod page;
mod system;
