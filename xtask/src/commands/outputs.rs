use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;

use super::running;
use crate::context::Context;

/// Print the URLs, ARNs and ids of what is deployed
#[derive(Debug, Args)]
#[command(after_help = concat!("Source: ", file!()))]
pub(crate) struct Outputs {
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
    /// Print one JSON object with one object per service
    #[arg(long)]
    json: bool,
}

impl Outputs {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        let stacks = running::cloud(context, stage, "outputs")
            .await?
            .describe()
            .await?;
        let outputs: BTreeMap<_, _> = stacks
            .iter()
            .map(|state| (state.owner.as_str(), running::camel_case_outputs(state)))
            .collect();
        if self.json {
            context.out.json(&outputs);
            return Ok(ExitCode::SUCCESS);
        }
        for (owner, outputs) in outputs {
            context.out.data(owner);
            for (key, value) in outputs {
                context.out.data(&format!("  {key:<24} {value}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
