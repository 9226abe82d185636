//! `cargo xtask`: the one way in. Parse, load the context, run, report.

#![cfg_attr(
    not(feature = "aws"),
    expect(
        dead_code,
        unused_imports,
        reason = "what only a deploy to AWS needs is left in its place"
    )
)]

mod check;
mod cloud;
mod commands;
mod context;
mod error;
mod image;
mod local;
mod output;
mod plan;
mod render;
mod repo;
#[expect(
    unreachable_pub,
    reason = "it is public in the library of the services"
)]
#[path = "../../services/shared/runtime/src/text.rs"]
mod text;
mod tools;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let out = output::Output::detect();
    match commands::run(&out).await {
        Ok(code) => code,
        Err(error) => error::report(&error, &out),
    }
}
