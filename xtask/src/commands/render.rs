use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::policies;
use deploy::offline::DESCRIPTION;
use facts::Context;
use stacks::DescribedStage;

/// Write the CloudFormation that would be deployed
///
/// Needs no credentials. Values that only a deploy knows are parameters of the templates; plan.json beside them says where they
/// come from, and `plan --offline --against DIR` compares with it all.
#[derive(Debug, Args)]
#[command(after_help = concat!("Source: ", file!()))]
pub(crate) struct Render {
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
    /// Write also what `check` refuses, to look at it
    #[arg(long)]
    unchecked: bool,
    /// Write also the IAM policies that a deploy of the stage needs (deploy-*.json), and those for `plan`, `status` and `logs` (read.json)
    #[arg(long)]
    policies: bool,
    /// Where to write one file per stack [default: target/rendered/STAGE]
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Render {
    pub(crate) fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        let folder = self
            .out
            .clone()
            .unwrap_or_else(|| context.repo.target.join("rendered").join(&stage.name));
        let sources = facts::sources(&context.repo)?;
        let stacks = stacks::render(&context.repo, stage, &sources)?;
        if !self.unchecked {
            let findings = check::findings(&context.repo, stage, &sources, &stacks);
            check::refuse(findings)?;
        }
        let described = DescribedStage::of(stage, stacks.iter().map(|stack| &stack.plan));
        files::write(
            &folder.join(DESCRIPTION),
            serde_json::to_vec_pretty(&described)?,
        )?;
        for stack in stacks {
            let path = folder.join(format!("{}.yaml", stack.plan.owner));
            files::write(&path, &stack.template)?;
            context.out.data(&path.display().to_string());
        }
        if self.policies {
            for (name, text) in policies::of_stage(&context.repo.project, stage) {
                let path = folder.join("policies").join(name);
                files::write(&path, &text)?;
                context.out.data(&path.display().to_string());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
