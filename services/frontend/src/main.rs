//! The chat page of Turnpike: questions go to the agent on Bedrock AgentCore, answers and payments come back as they happen.

mod access;
mod agent;
mod app;
mod assets;
mod config;
mod conversation;
mod headers;
mod problem;
mod routes;
mod seal;
mod streams;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let service = runtime::Service {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        health_path: "/health",
    };
    runtime::run(service, config::Config::from_environment, app::serve)
}
