//! Removing a stage from AWS: the plan from what stands, and carrying it out as parallel as the links allow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;

use super::confirm::confirm;
use super::contents::{empty, removal_of};
use super::order::before;
use super::removal::{Container, Removal, Running};
use super::report::{Event, Reporter};
use crate::commands::running::AwsStage;
use aws::cloudformation::{Ended, Since, Standing};
use aws::lock::LockGuard;
use aws::logs::Logs;
use cloud::lock_lost;
use facts::Context;
use facts::Stage;
use facts::typed;
use words::error::Failure;

/// A deletion that got stuck is tried again: what was in the way may have gone meanwhile.
const TRIES_MAX: u32 = 2;

/// Shows what goes and what stays, asks, and removes the stage.
pub(super) async fn destroy(
    context: &Context,
    stage: &Stage,
    aws: &AwsStage,
    yes: bool,
    reporter: &Reporter,
) -> anyhow::Result<()> {
    let standing = aws.cloudformation.standing().await?;
    if standing.is_empty() {
        reporter.report(&Event::Done {
            removed: 0,
            left: &[],
            what: "",
        });
        return Ok(());
    }
    let removals = removals(aws, &standing).await?;
    let stays = leftovers(aws, &standing).await?;
    reporter.report(&Event::Plan {
        stacks: &removals,
        stays: &stays,
    });
    confirm(&reporter.out, stage, yes).await?;
    let lock = lock(context, aws, &standing).await?;
    let lost = lock.as_ref().map(LockGuard::lost);
    let mut demolition = Demolition {
        aws,
        reporter,
        lock,
        before: before(&context.repo, stage, &owners(&removals)),
        waiting: removals,
        gone: BTreeSet::new(),
        failed: BTreeMap::new(),
    };
    let work = demolition.run();
    let result = match lost {
        None => work.await,
        Some(lost) => tokio::select! {
            result = work => result,
            () = lost.cancelled() => Err(lock_lost(stage)),
        },
    };
    demolition.let_go().await?;
    result?;
    demolition.outcome(stage, &stays)
}

fn owners(removals: &[Removal]) -> Vec<&str> {
    removals
        .iter()
        .map(|removal| removal.owner.as_str())
        .collect()
}

async fn removals(aws: &AwsStage, standing: &[Standing]) -> anyhow::Result<Vec<Removal>> {
    let one = |standing| removal_of(&aws.aws, &aws.cloudformation, standing);
    try_join_all(standing.iter().map(one)).await
}

/// What no stack knows of: AgentCore makes a log group for the endpoint that nobody asked for.
async fn leftovers(aws: &AwsStage, standing: &[Standing]) -> anyhow::Result<Vec<String>> {
    let logs = Logs::new(aws.aws.config());
    let mut stays = Vec::new();
    for outputs in standing.iter().map(|standing| &standing.outputs) {
        let Some(runtime) = outputs.get("RuntimeId") else {
            continue;
        };
        let names = logs
            .group_names(&format!("/aws/bedrock-agentcore/runtimes/{runtime}-"))
            .await?;
        let strangers = names
            .into_iter()
            .filter(|name| outputs.get("LogGroupName") != Some(name));
        stays.extend(strangers.map(|name| {
            format!("log group {name}, which AgentCore made (aws logs delete-log-group --log-group-name {name})")
        }));
    }
    Ok(stays)
}

/// The stage's lock, unless its bucket has gone already.
async fn lock(
    context: &Context,
    aws: &AwsStage,
    standing: &[Standing],
) -> anyhow::Result<Option<LockGuard>> {
    let settled = |stack: &&Standing| !stack.status.starts_with("DELETE");
    let Some(bucket) = standing
        .iter()
        .filter(settled)
        .find_map(|stack| stack.outputs.get("BucketName"))
    else {
        return Ok(None);
    };
    Ok(Some(aws.lock(&context.out, bucket).await?))
}

/// The work under way.
struct Demolition<'a> {
    aws: &'a AwsStage,
    reporter: &'a Reporter,
    lock: Option<LockGuard>,
    /// For each owner, who has to have gone before.
    before: BTreeMap<String, BTreeSet<String>>,
    waiting: Vec<Removal>,
    gone: BTreeSet<String>,
    /// Why a stack is still there, by its name.
    failed: BTreeMap<String, String>,
}

