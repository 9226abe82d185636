use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::clouds;
use ::deploy::{DeployRequest, Interrupted};
use cloud::Outputs;
use cloud::progress::Reporter;
use facts::{Context, Stage, typed};
use words::error::Failure;

/// Build what changed and bring a stage to what the repository says
///
/// Shows first what changes, and returns when every service is healthy. Run it again after an interruption: it goes on where it
/// was. On AWS it asks before anything is replaced or deleted, and executes exactly the change sets that it showed.
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
    /// Skip the smoke checks, of which a question to the model costs a few hundred tokens
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
        let cloud = clouds::connect(context, stage).await?;
        if self.cancel {
            ::deploy::cancel(context, stage, &cloud, &reporter).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let request = DeployRequest {
            only: &self.services,
            yes: self.yes,
            plan: self.plan.as_deref(),
            smoke: !self.no_smoke,
        };
        let result = ::deploy::deploy(context, stage, &cloud, request, &reporter).await;
        let deployed = match result.map_err(|error| error.downcast::<Interrupted>()) {
            Ok(deployed) => deployed,
            Err(Ok(interrupted)) => {
                context.out.warning(interrupted.problem);
                context.out.hint(&interrupted.hint);
                return Ok(ExitCode::FAILURE);
            }
            Err(Err(error)) => return Err(error),
        };
        if !self.json {
            welcome(context, stage, &deployed.outputs);
        }
        match deployed.healthy {
            true => Ok(ExitCode::SUCCESS),
            false => Err(unhealthy(stage).into()),
        }
    }
}

fn unhealthy(stage: &Stage) -> Failure {
    let problem = "all stacks are deployed, but a smoke check failed";
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
