//! Watching until a stack has come to rest. A deploy that succeeded is not called a failure because asking about it failed.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::CloudFormation;
use super::deployed::describe;
use super::events::{Feed, Since, StackEvent};
use super::failure::{StackFailure, analyse};
use crate::errors::Refusal;
use cloud::DeployedStack;
use words::error::Failure;

/// After so many rounds without an event the stack is asked for its status: an event may be missing.
const QUIET_ROUNDS: u32 = 12;
/// Stacks within stacks within stacks.
const NESTED_MAX: u32 = 4;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// `UPDATE_COMPLETE`, say.
    pub status: String,
    pub outputs: BTreeMap<String, String>,
    pub inputs_hash: Option<String>,
    /// None when the stack got where it was going.
    pub failure: Option<StackFailure>,
}

impl CloudFormation {
    /// Hands every event on as it comes, oldest first, until the stack has come to rest.
    ///
    /// # Errors
    /// The credentials ran out, or AWS was out of reach for minutes. What runs goes on: watch it again with
    /// [`Since::Running`].
    pub async fn watch(
        &self,
        stack_id: &str,
        since: Since,
        mut each: impl FnMut(StackEvent),
    ) -> anyhow::Result<Ended> {
        let mut feed = Feed::new(stack_id, since);
        let mut window: Vec<StackEvent> = Vec::new();
        let mut quiet = 0;
        let mut reached = Instant::now();
        let mut resting: Option<(String, Instant)> = None;
        let started = Instant::now();
        loop {
            let news = match feed.news(self).await {
                Ok(news) => {
                    reached = Instant::now();
                    news
                }
                Err(refusal) => {
                    self.bear(refusal, reached)?;
                    Vec::new()
                }
            };
            quiet = if news.is_empty() { quiet + 1 } else { 0 };
            for event in news {
                window.push(event.clone());
                each(event);
            }
            window.sort_by(|one, other| one.at.cmp(&other.at));
            let last = window.iter().rev().find(|event| event.of_stack);
            let at_rest = last.is_some_and(|event| !event.status.ends_with("_IN_PROGRESS"));
            // An update that touches no resource may be over without a word.
            let silent = last.is_none() && started.elapsed() > self.pace.silence;
            if at_rest || silent || (last.is_some() && quiet >= QUIET_ROUNDS) {
                let last = last.map(|event| event.status.clone()).unwrap_or_default();
                match self.look(stack_id).await {
                    Ok(stack) => {
                        let described = stack.map(|stack| describe(&stack, ""));
                        let status = described
                            .as_ref()
                            .map_or(last, |found| found.status.clone());
                        if self.is_final(&status, &mut resting) {
                            // What was written while we asked.
                            for event in feed.news(self).await.unwrap_or_default() {
                                window.push(event.clone());
                                each(event);
                            }
                            return Ok(self.ended(status, described, window).await);
                        }
                    }
                    Err(refusal) => self.bear(refusal, reached)?,
                }
            }
            tokio::time::sleep(self.pace.wait(quiet)).await;
        }
    }

    /// Endures what passes, for a while.
    fn bear(&self, refusal: Refusal, reached: Instant) -> anyhow::Result<()> {
        if refusal.expired {
            return Err(refusal.into_error("watch the stack, which goes on by itself"));
        }
        if refusal.passing && reached.elapsed() < self.pace.patience {
            return Ok(());
        }
        let problem = format!(
            "lost sight of the stack, which goes on by itself: {}",
            refusal.message
        );
        let hint = "run the same command again: it goes on watching where this one stopped";
        Err(Failure::new(problem, hint).into())
    }

    /// False while something is being done, or may be about to be: a failed creation is followed by a deletion.
    fn is_final(&self, status: &str, resting: &mut Option<(String, Instant)>) -> bool {
        if status.ends_with("_IN_PROGRESS") {
            *resting = None;
            return false;
        }
        let passing = matches!(
            status,
            "CREATE_FAILED" | "UPDATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED"
        );
        match resting {
            _ if !passing => true,
            Some((before, since)) if before == status => since.elapsed() >= self.pace.settle,
            _ => {
                *resting = Some((status.to_owned(), Instant::now()));
                false
            }
        }
    }

    async fn ended(
        &self,
        status: String,
        described: Option<DeployedStack>,
        mut window: Vec<StackEvent>,
    ) -> Ended {
        window.sort_by(|one, other| one.at.cmp(&other.at));
        let failure = match is_success(&status, &window) {
            true => None,
            false => match analyse(&window) {
                Some(failure) => Some(self.innermost(failure).await),
                None => Some(unexplained(&status, described.as_ref())),
            },
        };
        let (outputs, inputs_hash) = described
            .map(|deployed| (deployed.outputs, deployed.inputs_hash))
            .unwrap_or_default();
        Ended {
            status,
            outputs,
            inputs_hash,
            failure,
        }
    }

    /// A nested stack fails because of something in it. Best effort: the outer reason stands if the inner cannot be read.
    async fn innermost(&self, mut failure: StackFailure) -> StackFailure {
        for _ in 0..NESTED_MAX {
            let Some(nested) = failure
                .physical_id
                .clone()
                .filter(|_| failure.resource_type == "AWS::CloudFormation::Stack")
            else {
                break;
            };
            let mut feed = Feed::new(&nested, Since::Running);
            let events = feed.news(self).await.unwrap_or_default();
            match analyse(&events) {
                Some(inner) if inner.physical_id.as_ref() != Some(&nested) => {
                    let mut also = inner.also;
                    also.append(&mut failure.also);
                    failure = StackFailure {
                        logical_id: format!("{} in {}", inner.logical_id, failure.logical_id),
                        also,
                        ..inner
                    };
                }
                _ => break,
            }
        }
        failure
    }
}

fn is_success(status: &str, window: &[StackEvent]) -> bool {
    match status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => true,
        // Asked for, unless it is how a creation ended.
        "DELETE_COMPLETE" => !window
            .iter()
            .any(|event| event.of_stack && event.status == "CREATE_IN_PROGRESS"),
        _ => false,
    }
}

fn unexplained(status: &str, described: Option<&DeployedStack>) -> StackFailure {
    let reason = described.and_then(|deployed| deployed.status_reason.clone());
    StackFailure {
        logical_id: described.map_or_else(String::new, |deployed| deployed.name.clone()),
        physical_id: described.map(|deployed| deployed.stack_id.clone()),
        resource_type: "AWS::CloudFormation::Stack".to_owned(),
        reason: reason.unwrap_or_else(|| format!("it ended in {status}")),
        also: Vec::new(),
    }
}