impl Demolition<'_> {
    /// Removes every stack as soon as all that need it have gone. One that stays keeps what it needs, and nothing else.
    async fn run(&mut self) -> anyhow::Result<()> {
        let (aws, reporter) = (self.aws, self.reporter);
        let mut running = FuturesUnordered::new();
        loop {
            for removal in self.take_free() {
                // The lock is kept in the bucket, so it is let go of before the bucket is emptied.
                if removal
                    .empties
                    .iter()
                    .any(|container| matches!(container, Container::Bucket(_)))
                {
                    self.let_go().await?;
                }
                reporter.report(&Event::Removing {
                    name: &removal.name,
                });
                running.push(async move {
                    let begun = Instant::now();
                    let result = remove(aws, reporter, &removal).await;
                    (removal, result, begun.elapsed().as_secs_f64())
                });
            }
            let Some((removal, result, seconds)) = running.next().await else {
                return Ok(());
            };
            match result? {
                None => {
                    reporter.report(&Event::Removed {
                        name: &removal.name,
                        seconds: Some(seconds),
                    });
                    self.gone.insert(removal.owner);
                }
                Some(reason) => {
                    reporter.report(&Event::Failed {
                        name: &removal.name,
                        reason: &reason,
                    });
                    self.failed.insert(removal.name, reason);
                }
            }
        }
    }

    fn take_free(&mut self) -> Vec<Removal> {
        let (before, gone) = (&self.before, &self.gone);
        let free = |removal: &Removal| {
            before
                .get(&removal.owner)
                .is_none_or(|others| others.is_subset(gone))
        };
        let (free, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(free);
        self.waiting = waiting;
        free
    }

    async fn let_go(&mut self) -> anyhow::Result<()> {
        match self.lock.take() {
            Some(lock) => lock.release().await,
            None => Ok(()),
        }
    }

    fn outcome(&self, stage: &Stage, stays: &[String]) -> anyhow::Result<()> {
        let still: Vec<&str> = self
            .waiting
            .iter()
            .map(|removal| removal.name.as_str())
            .collect();
        if self.failed.is_empty() && still.is_empty() {
            self.reporter.report(&Event::Done {
                removed: self.gone.len(),
                left: stays,
                what: "nothing of the stage is left but what is named as staying",
            });
            return Ok(());
        }
        let mut problem = format!(
            "{} of the stage's stacks are still there",
            self.failed.len() + still.len()
        );
        for (name, reason) in &self.failed {
            problem.push_str(&format!("\n  {name}: {reason}"));
        }
        if !still.is_empty() {
            problem.push_str(&format!(
                "\n  kept, since these need them: {}",
                still.join(", ")
            ));
        }
        let hint = format!(
            "mend what is named and run {} again: it goes on with what is left",
            typed(stage, "destroy")
        );
        Err(Failure::new(problem, hint).into())
    }
}

/// Removes one stack; the reason when it could not be done.
async fn remove(
    aws: &AwsStage,
    reporter: &Reporter,
    removal: &Removal,
) -> anyhow::Result<Option<String>> {
    let cloudformation = &aws.cloudformation;
    match removal.condition {
        Running::Change => {
            // A stack cannot be deleted in the middle of an update.
            cloudformation
                .watch(&removal.stack_id, Since::Running, |_| {})
                .await?;
        }
        Running::Deletion => {
            let ended = cloudformation
                .watch(&removal.stack_id, Since::Running, |_| {})
                .await?;
            if is_gone(&ended) {
                return Ok(None);
            }
        }
        Running::Nothing => {}
    }
    if removal.protected {
        cloudformation.protect(&removal.stack_id, false).await?;
    }
    let mut reason = String::new();
    for _ in 0..TRIES_MAX {
        let told = |name: &str, count| reporter.report(&Event::Emptied { name, count });
        empty(&aws.aws, removal, told).await?;
        let since = cloudformation.delete(&removal.stack_id, &[]).await?;
        let ended = cloudformation
            .watch(&removal.stack_id, since, |_| {})
            .await?;
        if is_gone(&ended) {
            return Ok(None);
        }
        reason = why(removal, &ended);
    }
    Ok(Some(reason))
}

/// CloudFormation forgets a stack's name at once, and its id after weeks.
fn is_gone(ended: &Ended) -> bool {
    ended.status == "DELETE_COMPLETE" || ended.status.is_empty()
}

/// `Subnets could not be deleted: ...`, with what it means where we know it.
fn why(removal: &Removal, ended: &Ended) -> String {
    let Some(failure) = &ended.failure else {
        return format!("it ended as {}", ended.status);
    };
    let mut text = failure.words();
    let networks = [
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::Subnet",
        "AWS::EC2::VPC",
    ];
    if removal.agent_in_vpc || networks.contains(&failure.resource_type.as_str()) {
        text.push_str("\n    network interfaces of an agent in a VPC stay for up to eight hours after it: try again then");
    }
    text
}
