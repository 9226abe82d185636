//! One stack's way: its turn, its image, its change set, its end.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context as _;
use tokio::sync::watch;

use super::carry::{Board, DeployRun, FailedStack, Step};
use super::decide::{self, Decider};
use crate::preview::{StackAction, StackPreview, is_loss};
use cloud::progress::Event;
use cloud::{
    Change, ChangeFailure, ChangeOutcome, Execution, Outputs, Prepared, ReadySet, StackRequest,
};
use stacks::RenderedStack;
use stacks::Source;
use stacks::names::pascal_case;
use words::error::hint;

/// One stack's way from its turn to its end.
pub(super) struct Job<'a> {
    pub(super) run: DeployRun,
    pub(super) preview: StackPreview,
    pub(super) stack: &'a RenderedStack,
    /// The owners of the stacks that come first.
    pub(super) waits: Vec<String>,
    pub(super) board: watch::Sender<Board>,
}

/// Why a stack stopped on its way.
enum Setback {
    /// Something went wrong before the cloud changed anything, or the cloud refused.
    Error(anyhow::Error),
    /// The cloud went back.
    Failed(ChangeFailure),
}

impl From<anyhow::Error> for Setback {
    fn from(error: anyhow::Error) -> Self {
        Self::Error(error)
    }
}

