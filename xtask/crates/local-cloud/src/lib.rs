//! The local cloud: makes real processes of rendered CloudFormation templates, on this machine and for nothing.
//!
//! `LocalCloud` is the near end that commands use; `supervise` is the far end, a process of its own. What a resource type
//! becomes is listed in `resources`, what AWS itself would answer is in `aws`.

mod artifacts;
pub mod aws;
mod balancer;
mod clear;
mod client;
pub mod existing_secrets;
mod folder;
mod http_client;
pub mod logs;
mod processes;
mod resources;
mod stage;
mod stage_folder;
mod store;
mod supervisor;
mod template;
#[cfg(test)]
mod testing;
mod vault;

pub use clear::clear;
pub use client::{LocalCloud, reap};
pub use stage::LocalStage;
pub use stage_folder::stage_folder;
pub use supervisor::supervise;

/// The region that the local cloud says it is.
pub const REGION: &str = "us-west-2";
/// The account that the local cloud says it is.
pub const ACCOUNT: &str = "000000000000";

/// Answers Bedrock's calls with the offline model until the process ends.
///
/// # Errors
/// The listener cannot be served.
pub async fn serve_offline_model(listener: tokio::net::TcpListener) -> anyhow::Result<()> {
    Ok(axum::serve(listener, aws::offline_model(REGION, ACCOUNT)).await?)
}

/// Tells a supervisor which build of the tool it is.
const BUILD_VARIABLE: &str = "TURNPIKE_BUILD";
