//! What every service does the same way: settings from the environment, JSON logs, trace context, HTTP in and out,
//! health checks and a graceful stop.
//!
//! A service is `runtime::run(service, Config::from_environment, app::serve)` and nothing else in `main`.

pub mod aws;
mod environment;
mod error;
mod health;
pub mod http;
pub mod json;
mod logs;
mod run;
mod secret;
mod serve;
pub mod text;
mod tls;
pub mod trace;

pub use environment::{Address, Environment, Problem, Problems};
pub use error::{Error, describe};
pub use run::{Service, run};
pub use secret::Secret;
pub use serve::{Limits, layers, serve, serve_until, serve_within, spawn_to_end};
