//! The agent: answers prompts with a model on Amazon Bedrock and the tools of an MCP server, as Bedrock AgentCore hosts it.

mod activity;
mod app;
mod config;
mod conversation;
mod event;
mod model;
mod routes;
mod sessions;
mod tools;
mod transcript;
mod turn;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let service = runtime::Service {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        health_path: "/ping",
    };
    runtime::run(service, config::Config::from_environment, app::serve)
}
