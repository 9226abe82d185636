//! Removing a stage: what goes and what stays, from what is deployed, and carrying it out as parallel as the links allow.

mod confirm;
mod order;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;

use confirm::confirm;
use order::before;
use report::{DestroyEvent, Reporter};

use cloud::{Closed, Cloud, Container, DeployLock, DeployedStack, Outputs, Removal, lock_lost};
use facts::{Context, Stage, typed};
use words::error::{Failure, UserError};

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub struct DestroyRequest {
    /// A person has agreed beforehand.
    pub yes: bool,
    /// One JSON event per line.
    pub json: bool,
    /// Keep nothing but logs. Otherwise what a later deploy finds again stays: secrets that outlive their stacks.
    pub forget: bool,
}

/// Shows what goes and what stays, asks, and removes the stage.
///
/// # Errors
/// Nobody agrees, the cloud refuses, or a stack cannot be deleted.
pub async fn destroy(
    context: &Context,
    stage: &Stage,
    cloud: &Arc<dyn Cloud>,
    request: DestroyRequest,
) -> anyhow::Result<()> {
    let reporter = &Reporter::new(&context.out, request.json);
    crate::account::is_named(stage, &cloud.account(), request.yes)?;
    let deployed = cloud.deployed().await?;
    let removals = try_join_all(deployed.iter().map(|stack| cloud.removal(stack))).await?;
    refuse_protected(stage, &removals)?;
    let stays = cloud.leftovers(&deployed).await?;
    if cloud.asks_before_loss() && !deployed.is_empty() {
        reporter.report(&DestroyEvent::Plan {
            stacks: &removals,
            stays: &stays,
        });
        confirm(&reporter.out, stage, request.yes).await?;
    }
    let lock = lock(cloud, &deployed, reporter).await?;
    let lost = lock.as_ref().map(DeployLock::lost);
    let owners: Vec<&str> = deployed.iter().map(|stack| stack.owner.as_str()).collect();
    let mut run = DestroyRun {
        cloud,
        reporter,
        lock,
        before: before(&context.repo, stage, &owners),
        waiting: removals,
        gone: BTreeSet::new(),
        failed: BTreeMap::new(),
    };
    let work = run.run();
    let result = match lost {
        None => work.await,
        Some(lost) => tokio::select! {
            result = work => result,
            () = lost.cancelled() => Err(lock_lost(stage)),
        },
    };
    run.let_go().await?;
    result?;
    run.check(stage)?;
    let closed = cloud.close(request.forget).await?;
    done(reporter, run.gone.len(), &closed, &stays);
    Ok(())
}

/// Protection was put on by a deploy of a stage that says `protect = true`, and a deploy takes it off: it also tells the stacks not
/// to keep their data.
fn refuse_protected(stage: &Stage, removals: &[Removal]) -> Result<(), UserError> {
    let protected = removals.iter().filter(|removal| removal.protected);
    let names: Vec<&str> = protected.map(|removal| removal.name.as_str()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "nothing was deleted: these stacks are protected against deletion: {}",
        names.join(", ")
    );
    let hint = format!(
        "the stage {} no longer says `protect = true`; if it really is to go: {}, then {}",
        stage.name,
        typed(stage, "deploy"),
        typed(stage, "destroy")
    );
    Err(UserError::new(problem).hint(hint))
}

fn done(reporter: &Reporter, gone: usize, closed: &Closed, stays: &[String]) {
    reporter.report(&DestroyEvent::Done {
        removed: gone.max(closed.removed),
        left: stays,
        what: closed.summary,
    });
    if let Some(note) = &closed.note {
        reporter.out.note(note);
    }
}

/// The stage's lock, unless what it lies in has gone already.
async fn lock(
    cloud: &Arc<dyn Cloud>,
    deployed: &[DeployedStack],
    reporter: &Reporter,
) -> anyhow::Result<Option<DeployLock>> {
    let settled = deployed
        .iter()
        .filter(|stack| !stack.status.starts_with("DELETE"));
    let outputs: Outputs = settled
        .map(|stack| (stack.owner.clone(), stack.outputs.clone()))
        .collect();
    if outputs.is_empty() || !cloud.can_lock(&outputs) {
        return Ok(None);
    }
    Ok(Some(cloud.lock(&outputs, &reporter.progress).await?))
}

/// The work under way.
struct DestroyRun<'a> {
    cloud: &'a Arc<dyn Cloud>,
    reporter: &'a Reporter,
    lock: Option<DeployLock>,
    /// For each owner, who has to have gone before.
    before: BTreeMap<String, BTreeSet<String>>,
    waiting: Vec<Removal>,
    gone: BTreeSet<String>,
    /// Why a stack is still there, by its name.
    failed: BTreeMap<String, String>,
}

impl DestroyRun<'_> {
    /// Removes every stack as soon as all that need it have gone. One that stays keeps what it needs, and nothing else.
    async fn run(&mut self) -> anyhow::Result<()> {
        let (cloud, reporter) = (self.cloud, self.reporter);
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
                reporter.report(&DestroyEvent::Removing {
                    name: &removal.name,
                });
                running.push(async move {
                    let begun = Instant::now();
                    let emptied = |name: &str, count: usize| {
                        reporter.report(&DestroyEvent::Emptied { name, count });
                    };
                    let result = cloud.delete(&removal, &emptied).await;
                    (removal, result, begun.elapsed().as_secs_f64())
                });
            }
            let Some((removal, result, seconds)) = running.next().await else {
                return Ok(());
            };
            match result? {
                None => {
                    reporter.report(&DestroyEvent::Removed {
                        name: &removal.name,
                        seconds: Some(seconds),
                    });
                    self.gone.insert(removal.owner);
                }
                Some(reason) => {
                    reporter.report(&DestroyEvent::Failed {
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

    /// Fails when a stack is still there, and names every one.
    fn check(&self, stage: &Stage) -> anyhow::Result<()> {
        let still: Vec<&str> = self
            .waiting
            .iter()
            .map(|removal| removal.name.as_str())
            .collect();
        if self.failed.is_empty() && still.is_empty() {
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
            "fix what is named and run {} again: it goes on with what is left",
            typed(stage, "destroy")
        );
        Err(Failure::new(problem, hint).into())
    }
}
