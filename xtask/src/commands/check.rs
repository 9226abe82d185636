use std::process::ExitCode;

use clap::Args;

use super::rendering;
use crate::context::Context;

/// Check the facts, the Dockerfiles and the rendered templates, offline
#[derive(Debug, Args)]
#[command(after_help = concat!("Source: ", file!()))]
pub(crate) struct Check {
    /// The stage [default: every stage]
    #[arg(long)]
    stage: Option<String>,
}

impl Check {
    pub(crate) fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stages = match &self.stage {
            Some(name) => vec![context.stage(name)?],
            None => context.repo.stages.iter().collect(),
        };
        for stage in stages {
            let stacks = rendering::rendered(&context.repo, stage)?;
            let services = stacks
                .iter()
                .filter(|stack| stack.plan.kind.is_some())
                .count();
            let text = format!(
                "stage {}: {services} services, {} stacks, no problem found",
                stage.name,
                stacks.len()
            );
            context.out.data(&text);
        }
        Ok(ExitCode::SUCCESS)
    }
}
