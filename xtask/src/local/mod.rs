//! The local cloud: makes real processes of rendered CloudFormation templates, on this machine and for nothing.
//!
//! `LocalCloud` is the near end that commands use; `supervise` is the far end, a process of its own. What a resource type
//! becomes is listed in `resources`, what AWS itself would answer is in `aws`.

pub(crate) mod aws;
mod balancer;
mod clear;
mod client;
pub(crate) mod existing_secrets;
mod folder;
mod http_client;
pub(crate) mod logs;
mod processes;
mod resources;
mod store;
mod supervisor;
mod template;
#[cfg(test)]
mod testing;
mod vault;

pub(crate) use clear::clear;
pub(crate) use client::{LocalCloud, reap};
pub(crate) use store::{ImageStore, Source, StoredFile};
pub(crate) use supervisor::supervise;

/// The region that the local cloud says it is.
pub(crate) const REGION: &str = "us-west-2";
/// The account that the local cloud says it is.
pub(crate) const ACCOUNT: &str = "000000000000";

/// Answers Bedrock's calls with the offline model until the process ends.
///
/// # Errors
/// The listener cannot be served.
pub(crate) async fn serve_offline_model(listener: tokio::net::TcpListener) -> anyhow::Result<()> {
    Ok(axum::serve(listener, aws::offline_model(REGION, ACCOUNT)).await?)
}

/// Tells a supervisor which build of the tool it is.
const BUILD_VARIABLE: &str = "TURNPIKE_BUILD";
