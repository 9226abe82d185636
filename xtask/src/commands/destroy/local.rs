//! Stopping what runs on this machine.

use super::order::order;
use super::report::{Event, Reporter};
use crate::commands::running::LocalStage;
use facts::Context;
use facts::Stage;
use local_cloud::{self, LocalCloud};

/// Stops everything, and clears away what a killed supervisor left. The logs stay.
pub(super) async fn destroy(
    context: &Context,
    stage: &Stage,
    local: &LocalStage,
    reporter: &Reporter,
) -> anyhow::Result<()> {
    let removed = match &local.cloud {
        Some(cloud) => stop(context, stage, cloud, reporter).await?,
        // A supervisor that was killed leaves its processes and its notes behind.
        None => local_cloud::reap(&local.folder)?,
    };
    let logs = local_cloud::clear(&local.folder)?;
    reporter.report(&Event::Done {
        removed,
        left: &[],
        what: "no process and no port is left",
    });
    if let Some(logs) = logs {
        context
            .out
            .note(&format!("the logs stay: {}", logs.display()));
    }
    Ok(())
}

/// Deletes every stack, callers before what they call, and then ends the supervisor itself.
pub(super) async fn stop(
    context: &Context,
    stage: &Stage,
    cloud: &LocalCloud,
    reporter: &Reporter,
) -> anyhow::Result<usize> {
    let stacks = cloud.describe().await?;
    let names: Vec<(String, String)> = stacks
        .iter()
        .map(|stack| (stack.owner.clone(), stack.name.clone()))
        .collect();
    for name in order(&context.repo, stage, &names) {
        cloud.delete(&name).await?;
        reporter.report(&Event::Removed {
            name: &name,
            seconds: None,
        });
    }
    cloud.shut_down().await?;
    Ok(stacks.len().max(1))
}
