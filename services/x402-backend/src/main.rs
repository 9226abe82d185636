//! Weather, sold per request over HTTP 402.

mod app;
mod config;
mod decimals;
mod readiness;
mod routes;
#[cfg(test)]
mod tests;
mod weather;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let service = runtime::Service {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        health_path: "/health",
    };
    runtime::run(service, config::Config::from_environment, app::serve)
}
