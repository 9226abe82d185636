//! The words of a deploy: what was planned, what went wrong, and what is deployed all the same.

use std::fmt;

use super::carry::{DeployOutcome, FailedStack};
use crate::preview::{self, Preview};
use cloud::Cloud;
use cloud::progress::{Event, Reporter};
use facts::Stage;
use facts::typed;
use words::error::Failure;

/// Shows what is about to be done: the table for a person, one event for a program.
pub(super) fn plan(reporter: &Reporter, preview: &Preview) {
    if reporter.json {
        return reporter.report(&Event::Planned {
            plan: &serde_json::to_value(preview).unwrap_or_default(),
        });
    }
    let out = &reporter.out;
    for line in preview::in_short(preview, &|code, text| out.paint(code, text)) {
        out.line(&line);
    }
}

/// Turns what went wrong into one screen: the cause, what it means, what was seen, and what is deployed all the same.
pub(super) fn outcome(
    reporter: &Reporter,
    stage: &Stage,
    outcome: DeployOutcome,
) -> anyhow::Result<()> {
    if outcome.failed.is_empty() {
        return Ok(());
    }
    for stack in &outcome.failed {
        reporter.report(&Event::Failed {
            name: &stack.name,
            status: &stack.status,
            reason: &stack.text,
            diagnosis: &stack.diagnosis,
        });
    }
    let text: Vec<String> = outcome.failed.iter().map(words).collect();
    let mut problem = text.join("\n");
    if !outcome.done.is_empty() {
        problem.push_str(&format!("\n  deployed: {}", outcome.done.join(", ")));
    }
    if !outcome.skipped.is_empty() {
        problem.push_str(&format!("\n  not begun: {}", outcome.skipped.join(", ")));
    }
    let hint = format!(
        "fix the cause and run `{}` again: it goes on where this one stopped",
        typed(stage, "deploy")
    );
    Err(Failure::new(problem, hint).into())
}

fn words(stack: &FailedStack) -> String {
    let mut text = format!("{} failed: {}", stack.name, stack.text);
    for line in &stack.diagnosis {
        text.push_str(&format!("\n    {line}"));
    }
    let after = match stack.status.as_str() {
        "" => return text,
        "ROLLBACK_COMPLETE" | "DELETE_COMPLETE" => "everything that it had made was removed again",
        "UPDATE_ROLLBACK_COMPLETE" => "the stack is as it was before",
        "UPDATE_ROLLBACK_FAILED" => "the rollback failed too; the next deploy offers to recover it",
        "DELETE_FAILED" => "what could not be deleted is still there; the next deploy tries again",
        _ => "look at the stack in the CloudFormation console before the next deploy",
    };
    text.push_str(&format!("\n  {}: {after}", stack.status));
    text
}

/// Somebody pressed Ctrl-C. That is not a failure: what was begun goes on, and the next deploy goes on with it.
#[derive(Debug)]
pub struct Interrupted {
    pub problem: &'static str,
    pub hint: String,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.problem)
    }
}

impl std::error::Error for Interrupted {}

/// What Ctrl-C leaves behind; `begun` tells whether anything was.
pub(super) fn interrupted(cloud: &dyn Cloud, stage: &Stage, begun: bool) -> anyhow::Error {
    let problem = match begun {
        true => "stopped waiting; what has been started goes on",
        false => "stopped waiting before anything was changed",
    };
    let hint = match begun && cloud.cancels_updates() {
        true => format!(
            "`{}` attaches to it and goes on; `{}` cancels the updates",
            typed(stage, "deploy"),
            typed(stage, "deploy --cancel")
        ),
        false => "run the same command again to go on where this one stopped".to_owned(),
    };
    Interrupted { problem, hint }.into()
}
