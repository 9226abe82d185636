use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::clouds;
use cloud::progress::Reporter;
use deploy::{offline, preview};
use facts::{Context, Stage, typed};

/// Show what a deploy would do, in its order, and where each value comes from
///
/// The changes of a stage on AWS come from CloudFormation's own change sets, and none is left behind; those of the local stage
/// from a comparison with what runs.
#[derive(Debug, Args)]
#[command(after_help = concat!("Source: ", file!()))]
pub(crate) struct Plan {
    /// Only these services [default: all of the stage]
    services: Vec<String>,
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
    /// Ask no cloud: the stacks and where their values come from, from the repository alone
    #[arg(long)]
    offline: bool,
    /// With --offline: what would change since another checkout, whose `render --out DIR` this is
    #[arg(long, value_name = "DIR", requires = "offline")]
    against: Option<PathBuf>,
    /// Keep the plan and its change sets, for `deploy --plan FILE`
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    save: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        context.check_services(&self.services)?;
        match (&self.against, self.offline) {
            (Some(folder), _) => {
                offline::against(context, stage, &self.services, folder, self.json)?;
            }
            (None, true) => offline::show(context, stage, &self.services, self.json)?,
            (None, false) => self.online(context, stage).await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn online(&self, context: &Context, stage: &Stage) -> anyhow::Result<()> {
        let reporter = Reporter::new(&context.out, false);
        let cloud = clouds::connect(context, stage).await?;
        let keep = self.save.is_some();
        let plan =
            deploy::preview_of(context, stage, &cloud, &self.services, keep, &reporter).await?;
        if let Some(path) = &self.save {
            deploy::save(path, &plan)?;
        }
        if self.json {
            context.out.json(&plan);
        } else {
            preview::show(&context.out, &plan);
        }
        if let Some(path) = &self.save {
            let command = format!("deploy --plan {}", path.display());
            context.out.hint(&typed(stage, &command));
        }
        Ok(())
    }
}
