use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;

use crate::clouds;
use facts::Context;

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
        let cloud = clouds::connect(context, stage).await?;
        let outputs = clouds::outputs(&*cloud, stage).await?;
        let outputs: BTreeMap<_, _> = outputs
            .iter()
            .map(|(owner, outputs)| (owner, camel_case(outputs)))
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

/// A stack's outputs as scripts read them: `runtimeArn`, not `RuntimeArn`.
fn camel_case(outputs: &BTreeMap<String, String>) -> BTreeMap<String, &str> {
    let first_small = |key: &str| {
        let mut letters = key.chars();
        letters.next().map_or(String::new(), |first| {
            first.to_ascii_lowercase().to_string() + letters.as_str()
        })
    };
    outputs
        .iter()
        .map(|(key, value)| (first_small(key), value.as_str()))
        .collect()
}
