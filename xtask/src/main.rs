//! `cargo xtask`: the one way in. Parse, load the context, run, report.

#![cfg_attr(
    not(feature = "aws"),
    expect(
        dead_code,
        unused_imports,
        reason = "what only a deploy to AWS needs is left in its place"
    )
)]

mod commands;
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
