//! The change of one stack on AWS: a change set, its execution, and what is found out when it fails.

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::cloudformation::{
    ChangeSet, Ended, KeptSecret, Since, StackEvent, StackFailure, TemplateBody, needs_url, stamped,
};
use crate::diagnosis::FailureProbe;
use crate::explain::passing;
use crate::removal;
use crate::secrets;
use crate::stage::AwsStage;
use cloud::progress::{Event, Reporter};
use cloud::{
    Action, ChangeFailure, ChangeOutcome, DeployedStack, Execution, Prepared, Removal,
    StackRequest, inputs_hash,
};
use words::error::Failure;

/// Makes a change set; waits while somebody else changes the stack.
pub(crate) async fn prepare(
    stage: &AwsStage,
    request: &StackRequest,
    bucket: Option<&String>,
) -> anyhow::Result<Prepared> {
    let hash = &inputs_hash(request);
    let text = stamped(&request.template, hash);
    let body = if needs_url(&text) {
        let bucket = bucket.with_context(|| {
            format!(
                "the template of {} is too large to go without a bucket",
                request.name
            )
        })?;
        let key = format!("templates/{}-{hash}.yaml", request.name);
        stage.s3.put_if_absent(bucket, &key, text.into()).await?;
        TemplateBody::Url(stage.s3.template_url(bucket, &key))
    } else {
        TemplateBody::Inline(request.template.clone())
    };
    let cloudformation = &stage.cloudformation;
    loop {
        let made = cloudformation.create_change_set(request, hash, body.clone());
        match made.await? {
            ChangeSet::Nothing => return Ok(Prepared::Nothing),
            ChangeSet::Ready(mut set) => {
                for kept in kept_secrets(stage, request, set.create).await? {
                    let mut changes = set.changes.iter_mut();
                    let change = changes.find(|change| change.logical_id == kept.logical_id);
                    change
                        .into_iter()
                        .for_each(|change| change.action = Action::Adopt);
                }
                return Ok(Prepared::Ready(set));
            }
            ChangeSet::Busy { stack_id, .. } => {
                let ended = cloudformation.watch(&stack_id, Since::Running, |_: StackEvent| {});
                ended.await?;
            }
        }
    }
}

/// Executes a change set and watches it to its end.
pub(crate) async fn execute(
    stage: &AwsStage,
    step: Execution<'_>,
) -> anyhow::Result<ChangeOutcome> {
    let set = step.set;
    let kept = kept_secrets(stage, step.request, set.create).await?;
    match kept.is_empty() {
        true => carry_out(stage, step).await,
        false => with_kept_secrets(stage, step, &kept).await,
    }
}

/// The secrets that a new stack of a protected stage finds, and that CloudFormation would not.
async fn kept_secrets(
    stage: &AwsStage,
    request: &StackRequest,
    create: bool,
) -> anyhow::Result<Vec<KeptSecret>> {
    match create && stage.protects() {
        true => secrets::kept(stage.aws.config(), &request.template).await,
        false => Ok(Vec::new()),
    }
}

/// Makes a new stack of secrets that the stage has kept, and then updates it to what was asked for.
async fn with_kept_secrets(
    stage: &AwsStage,
    step: Execution<'_>,
    kept: &[KeptSecret],
) -> anyhow::Result<ChangeOutcome> {
    let (cloudformation, request, reporter) = (&stage.cloudformation, step.request, step.reporter);
    cloudformation.discard(step.set).await?;
    let each = |event: StackEvent| report(reporter, &request.name, &event);
    let ended = cloudformation.adopt(request, kept, each).await?;
    if let Some(failure) = ended.failure {
        return Ok(failed(ended.status, &failure, Vec::new()));
    }
    let deployed = cloudformation.deployed().await?;
    let bucket = deployed
        .iter()
        .find_map(|stack| stack.outputs.get("BucketName"));
    let Prepared::Ready(set) = prepare(stage, request, bucket).await? else {
        let found = cloudformation.deployed_one(&request.name).await?;
        let outputs = found.map(|stack| stack.outputs).unwrap_or_default();
        return Ok(ChangeOutcome {
            outputs,
            failure: None,
        });
    };
    // A person has agreed to a stack that is made, and to nothing that is replaced.
    let lost = set.changes.iter().find(|change| {
        !matches!(
            change.action,
            Action::Create | Action::Adopt | Action::Update
        )
    });
    if let Some(change) = lost {
        cloudformation.discard(&set).await?;
        let problem = format!(
            "{} of {} was kept, and would be replaced",
            change.logical_id, request.name
        );
        let hint = "compare the secret with the template: what it is called and encrypted with has to be the same";
        return Err(Failure::new(problem, hint).into());
    }
    let outcome = carry_out(stage, Execution { set: &set, ..step }).await?;
    if outcome.failure.is_none() {
        cloudformation.protect(&set.stack_id, true).await?;
    }
    Ok(outcome)
}

