mod offline;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

#[cfg(feature = "aws")]
use super::preview;
#[cfg(feature = "aws")]
use super::release;
#[cfg(feature = "aws")]
use cloud::progress::Reporter;
use facts::Context;
use facts::{CloudKind, Stage};
pub(super) use offline::DESCRIPTION;
use words::error::UserError;

/// Show what a deploy would do, in its order, and where each value comes from
///
/// With credentials the changes of a stage on AWS come from CloudFormation's own change sets, and none is left behind.
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
        if self.offline || stage.cloud == CloudKind::Local {
            if self.save.is_some() {
                let problem =
                    "a plan of the local stage cannot be kept: nothing is asked about there";
                return Err(UserError::new(problem).into());
            }
            match &self.against {
                Some(folder) => {
                    offline::against(context, stage, &self.services, folder, self.json)?;
                }
                None => offline::show(context, stage, &self.services, self.json)?,
            }
            return Ok(ExitCode::SUCCESS);
        }
        #[cfg(not(feature = "aws"))]
        return Err(words::error::NotInThisBuild::Aws {
            stage: stage.name.clone(),
        }
        .into());
        #[cfg(feature = "aws")]
        self.online(context, stage).await
    }

    #[cfg(feature = "aws")]
    async fn online(&self, context: &Context, stage: &Stage) -> anyhow::Result<ExitCode> {
        let reporter = Reporter::new(&context.out, false);
        let keep = self.save.is_some();
        let preview = release::preview(context, stage, &self.services, keep, &reporter).await?;
        if let Some(path) = &self.save {
            release::save(path, &preview)?;
        }
        if self.json {
            context.out.json(&preview);
        } else {
            preview::show(&context.out, &preview);
        }
        if let Some(path) = &self.save {
            let path = path.display();
            context.out.hint(&format!(
                "cargo xtask deploy --stage {} --plan {path}",
                stage.name
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}
