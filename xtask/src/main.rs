//! `cargo xtask`: the one way in. Parse, load the context, run, report.

mod clouds;
mod commands;
mod policies;
mod tools;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let out = words::output::Output::detect();
    match commands::run(&out).await {
        Ok(code) => code,
        Err(error) => words::error::report(&error, &out),
    }
}