async fn carry_out(stage: &AwsStage, step: Execution<'_>) -> anyhow::Result<ChangeOutcome> {
    let set = step.set;
    // Asked before it is executed: from then on, the last operation is the one that runs.
    let expected_seconds = match set.create {
        true => None,
        false => stage.cloudformation.last_seconds(&set.stack_id).await,
    };
    let since = stage.cloudformation.execute(set).await?;
    step.reporter.report(&Event::Started {
        name: &set.stack_name,
        action: if set.create { "create" } else { "update" },
        resources: set.changes.len(),
        expected_seconds,
    });
    let outcome = watch(stage, &set.stack_name, &set.stack_id, since, &step).await?;
    // At once, and not when the deploy ends: it may end in a failure.
    if set.create && stage.protects() && outcome.failure.is_none() {
        stage.cloudformation.protect(&set.stack_id, true).await?;
    }
    Ok(outcome)
}

/// Watches a stack to its end, with a probe at what is about to be rolled back.
async fn watch(
    stage: &AwsStage,
    name: &str,
    stack_id: &str,
    since: Since,
    step: &Execution<'_>,
) -> anyhow::Result<ChangeOutcome> {
    let outputs = step.before.map(|stack| &stack.outputs);
    let probe = FailureProbe::new(&stage.aws, outputs);
    watch_with(stage, name, stack_id, since, probe, step.reporter).await
}

async fn watch_with(
    stage: &AwsStage,
    name: &str,
    stack_id: &str,
    since: Since,
    mut probe: FailureProbe,
    reporter: &Reporter,
) -> anyhow::Result<ChangeOutcome> {
    let each = |event: StackEvent| {
        report(reporter, name, &event);
        probe.observe(&event);
    };
    let Ended {
        status,
        outputs,
        failure,
        ..
    } = stage.cloudformation.watch(stack_id, since, each).await?;
    Ok(match failure {
        Some(failure) => {
            let diagnosis = probe.findings(&failure).await;
            failed(status, &failure, diagnosis)
        }
        None => ChangeOutcome {
            outputs,
            failure: None,
        },
    })
}

fn failed(status: String, failure: &StackFailure, diagnosis: Vec<String>) -> ChangeOutcome {
    ChangeOutcome {
        outputs: BTreeMap::new(),
        failure: Some(ChangeFailure {
            status,
            passing: passing(&failure.reason),
            reason: failure.words(),
            diagnosis,
        }),
    }
}

/// Deletes a stack that the stage no longer has, with what is in it.
pub(crate) async fn retire(
    stage: &AwsStage,
    removal: &Removal,
    reporter: &Reporter,
) -> anyhow::Result<ChangeOutcome> {
    let told = |name: &str, count: usize| {
        reporter.tell("emptied", &format!("{name}: {count} deleted"));
    };
    removal::empty(&stage.aws, removal, &told).await?;
    // Whoever agreed to the deploy has read that this stack goes.
    if removal.protected {
        stage
            .cloudformation
            .protect(&removal.stack_id, false)
            .await?;
    }
    let since = stage.cloudformation.delete(&removal.stack_id, &[]).await?;
    let probe = FailureProbe::new(&stage.aws, None);
    watch_with(
        stage,
        &removal.name,
        &removal.stack_id,
        since,
        probe,
        reporter,
    )
    .await
}

/// Waits for what an earlier deploy began.
pub(crate) async fn attach(
    stage: &AwsStage,
    stack: &DeployedStack,
    reporter: &Reporter,
) -> anyhow::Result<()> {
    reporter.report(&Event::Attached {
        name: &stack.name,
        status: &stack.status,
    });
    let each = |event: StackEvent| report(reporter, &stack.name, &event);
    let ended = stage
        .cloudformation
        .watch(&stack.stack_id, Since::Running, each);
    ended.await.map(drop)
}

pub(crate) fn report(reporter: &Reporter, stack: &str, event: &StackEvent) {
    reporter.report(&Event::Resource {
        stack,
        logical_id: &event.logical_id,
        resource_type: &event.resource_type,
        status: &event.status,
        reason: event.reason.as_deref(),
    });
}
