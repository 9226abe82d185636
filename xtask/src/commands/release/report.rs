//! The words of a deploy: what was planned, what went wrong, and what still stands.

use super::carry::{Outcome, Trouble};
use super::preview::{self, Preview};
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
    for line in preview::lines(preview, &|code, text| out.paint(code, text)) {
        out.line(&line);
    }
}

/// Turns what went wrong into one screen: the cause, what it means, what was seen, and what still stands.
pub(super) fn outcome(reporter: &Reporter, stage: &Stage, outcome: Outcome) -> anyhow::Result<()> {
    if outcome.trouble.is_empty() {
        return Ok(());
    }
    for trouble in &outcome.trouble {
        reporter.report(&Event::Failed {
            name: &trouble.name,
            status: &trouble.status,
            reason: &trouble.text,
            diagnosis: &trouble.diagnosis,
        });
    }
    let text: Vec<String> = outcome.trouble.iter().map(words).collect();
    let mut problem = text.join("\n");
    if !outcome.done.is_empty() {
        problem.push_str(&format!(
            "\n  done and standing: {}",
            outcome.done.join(", ")
        ));
    }
    if !outcome.skipped.is_empty() {
        problem.push_str(&format!("\n  not begun: {}", outcome.skipped.join(", ")));
    }
    let hint = format!(
        "mend the cause and run `{}` again: it goes on where this one stopped",
        typed(stage, "deploy")
    );
    Err(Failure::new(problem, hint).into())
}

fn words(trouble: &Trouble) -> String {
    let mut text = format!("{} failed: {}", trouble.name, trouble.text);
    for line in &trouble.diagnosis {
        text.push_str(&format!("\n    {line}"));
    }
    let after = match trouble.status.as_str() {
        "" => return text,
        "ROLLBACK_COMPLETE" | "DELETE_COMPLETE" => "everything that it had made was removed again",
        "UPDATE_ROLLBACK_COMPLETE" => "the stack is as it was before",
        "UPDATE_ROLLBACK_FAILED" => "the rollback failed too; the next deploy offers to mend it",
        "DELETE_FAILED" => "what could not be deleted still stands; the next deploy tries again",
        _ => "look at the stack in the CloudFormation console before the next deploy",
    };
    text.push_str(&format!("\n  {}: {after}", trouble.status));
    text
}

/// What Ctrl-C leaves behind; `begun` tells whether anything was.
pub(super) fn detached(stage: &Stage, begun: bool) -> anyhow::Error {
    if !begun {
        let hint = format!("`{}` begins again", typed(stage, "deploy"));
        return Failure::new("stopped before anything was changed", hint).into();
    }
    let problem = "stopped waiting; CloudFormation goes on with what has been started";
    let hint = format!(
        "`{}` attaches to it and goes on; `{}` cancels the updates",
        typed(stage, "deploy"),
        typed(stage, "deploy --cancel")
    );
    Failure::new(problem, hint).into()
}
