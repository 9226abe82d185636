use std::process::ExitCode;

use clap::Args;

use super::running;
use crate::cloud::ProcessState;
use crate::context::Context;

/// Show what runs, and how it does
#[derive(Debug, Args)]
#[command(after_help = concat!("Exit code 1 when something is not healthy.\nSource: ", file!()))]
pub(crate) struct Status {
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        let stacks = running::cloud(context, stage, "status")
            .await?
            .describe()
            .await?;
        let healthy = stacks.iter().all(|stack| stack.healthy);
        if self.json {
            context.out.json(&stacks);
        } else {
            for stack in stacks.iter().filter(|stack| !stack.processes.is_empty()) {
                // Padded before it is painted: colours have no width.
                let mark = match stack.healthy {
                    true => context.out.paint_data("32", &format!("{:<12}", "healthy")),
                    false => context
                        .out
                        .paint_data("31", &format!("{:<12}", "not healthy")),
                };
                let url = stack
                    .outputs
                    .get("Url")
                    .or_else(|| stack.outputs.get("EndpointArn"));
                context.out.data(&format!(
                    "{:<16} {mark} {}",
                    stack.owner,
                    url.map_or("", String::as_str)
                ));
                for process in &stack.processes {
                    context.out.data(&format!("    {}", describe(process)));
                }
            }
        }
        Ok(if healthy {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// `running, pid 4711, since 2026-11-22T12:00:00Z, 2 restarts (last: signal 9)`
fn describe(process: &ProcessState) -> String {
    let mut text = format!("{}: {}", process.name, process.state);
    if let Some(pid) = process.pid {
        text.push_str(&format!(", pid {pid}"));
    }
    if let Some(since) = &process.started_at {
        // To the second: who wants more reads --json.
        let second = since
            .split('.')
            .next()
            .unwrap_or(since)
            .trim_end_matches('Z');
        text.push_str(&format!(", since {second}Z"));
    }
    if process.restarts > 0 {
        let last = process.last_exit.as_deref().unwrap_or("unknown");
        text.push_str(&format!(", {} restarts (last: {last})", process.restarts));
    }
    text
}
