#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let service = runtime::Service {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        health_path: "/health",
    };
    runtime::run(
        service,
        facilitator::Config::from_environment,
        facilitator::serve,
    )
}
