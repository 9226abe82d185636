//! MCP server with a wallet: sells an agent the tools, and pays for what they fetch.

use std::process::ExitCode;

use mcp_server::{app, config::Config};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let service = runtime::Service {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        health_path: "/health",
    };
    runtime::run(service, Config::from_environment, app::serve)
}
