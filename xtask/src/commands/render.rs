use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::plan::DESCRIPTION;
use super::{checking, rendering};
use crate::context::Context;
use crate::plan::DescribedStage;
use crate::tools::files;

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
        let templates = files::templates(&context.repo.root)?;
        let stacks = rendering::unchecked(&context.repo, stage, &templates)?;
        if !self.unchecked {
            let findings = checking::findings(&context.repo, stage, &templates, &stacks);
            checking::refuse(findings)?;
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
        Ok(ExitCode::SUCCESS)
    }
}
