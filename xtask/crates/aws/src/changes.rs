//! The change of one stack on AWS: a change set, its execution, and what is found out when it fails.

use anyhow::Context as _;

use crate::cloudformation::{
    ChangeSet, Ended, Since, StackEvent, TemplateBody, needs_url, stamped,
};
use crate::diagnosis::FailureProbe;
use crate::removal;
use crate::stage::AwsStage;
use cloud::progress::{Event, Reporter};
use cloud::{
    ChangeFailure, ChangeOutcome, DeployedStack, Execution, Prepared, Removal, StackRequest,
    inputs_hash,
};

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
            ChangeSet::Ready(set) => return Ok(Prepared::Ready(set)),
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
    watch(stage, &set.stack_name, &set.stack_id, since, &step).await
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
    let failure = match failure {
        Some(failure) => Some(ChangeFailure {
            status,
            reason: failure.words(),
            diagnosis: probe.findings(&failure).await,
        }),
        None => None,
    };
    Ok(ChangeOutcome { outputs, failure })
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
