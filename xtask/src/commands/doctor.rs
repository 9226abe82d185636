use std::process::ExitCode;

use clap::Args;

use crate::tools::doctor;
use facts::CloudKind;
use facts::Context;

/// Look for everything that a stage needs on this machine, and say how to get what is missing
#[derive(Debug, Args)]
#[command(after_help = concat!("Exit code 1 when something is missing.\nSource: ", file!()))]
pub(crate) struct Doctor {
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        let mut findings = doctor::cross_compiler(&context.repo.target.join("cross"));
        // A stage that cannot be rendered has errors of its own, and `check` says them.
        let stacks = deploy::desired(&context.repo, stage).unwrap_or_default();
        let needs_engine = stacks
            .iter()
            .find_map(|stack| stack.needs_engine.as_deref());
        findings.push(doctor::docker_engine(needs_engine).await?);
        // The local stage runs what this machine's own compiler builds; only `build` wants the other one.
        let needed = stage.cloud == CloudKind::Cloudformation;
        let complete = findings.iter().all(|finding| finding.ok);
        if self.json {
            context.out.json(&findings);
        } else {
            for finding in &findings {
                let mark = if finding.ok { "ok" } else { "missing" };
                context
                    .out
                    .data(&format!("{mark:<8} {:<32} {}", finding.name, finding.found));
                if !finding.ok {
                    context.out.data(&format!("{:<8} {}", "", finding.fix));
                }
            }
            if !needed && !complete {
                context.out.note(
                    "`cargo xtask deploy` does without it: only `build` and stages on AWS need it",
                );
            }
        }
        Ok(if complete || !needed {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