impl Job<'_> {
    pub(super) async fn go(self) -> Step {
        let owner = self.preview.owner.clone();
        let Some(outputs) = self.turn().await else {
            self.run.reporter.end(&owner, "not begun");
            return match self.discard().await {
                Ok(()) => Step::Skipped { owner },
                Err(error) => Step::Failed(self.failed(error.into())),
            };
        };
        match self.work(outputs).await {
            Ok(outputs) => {
                self.board.send_modify(|board| {
                    board.outputs.insert(owner.clone(), outputs);
                });
                Step::Done { owner }
            }
            Err(setback) => {
                self.board.send_modify(|board| board.failed = true);
                self.run.reporter.end(&owner, "failed");
                Step::Failed(self.failed(setback))
            }
        }
    }

    /// Waits until everything that this stack needs is deployed; none when that will not happen.
    async fn turn(&self) -> Option<Outputs> {
        let mut board = self.board.subscribe();
        let ready = board
            .wait_for(|board| {
                board.failed
                    || self
                        .waits
                        .iter()
                        .all(|owner| board.outputs.contains_key(owner))
            })
            .await
            .ok()?;
        (!ready.failed).then(|| ready.outputs.clone())
    }

    /// Removes the change set that was shown: it is not executed any more, and the next deploy makes its own.
    async fn discard(&self) -> anyhow::Result<()> {
        match &self.preview.change_set {
            Some(set) => self.run.cloud.discard(set).await,
            None => Ok(()),
        }
    }

    async fn work(&self, outputs: Outputs) -> Result<BTreeMap<String, String>, Setback> {
        let begun = Instant::now();
        let request = match self.prepare(&outputs).await {
            Ok(request) => request,
            Err(error) => {
                self.discard().await?;
                return Err(error.into());
            }
        };
        if matches!(
            self.preview.action,
            StackAction::Recreate | StackAction::Recover
        ) {
            self.recover().await?;
        }
        let Some(set) = self.change_set(&request, &outputs).await? else {
            return Ok(self.unchanged(&request).await?);
        };
        let mut ended = self.execute(&set, &request).await?;
        if let Some(passing) = ended.failure.as_ref().and_then(|failure| failure.passing)
            && let Some(again) = self.once_more(&set, &request, &outputs, passing).await?
        {
            ended = self.execute(&again, &request).await?;
        }
        if let Some(failure) = ended.failure {
            return Err(Setback::Failed(failure));
        }
        self.run.reporter.report(&Event::Stack {
            name: &self.preview.name,
            result: if set.create { "created" } else { "updated" },
            changes: &set.changes,
            seconds: begun.elapsed().as_secs_f64(),
        });
        Ok(ended.outputs)
    }

    async fn execute(
        &self,
        set: &ReadySet,
        request: &StackRequest,
    ) -> anyhow::Result<ChangeOutcome> {
        let run = &self.run;
        let step = Execution {
            set,
            request,
            before: run.deployed.get(&self.preview.owner),
            reporter: &run.reporter,
        };
        run.cloud.execute(step).await
    }

    /// Everything that comes before the cloud's part.
    async fn prepare(&self, outputs: &Outputs) -> anyhow::Result<StackRequest> {
        let request = self.request(outputs.clone()).await?;
        self.send(&request, outputs).await?;
        Ok(request)
    }

    /// The request that was shown, or the one that can be made only now.
    async fn request(&self, outputs: Outputs) -> anyhow::Result<StackRequest> {
        if let Some(request) = &self.preview.request {
            return Ok(request.clone());
        }
        let decider = Decider {
            cloud: &*self.run.cloud,
            builder: &self.run.builder,
            stage: &self.run.stage,
            deployed: &self.run.deployed,
        };
        decide::request(&decider, self.stack, outputs).await
    }

    /// Sends the image or the zip, before the stack asks for it.
    async fn send(&self, request: &StackRequest, outputs: &Outputs) -> anyhow::Result<()> {
        let (builder, owner) = (&self.run.builder, &self.preview.owner);
        for input in &self.stack.plan.inputs {
            match &input.source {
                Source::Image => {
                    let args = decide::args(self.stack, outputs)?;
                    let image = builder.pack(owner, &args).await?;
                    let key = format!("{}RepositoryUri", pascal_case(owner));
                    builder.send(&image, artifact(outputs, &key)?).await?;
                }
                Source::CodeKey => {
                    let code = builder.pack(owner, &BTreeMap::new()).await?;
                    let bucket = request
                        .parameters
                        .get("CodeBucket")
                        .map_or_else(|| artifact(outputs, "BucketName"), Ok)?;
                    builder.send(&code, bucket).await?;
                }
                Source::CodeBucket | Source::Output { .. } => {}
            }
        }
        Ok(())
    }

    async fn recover(&self) -> anyhow::Result<()> {
        let deployed = self.run.deployed.get(&self.preview.owner);
        let (Some(deployed), Some(recovery)) = (deployed, &self.preview.recovery) else {
            return Ok(());
        };
        let run = &self.run;
        run.cloud.recover(deployed, recovery, &run.reporter).await
    }

    /// The change set that was shown if it still fits, or one that is made now and asked about when it takes more away.
    async fn change_set(
        &self,
        request: &StackRequest,
        outputs: &Outputs,
    ) -> anyhow::Result<Option<ReadySet>> {
        if let Some(set) = &self.preview.change_set {
            return Ok(Some(set.clone()));
        }
        self.new_change_set(request, outputs, &self.preview.changes)
            .await
    }

    /// A change set that is made now; `shown` is what a person has agreed to.
    pub(super) async fn new_change_set(
        &self,
        request: &StackRequest,
        outputs: &Outputs,
        shown: &[Change],
    ) -> anyhow::Result<Option<ReadySet>> {
        let owner = &self.preview.owner;
        self.run.reporter.work(owner, Some("change set"));
        let prepared = self.run.cloud.prepare(request, outputs).await?;
        self.run.reporter.work(owner, None);
        let set = match prepared {
            Prepared::Nothing => return Ok(None),
            Prepared::Ready(set) => set,
            Prepared::Later => anyhow::bail!("{} cannot be changed yet", request.name),
        };
        let unshown = unshown(shown, &set.changes);
        if let Err(error) = self.run.consent.ask(&self.preview.name, &unshown).await {
            self.run.cloud.discard(&set).await?;
            return Err(error);
        }
        Ok(Some(set))
    }

    async fn unchanged(&self, request: &StackRequest) -> anyhow::Result<BTreeMap<String, String>> {
        self.run.reporter.report(&Event::Stack {
            name: &self.preview.name,
            result: "unchanged",
            changes: &[],
            seconds: 0.0,
        });
        self.run.cloud.settle(request).await?;
        let deployed = self.run.cloud.deployed().await?;
        let stack = deployed
            .into_iter()
            .find(|stack| stack.name == request.name);
        Ok(stack
            .with_context(|| format!("{} has gone", request.name))?
            .outputs)
    }

    fn failed(&self, setback: Setback) -> Box<FailedStack> {
        let failure = match setback {
            Setback::Error(error) => {
                let fix = hint(&error).map_or(String::new(), |hint| format!("\n    fix: {hint}"));
                ChangeFailure {
                    status: String::new(),
                    reason: format!("{error:#}{fix}"),
                    diagnosis: Vec::new(),
                    passing: None,
                }
            }
            Setback::Failed(failure) => failure,
        };
        Box::new(FailedStack {
            name: self.preview.name.clone(),
            status: failure.status,
            text: failure.reason,
            diagnosis: failure.diagnosis,
        })
    }
}

/// What a change set takes away beyond what was shown.
fn unshown(shown: &[Change], found: &[Change]) -> Vec<Change> {
    let was_shown = |change: &&Change| {
        shown
            .iter()
            .any(|other| other.logical_id == change.logical_id && other.action == change.action)
    };
    found
        .iter()
        .filter(|change| is_loss(change) && !was_shown(change))
        .cloned()
        .collect()
}

fn artifact<'a>(outputs: &'a Outputs, key: &str) -> anyhow::Result<&'a String> {
    outputs
        .get("artifacts")
        .and_then(|outputs| outputs.get(key))
        .with_context(|| format!("the stack of artifacts has no output {key}"))
}
