use std::process::ExitCode;

use clap::Args;

use crate::clouds;
use cloud::{ProcessState, StackState};
use facts::Context;
use words::output::Output;

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
        let cloud = clouds::connect(context, stage).await?;
        let (stacks, remarks) =
            tokio::try_join!(clouds::describe(&*cloud, stage), cloud.remarks())?;
        let healthy = stacks.iter().all(|stack| stack.healthy);
        if self.json {
            context.out.json(&stacks);
        } else {
            for stack in stacks.iter().filter(|stack| is_worth_a_line(stack)) {
                show(&context.out, stack);
            }
        }
        for remark in remarks {
            context.out.warning(&remark);
        }
        Ok(if healthy {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// The stacks that run something, and those that something is to be said about.
fn is_worth_a_line(stack: &StackState) -> bool {
    !stack.processes.is_empty() || !stack.healthy || !stack.remarks.is_empty()
}

fn show(out: &Output, stack: &StackState) {
    let changing = stack
        .status
        .as_ref()
        .is_some_and(|status| status.ends_with("_IN_PROGRESS"));
    let (colour, word) = match (stack.healthy, changing) {
        (_, true) => ("33", "changing"),
        (true, false) => ("32", "healthy"),
        (false, false) => ("31", "not healthy"),
    };
    // Padded before it is painted: colours have no width.
    let mark = out.paint_data(colour, &format!("{word:<12}"));
    let url = stack
        .outputs
        .get("Url")
        .or_else(|| stack.outputs.get("EndpointArn"));
    let url = url.map_or("", String::as_str);
    out.data(format!("{:<16} {mark} {url}", stack.owner).trim_end());
    for process in &stack.processes {
        out.data(&format!("    {}", describe(process)));
    }
    for remark in &stack.remarks {
        out.data(&format!("    {}", out.paint_data("33", remark)));
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
