//! Carries a preview out: every stack starts as soon as those it needs stand, and nothing starts after a failure.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;

use super::confirm::Consent;
use super::job::Job;
use super::preview::{Preview, StackAction, StackPreview};
use super::retire;
use super::workshop::{Depot, Workshop};
use crate::commands::diagnosis::Witness;
use aws::Aws;
use aws::cloudformation::{
    ChangeSet, CloudFormation, Ended, ReadySet, Since, StackEvent, Standing, TemplateBody,
    needs_url, stamped,
};
use cloud::progress::{Event, Reporter};
use cloud::{Outputs, StackRequest};
use facts::Stage;
use stacks::RenderedStack;

/// What every stack's task shares.
#[derive(Clone)]
pub(super) struct Crew {
    pub(super) cloud: CloudFormation,
    pub(super) workshop: Workshop,
    pub(super) depot: Depot,
    pub(super) reporter: Reporter,
    pub(super) consent: Arc<Consent>,
    pub(super) stage: Stage,
    pub(super) standing: Arc<BTreeMap<String, Standing>>,
    pub(super) aws: Aws,
}

/// Where every stack is.
#[derive(Debug, Default, Clone)]
pub(super) struct Board {
    pub(super) outputs: Outputs,
    pub(super) failed: bool,
}

/// Why a stack did not get where it should.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) text: String,
    pub(super) diagnosis: Vec<String>,
}

/// What a deploy came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) outputs: Outputs,
    pub(super) done: Vec<String>,
    pub(super) skipped: Vec<String>,
    pub(super) trouble: Vec<Trouble>,
}

pub(super) enum Step {
    Done { owner: String },
    Skipped { owner: String },
    Trouble(Box<Trouble>),
}

/// Does what the preview says, stack by stack.
pub(super) async fn carry_out(
    crew: &Crew,
    preview: Preview,
    rendered: &[RenderedStack],
) -> anyhow::Result<Outcome> {
    let mut board = Board::default();
    for (owner, standing) in crew.standing.iter() {
        board
            .outputs
            .insert(owner.clone(), standing.outputs.clone());
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
    let mut outcome = Outcome::default();
    for preview in stacks {
        if preview.action == StackAction::Nothing {
            crew.reporter.report(&Event::Stack {
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
            crew: crew.clone(),
            preview,
            stack,
            waits,
            board: board.clone(),
        };
        jobs.push(job.run());
    }
    while let Some(step) = jobs.next().await {
        match step {
            Step::Done { owner } => outcome.done.push(owner),
            Step::Skipped { owner } => outcome.skipped.push(owner),
            Step::Trouble(trouble) => outcome.trouble.push(*trouble),
        }
    }
    outcome.outputs = board.borrow().outputs.clone();
    if outcome.trouble.is_empty() {
        for removal in removals {
            retire::remove(crew, &removal, &mut outcome).await?;
        }
    }
    Ok(outcome)
}

/// Makes a change set; waits while somebody else changes the stack. None when there is nothing to change.
pub(super) async fn prepare(
    cloud: &CloudFormation,
    depot: &Depot,
    bucket: Option<&String>,
    request: &StackRequest,
) -> anyhow::Result<Option<ReadySet>> {
    let hash = deploy::plan::inputs_hash(request);
    let text = stamped(&request.template, &hash);
    let body = if needs_url(&text) {
        let bucket = bucket.with_context(|| {
            format!(
                "the template of {} is too large to go without a bucket",
                request.name
            )
        })?;
        let key = format!("templates/{}-{hash}.yaml", request.name);
        depot.s3.put_if_absent(bucket, &key, text.into()).await?;
        TemplateBody::Url(depot.s3.template_url(bucket, &key))
    } else {
        TemplateBody::Inline(request.template.clone())
    };
    loop {
        match cloud
            .create_change_set(request, &hash, body.clone())
            .await?
        {
            ChangeSet::Nothing => return Ok(None),
            ChangeSet::Ready(set) => return Ok(Some(set)),
            ChangeSet::Busy { stack_id, .. } => {
                cloud
                    .watch(&stack_id, Since::Running, |_: StackEvent| {})
                    .await?;
            }
        }
    }
}

/// Watches a stack to its end, with a witness at what is about to be rolled back.
pub(super) async fn watched(
    crew: &Crew,
    name: &str,
    owner: &str,
    stack_id: &str,
    since: Since,
) -> anyhow::Result<(Ended, Vec<String>)> {
    let standing = crew.standing.get(owner).map(|standing| &standing.outputs);
    let mut witness = Witness::new(&crew.aws, standing);
    let each = |event: StackEvent| {
        report(&crew.reporter, name, &event);
        witness.sees(&event);
    };
    let ended = crew.cloud.watch(stack_id, since, each).await?;
    let found = match &ended.failure {
        Some(failure) => witness.testimony(failure).await,
        None => Vec::new(),
    };
    Ok((ended, found))
}

pub(super) fn report(reporter: &Reporter, stack: &str, event: &StackEvent) {
    reporter.report(&Event::Resource {
        stack,
        logical_id: &event.logical_id,
        resource_type: &event.resource_type,
        status: &event.status,
        reason: event.reason.as_deref(),
    });
}
