use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::time::timeout;

#[cfg(feature = "aws")]
use super::release::{self, Wish};
use super::rollout;
use cloud::Outputs;
use cloud::progress::Reporter;
use facts::Context;
use facts::typed;
use facts::{CloudKind, Stage};
use words::error::{Failure, UserError};

/// How long a signal may be on its way.
const INTERRUPTION: Duration = Duration::from_millis(200);

/// Build what changed and bring a stage to what the repository says
///
/// Returns when every service is healthy. Run it again after an interruption: it goes on where it was. On AWS it shows
/// first what changes, asks before anything is replaced or deleted, and executes exactly the change sets that it showed.
#[derive(Debug, Args)]
#[command(after_help = concat!("Source: ", file!()))]
pub(crate) struct Deploy {
    /// Only these services [default: all of the stage]
    services: Vec<String>,
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
    /// Do not ask before anything is replaced or deleted
    #[arg(long)]
    yes: bool,
    /// Do exactly what this plan says (`plan --save FILE`), or nothing if anything has moved since
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Cancel the updates that an earlier deploy began, and roll them back
    #[arg(long, conflicts_with_all = ["plan", "services"])]
    cancel: bool,
    /// Do not ask the new services anything afterwards
    #[arg(long)]
    no_smoke: bool,
    /// Print one JSON event per line
    #[arg(long)]
    json: bool,
}

impl Deploy {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        context.check_services(&self.services)?;
        let reporter = Reporter::new(&context.out, self.json);
        match stage.cloud {
            CloudKind::Local => self.local(context, stage, &reporter).await,
            #[cfg(feature = "aws")]
            CloudKind::Cloudformation => self.cloudformation(context, stage, &reporter).await,
            #[cfg(not(feature = "aws"))]
            CloudKind::Cloudformation => Err(words::error::NotInThisBuild::Aws {
                stage: stage.name.clone(),
            }
            .into()),
        }
    }

    async fn local(
        &self,
        context: &Context,
        stage: &Stage,
        reporter: &Reporter,
    ) -> anyhow::Result<ExitCode> {
        if self.plan.is_some() || self.cancel {
            let problem =
                "--plan and --cancel are for stages on AWS; the local stage is changed at once";
            return Err(UserError::new(problem).into());
        }
        let work = rollout::deploy(context, stage, &self.services, !self.no_smoke, reporter);
        let mut interrupted = pin!(tokio::signal::ctrl_c());
        let result = tokio::select! {
            biased;
            _ = &mut interrupted => None,
            result = work => Some(result),
        };
        // Cargo hears Ctrl-C too, and may have ended of it before it is heard here.
        let result = match result {
            Some(Err(_)) if timeout(INTERRUPTION, interrupted).await.is_ok() => None,
            result => result,
        };
        let Some(rolled) = result.transpose()? else {
            context
                .out
                .warning("stopped waiting; what has been started goes on");
            context
                .out
                .hint("run the same command again to go on where this one stopped");
            return Ok(ExitCode::FAILURE);
        };
        if !self.json {
            welcome(context, stage, &rolled.outputs);
        }
        match rolled.well {
            true => Ok(ExitCode::SUCCESS),
            false => Err(unwell(stage).into()),
        }
    }

    #[cfg(feature = "aws")]
    async fn cloudformation(
        &self,
        context: &Context,
        stage: &Stage,
        reporter: &Reporter,
    ) -> anyhow::Result<ExitCode> {
        if self.cancel {
            return release::cancel(context, stage, reporter).await;
        }
        let wish = Wish {
            only: &self.services,
            yes: self.yes,
            plan: self.plan.as_deref(),
            smoke: !self.no_smoke,
        };
        let deployed = release::deploy(context, stage, wish, reporter).await?;
        if !self.json && deployed.changed {
            welcome(context, stage, &deployed.outputs);
        }
        if deployed.well {
            return Ok(ExitCode::SUCCESS);
        }
        Err(unwell(stage).into())
    }
}

fn unwell(stage: &Stage) -> Failure {
    let problem = "every stack stands, and yet something does not answer as it should";
    let hint = format!(
        "look at `{}` and `{}`",
        typed(stage, "status"),
        typed(stage, "logs --since 10m")
    );
    Failure::new(problem, hint)
}

/// What to do next, after a deploy.
pub(crate) fn welcome(context: &Context, stage: &Stage, outputs: &Outputs) {
    let pages = context
        .repo
        .services
        .iter()
        .filter(|service| service.public);
    for url in pages.filter_map(|service| outputs.get(&service.name)?.get("Url")) {
        context.out.step("open", url);
    }
    let question = typed(stage, "invoke \"What is the weather in Tokyo?\"");
    context.out.note(&format!("ask:   {question}"));
    context
        .out
        .note(&format!("watch: {}", typed(stage, "logs --follow")));
    context
        .out
        .note(&format!("stop:  {}", typed(stage, "destroy")));
}
