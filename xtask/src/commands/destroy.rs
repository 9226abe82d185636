use std::cmp::Reverse;
use std::process::ExitCode;

use clap::Args;

use super::deploy::local_only;
use super::rollout;
use crate::context::Context;
use crate::error::UserError;
use crate::local::{self, LocalCloud};
use crate::plan;
use crate::repo::Stage;

/// Stop a stage and remove it, in the reverse order of its deploy
#[derive(Debug, Args)]
#[command(after_help = concat!("Source: ", file!()))]
pub(crate) struct Destroy {
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
    /// Remove a protected stage, and do not ask
    #[arg(long)]
    yes: bool,
}

impl Destroy {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        local_only(stage, "destroy")?;
        if stage.protect && !self.yes {
            return Err(
                UserError::new(format!("the stage {} is protected", stage.name))
                    .hint("if it really is to go: cargo xtask destroy --yes")
                    .into(),
            );
        }
        let folder = rollout::folder(context, stage);
        let removed = match LocalCloud::connect(&folder).await? {
            Some(cloud) => stop(context, stage, &cloud).await?,
            // A supervisor that was killed leaves its processes and its notes behind.
            None => local::reap(&folder)?,
        };
        let logs = local::clear(&folder)?;
        match removed {
            0 => context.out.step("done", "nothing was running"),
            _ => context.out.step("done", "no process and no port is left"),
        }
        if let Some(logs) = logs {
            context
                .out
                .note(&format!("the logs stay: {}", logs.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Deletes every stack, callers before what they call, and then ends the supervisor itself.
pub(crate) async fn stop(
    context: &Context,
    stage: &Stage,
    cloud: &LocalCloud,
) -> anyhow::Result<usize> {
    let order: Vec<String> = plan::stacks(&context.repo, stage)
        .into_iter()
        .map(|stack| stack.name)
        .collect();
    let mut stacks = cloud.describe().await?;
    // What the facts no longer name was deployed by other facts, and nothing that they name needs it.
    stacks.sort_by_key(|stack| {
        Reverse(
            order
                .iter()
                .position(|name| *name == stack.name)
                .unwrap_or(usize::MAX),
        )
    });
    for stack in &stacks {
        cloud.delete(&stack.name).await?;
        context.out.step("removed", &stack.name);
    }
    cloud.shut_down().await?;
    Ok(stacks.len().max(1))
}
