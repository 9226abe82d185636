//! The MCP server's parts. A library beside the binary, so that tests can put other tools behind the same transport.

pub mod app;
pub mod config;
pub mod lazy_wallet;
pub mod tools;
pub mod transport;
