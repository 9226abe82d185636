//! One stack's way: its turn, its image, its change set, its end.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context as _;
use tokio::sync::watch;

use super::carry::{Board, Crew, Step, Trouble, prepare, report, watched};
use super::decide::{self, Decider};
use super::preview::{StackAction, StackPreview, is_loss};
use aws::cloudformation::{ReadySet, StackEvent};
use cloud::progress::Event;
use cloud::{Change, Outputs, StackRequest};
use stacks::RenderedStack;
use stacks::Source;
use stacks::names::pascal_case;
use words::error::hint;

/// One stack's way from its turn to its end.
pub(super) struct Job<'a> {
    pub(super) crew: Crew,
    pub(super) preview: StackPreview,
    pub(super) stack: &'a RenderedStack,
    /// The owners of the stacks that come first.
    pub(super) waits: Vec<String>,
    pub(super) board: watch::Sender<Board>,
}

/// Why a stack stopped on its way.
enum Setback {
    /// Something went wrong on our side of CloudFormation.
    Error(anyhow::Error),
    /// CloudFormation went back.
    Failed {
        status: String,
        text: String,
        diagnosis: Vec<String>,
    },
}

impl From<anyhow::Error> for Setback {
    fn from(error: anyhow::Error) -> Self {
        Self::Error(error)
    }
}

impl Job<'_> {
    pub(super) async fn run(self) -> Step {
        let owner = self.preview.owner.clone();
        let Some(outputs) = self.turn().await else {
            self.crew.reporter.end(&owner, "not begun");
            return match self.discard().await {
                Ok(()) => Step::Skipped { owner },
                Err(error) => Step::Trouble(self.trouble(error.into())),
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
                self.crew.reporter.end(&owner, "failed");
                Step::Trouble(self.trouble(setback))
            }
        }
    }

    /// Waits until everything that this stack needs stands; none when that will not happen.
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
            Some(set) => self.crew.cloud.discard(set).await,
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
            StackAction::Recreate | StackAction::Mend
        ) {
            self.mend().await?;
        }
        let Some(set) = self.change_set(&request, &outputs).await? else {
            return Ok(self.unchanged(&request).await?);
        };
        // Asked before it is executed: from then on, the last operation is the one that runs.
        let expected_seconds = match set.create {
            true => None,
            false => self.crew.cloud.last_seconds(&set.stack_id).await,
        };
        let since = self.crew.cloud.execute(&set).await?;
        let result = if set.create { "created" } else { "updated" };
        self.started(&set, expected_seconds);
        let (ended, diagnosis) = watched(
            &self.crew,
            &self.preview.name,
            &self.preview.owner,
            &set.stack_id,
            since,
        )
        .await?;
        if let Some(failure) = &ended.failure {
            return Err(Setback::Failed {
                status: ended.status,
                text: failure.words(),
                diagnosis,
            });
        }
        self.crew.reporter.report(&Event::Stack {
            name: &self.preview.name,
            result,
            changes: &set.changes,
            seconds: begun.elapsed().as_secs_f64(),
        });
        Ok(ended.outputs)
    }

    /// Everything that comes before CloudFormation's part.
    async fn prepare(&self, outputs: &Outputs) -> anyhow::Result<StackRequest> {
        let request = self.request(outputs.clone()).await?;
        self.ship(&request, outputs).await?;
        Ok(request)
    }

    fn started(&self, set: &ReadySet, expected_seconds: Option<f64>) {
        self.crew.reporter.report(&Event::Started {
            name: &self.preview.name,
            action: if set.create { "create" } else { "update" },
            resources: set.changes.len(),
            expected_seconds,
        });
    }

    /// The request that was shown, or the one that can be made only now.
    async fn request(&self, outputs: Outputs) -> anyhow::Result<StackRequest> {
        if let Some(request) = &self.preview.request {
            return Ok(request.clone());
        }
        let decider = Decider {
            cloud: &self.crew.cloud,
            workshop: &self.crew.workshop,
            stage: &self.crew.stage,
            standing: &self.crew.standing,
        };
        decide::request(&decider, self.stack, outputs).await
    }

    /// Sends the image or the zip, before the stack asks for it.
    async fn ship(&self, request: &StackRequest, outputs: &Outputs) -> anyhow::Result<()> {
        let crew = &self.crew;
        for input in &self.stack.plan.inputs {
            match &input.source {
                Source::Image => {
                    let args = decide::args(self.stack, outputs)?;
                    let shipment = crew.workshop.pack(&self.preview.owner, &args).await?;
                    let key = format!("{}RepositoryUri", pascal_case(&self.preview.owner));
                    let repository = artifact(outputs, &key)?;
                    crew.workshop
                        .push(&crew.depot, repository, &shipment)
                        .await?;
                }
                Source::CodeKey => {
                    let shipment = crew
                        .workshop
                        .pack(&self.preview.owner, &BTreeMap::new())
                        .await?;
                    let bucket = request
                        .parameters
                        .get("CodeBucket")
                        .map_or_else(|| artifact(outputs, "BucketName"), Ok)?;
                    crew.workshop.upload(&crew.depot, bucket, &shipment).await?;
                }
                Source::CodeBucket | Source::Output { .. } => {}
            }
        }
        Ok(())
    }

    async fn mend(&self) -> anyhow::Result<()> {
        let standing = self.crew.standing.get(&self.preview.owner);
        let (Some(standing), Some(mending)) = (standing, &self.preview.mending) else {
            return Ok(());
        };
        let each = |event: StackEvent| report(&self.crew.reporter, &self.preview.name, &event);
        self.crew.cloud.mend(standing, mending, each).await?;
        Ok(())
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
        let bucket = outputs
            .get("artifacts")
            .and_then(|outputs| outputs.get("BucketName"));
        let owner = &self.preview.owner;
        self.crew.reporter.work(owner, Some("change set"));
        let made = prepare(&self.crew.cloud, &self.crew.depot, bucket, request).await?;
        self.crew.reporter.work(owner, None);
        let Some(set) = made else {
            return Ok(None);
        };
        let unshown = unshown(&self.preview.changes, &set.changes);
        if let Err(error) = self.crew.consent.ask(&self.preview.name, &unshown).await {
            self.crew.cloud.discard(&set).await?;
            return Err(error);
        }
        Ok(Some(set))
    }

    async fn unchanged(&self, request: &StackRequest) -> anyhow::Result<BTreeMap<String, String>> {
        self.crew.reporter.report(&Event::Stack {
            name: &self.preview.name,
            result: "unchanged",
            changes: &[],
            seconds: 0.0,
        });
        let standing = self.crew.cloud.standing_one(&request.name).await?;
        Ok(standing
            .with_context(|| format!("{} has gone", request.name))?
            .outputs)
    }

    fn trouble(&self, setback: Setback) -> Box<Trouble> {
        let (status, text, diagnosis) = match setback {
            Setback::Error(error) => {
                let fix = hint(&error).map_or(String::new(), |hint| format!("\n    fix: {hint}"));
                (String::new(), format!("{error:#}{fix}"), Vec::new())
            }
            Setback::Failed {
                status,
                text,
                diagnosis,
            } => (status, text, diagnosis),
        };
        Box::new(Trouble {
            name: self.preview.name.clone(),
            status,
            text,
            diagnosis,
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
