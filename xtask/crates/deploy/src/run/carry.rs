//! Carries a preview out: every stack starts as soon as those it needs are deployed, and nothing starts after a failure.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;

use super::builder::Builder;
use super::confirm::Consent;
use super::job::Job;
use super::retire;
use crate::preview::{Preview, StackAction, StackPreview};
use cloud::progress::{Event, Reporter};
use cloud::{Cloud, DeployedStack, Outputs};
use facts::Stage;
use stacks::RenderedStack;

/// What every stack's task shares.
#[derive(Clone)]
pub(super) struct DeployRun {
    pub(super) cloud: Arc<dyn Cloud>,
    pub(super) builder: Builder,
    pub(super) reporter: Reporter,
    pub(super) consent: Arc<Consent>,
    pub(super) stage: Stage,
    pub(super) deployed: Arc<BTreeMap<String, DeployedStack>>,
}

/// Where every stack is.
#[derive(Debug, Default, Clone)]
pub(super) struct Board {
    pub(super) outputs: Outputs,
    pub(super) failed: bool,
}

/// Why a stack did not get where it should.
#[derive(Debug)]
pub(super) struct FailedStack {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) text: String,
    pub(super) diagnosis: Vec<String>,
}

/// What a deploy came to.
#[derive(Debug, Default)]
pub(super) struct DeployOutcome {
    pub(super) outputs: Outputs,
    pub(super) done: Vec<String>,
    pub(super) skipped: Vec<String>,
    pub(super) failed: Vec<FailedStack>,
}

pub(super) enum Step {
    Done { owner: String },
    Skipped { owner: String },
    Failed(Box<FailedStack>),
}

/// Does what the preview says, stack by stack.
pub(super) async fn carry_out(
    run: &DeployRun,
    preview: Preview,
    rendered: &[RenderedStack],
) -> anyhow::Result<DeployOutcome> {
    let mut board = Board::default();
    for (owner, deployed) in run.deployed.iter() {
        board
            .outputs
            .insert(owner.clone(), deployed.outputs.clone());
    }
    let (removals, stacks): (Vec<StackPreview>, Vec<StackPreview>) = preview
        .stacks
        .into_iter()
        .partition(|stack| stack.action == StackAction::Delete);
    let pending: Vec<String> = stacks
        .iter()
        .filter(|stack| stack.action != StackAction::Nothing)
        .map(|stack| stack.owner.clone())
        .collect();
    for owner in &pending {
        board.outputs.remove(owner);
    }
    let board = watch::Sender::new(board);
    // Not tasks of the runtime: all of it waits for answers, and one thread waits for many.
    let mut jobs = FuturesUnordered::new();
    let mut outcome = DeployOutcome::default();
    for preview in stacks {
        if preview.action == StackAction::Nothing {
            run.reporter.report(&Event::Stack {
                name: &preview.name,
                result: "unchanged",
                changes: &[],
                seconds: 0.0,
            });
            continue;
        }
        let stack = rendered
            .iter()
            .find(|stack| stack.plan.owner == preview.owner)
            .with_context(|| format!("{} was not rendered", preview.name))?;
        let waits: Vec<String> = stack
            .plan
            .after
            .iter()
            .filter(|owner| pending.contains(owner))
            .cloned()
            .collect();
        let job = Job {
            run: run.clone(),
            preview,
            stack,
            waits,
            board: board.clone(),
        };
        jobs.push(job.go());
    }
    while let Some(step) = jobs.next().await {
        match step {
            Step::Done { owner } => outcome.done.push(owner),
            Step::Skipped { owner } => outcome.skipped.push(owner),
            Step::Failed(stack) => outcome.failed.push(*stack),
        }
    }
    outcome.outputs = board.borrow().outputs.clone();
    if outcome.failed.is_empty() {
        for removal in removals {
            retire::remove(run, &removal, &mut outcome).await?;
        }
    }
    Ok(outcome)
}
