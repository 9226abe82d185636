//! Deploys to an emulator of AWS: the tool as a user runs it, CloudFormation and the other APIs from MiniStack, and the containers
//! on a real Docker engine.
//!
//! All but `proxy` are ignored by `cargo test` alone, because they need both: `cargo xtask test aws`.

#![cfg(feature = "aws")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod authorization;
mod budgets;
mod causes;
mod cdk;
mod chain;
mod critical_path;
mod deploy;
mod emulator;
mod failures;
mod fixture;
mod ground;
mod interruptions;
mod operate;
#[path = "../shared/processor_time.rs"]
mod processor_time;
mod protected;
mod proxy;
#[path = "../terminal/pty.rs"]
mod pty;
mod requests;
mod state;
#[path = "../shared/templates.rs"]
mod templates;
mod terminal;
#[path = "../shared/this_workspace.rs"]
mod this_workspace;
