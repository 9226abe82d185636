use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::rendering;
use crate::context::Context;
use crate::plan::{ArgValue, Source, StackPlan};

/// Show what a deploy would do, in its order, and where each value comes from
#[derive(Debug, Args)]
#[command(after_help = concat!("Source: ", file!()))]
pub(crate) struct Plan {
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(crate) fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        let stacks = rendering::rendered(&context.repo, stage)?;
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
