use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

#[cfg(feature = "aws")]
use super::release;
use super::rendering::{self, RenderedStack};
#[cfg(feature = "aws")]
use super::rollout::Reporter;
use crate::context::Context;
use crate::error::UserError;
use crate::plan::{ArgValue, Source, StackPlan};
use crate::repo::{CloudKind, Stage};

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
            return self.offline(context, stage);
        }
        #[cfg(not(feature = "aws"))]
        return Err(super::with_aws(context));
        #[cfg(feature = "aws")]
        self.online(context, stage).await
    }

    #[cfg(feature = "aws")]
    async fn online(&self, context: &Context, stage: &Stage) -> anyhow::Result<ExitCode> {
        let reporter = Reporter {
            out: context.out.clone(),
            json: false,
        };
        let keep = self.save.is_some();
        let preview = release::preview(context, stage, &self.services, keep, &reporter).await?;
        if let Some(path) = &self.save {
            release::save(path, &preview)?;
        }
        if self.json {
            context.out.json(&preview);
        } else {
            release::show(&context.out, &preview);
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

    fn offline(&self, context: &Context, stage: &Stage) -> anyhow::Result<ExitCode> {
        let stacks = rendering::rendered(&context.repo, stage)?;
        rendering::check_part_of_stage(stage, &stacks, &self.services)?;
        let wanted = |stack: &&RenderedStack| {
            self.services.is_empty() || self.services.contains(&stack.plan.owner)
        };
        let stacks: Vec<&RenderedStack> = stacks.iter().filter(wanted).collect();
        if self.json {
            let stacks: Vec<_> = stacks.iter().map(|stack| as_json(&stack.plan)).collect();
            context
                .out
                .json(&json!({ "stage": stage.name, "stacks": stacks }));
            return Ok(ExitCode::SUCCESS);
        }
        for (index, stack) in stacks.iter().enumerate() {
            let kind = stack.plan.kind.map_or("shared", |kind| kind.name());
            context
                .out
                .data(&format!("{}. {} ({kind})", index + 1, stack.plan.name));
            for (name, value) in &stack.plan.args {
                context
                    .out
                    .data(&format!("     ARG {name} = {}", arg(value)));
            }
            for input in &stack.plan.inputs {
                context.out.data(&format!(
                    "     {} = {}",
                    input.parameter,
                    source(&input.source)
                ));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn as_json(plan: &StackPlan) -> serde_json::Value {
    let args: Vec<_> = plan
        .args
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    json!({
        "name": plan.name,
        "owner": plan.owner,
        "kind": plan.kind,
        "template": plan.template,
        "after": plan.after,
        "args": args,
        "parameters": plan.inputs,
    })
}

fn arg(value: &ArgValue) -> String {
    match value {
        ArgValue::Text(text) => text.clone(),
        ArgValue::Output { owner, key } => format!("{key} of {owner}"),
    }
}

fn source(source: &Source) -> String {
    match source {
        Source::Image => "the image, by digest".to_owned(),
        Source::CodeBucket => "the bucket of artifacts".to_owned(),
        Source::CodeKey => "the zip, by its hash".to_owned(),
        Source::Output { owner, key } => format!("{key} of {owner}"),
    }
}
