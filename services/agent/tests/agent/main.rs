//! The real binary between a Bedrock and an MCP server of the tests' own, over real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where by failing"
)]

mod bedrock;
mod callers;
mod contract;
mod failures;
mod mcp;
mod metadata;
mod nova;
mod overhead;
mod process;
mod turns;
