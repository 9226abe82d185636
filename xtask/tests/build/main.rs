//! Building for the cloud, with real compilers, a real engine and a real registry.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod chain;
mod containers;
mod digests;
mod engine;
#[path = "../shared/templates.rs"]
mod templates;
#[path = "../shared/this_workspace.rs"]
mod this_workspace;
mod workspace;
