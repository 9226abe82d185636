//! Stacks that are stuck: what has happened, what has to be done, and doing it once it has been shown.

use serde::Serialize;

use super::condition::{Condition, condition};
use super::delete::short;
use super::failure::Failed;
use super::{CloudFormation, Ended, Since, StackEvent, Standing};
use crate::errors::refused;
use words::error::UserError;

/// What has to be done to a stack before it can be deployed. To be shown before it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "mending")]
pub enum Mending {
    /// Nothing but waiting for what runs already.
    Attach,
    /// It never came to be. What is left of it is deleted, and the deploy makes it anew.
    DeleteAndCreate { left: Vec<Failed> },
    /// Its deletion was begun and got stuck. It is tried again, and the deploy makes it anew.
    DeleteAgain { left: Vec<Failed> },
    /// The way back to its last good state got stuck at these resources. It is tried again.
    ContinueRollback { stuck: Vec<Failed> },
}

impl Mending {
    /// True when resources are deleted.
    pub fn deletes(&self) -> bool {
        matches!(
            self,
            Self::DeleteAndCreate { .. } | Self::DeleteAgain { .. }
        )
    }

    /// What was found and what will be done, for a person.
    pub fn sentence(&self, stack: &str) -> String {
        match self {
            Self::Attach => {
                format!("{stack}: something is being done to it; wait for it, then go on")
            }
            Self::DeleteAndCreate { left } if left.is_empty() => {
                format!(
                    "{stack}: it never came to be, and nothing is in it; delete it and make it anew"
                )
            }
            Self::DeleteAndCreate { left } => format!(
                "{stack}: it never came to be; delete what is left of it ({}) and make it anew",
                names(left)
            ),
            Self::DeleteAgain { left } => format!(
                "{stack}: its deletion got stuck ({}); delete it and make it anew",
                reasons(left)
            ),
            Self::ContinueRollback { stuck } => format!(
                "{stack}: rolling it back got stuck ({}); go on rolling it back, then update it",
                reasons(stuck)
            ),
        }
    }
}

impl CloudFormation {
    /// What has to be done to a stack first; none when it can be deployed as it is.
    ///
    /// # Errors
    /// CloudFormation refuses, or cannot be reached.
    pub async fn mending(&self, standing: &Standing) -> anyhow::Result<Option<Mending>> {
        Ok(match condition(&standing.status) {
            Condition::Steady
            | Condition::Gone
            | Condition::ReviewInProgress
            | Condition::UpdateFailed => None,
            Condition::InProgress(_) => Some(Mending::Attach),
            Condition::RollbackComplete | Condition::RollbackFailed => {
                let left = self
                    .left(standing, |status| status != "DELETE_COMPLETE")
                    .await?;
                Some(Mending::DeleteAndCreate { left })
            }
            Condition::DeleteFailed => {
                let left = self
                    .left(standing, |status| status == "DELETE_FAILED")
                    .await?;
                Some(Mending::DeleteAgain { left })
            }
            Condition::UpdateRollbackFailed => {
                let stuck = self
                    .left(standing, |status| status == "UPDATE_FAILED")
                    .await?;
                Some(Mending::ContinueRollback { stuck })
            }
        })
    }

    /// Does what was shown, and watches until the stack has come to rest.
    ///
    /// # Errors
    /// CloudFormation refuses or cannot be reached, or the stack is still stuck: the error names the exact next step.
    pub async fn mend(
        &self,
        standing: &Standing,
        mending: &Mending,
        each: impl FnMut(StackEvent),
    ) -> anyhow::Result<Ended> {
        let since = match mending {
            Mending::Attach => Since::Running,
            Mending::DeleteAndCreate { .. } | Mending::DeleteAgain { .. } => {
                self.delete(&standing.stack_id, &[]).await?
            }
            Mending::ContinueRollback { .. } => {
                self.continue_rollback(&standing.stack_id, &[]).await?
            }
        };
        let ended = self.watch(&standing.stack_id, since, each).await?;
        let now = condition(&ended.status);
        if *mending != Mending::Attach && now.is_stuck() {
            let mut text = stuck_text(&standing.name, now);
            if let Some(failure) = &ended.failure {
                text.push_str(&format!("\n  {}: {}", failure.logical_id, failure.reason));
            }
            let blocking: Vec<&str> = ended
                .failure
                .iter()
                .flat_map(|failure| {
                    std::iter::once(failure.logical_id.as_str())
                        .chain(failure.also.iter().map(|other| other.logical_id.as_str()))
                })
                .collect();
            return Err(UserError::new(text)
                .hint(by_hand(&standing.name, now, &blocking))
                .into());
        }
        Ok(ended)
    }

    /// Goes on with a rollback that got stuck. What is skipped stays as it is, and the stack believes that it was rolled back.
    ///
    /// # Errors
    /// CloudFormation refuses, or cannot be reached.
    pub async fn continue_rollback(
        &self,
        stack_id: &str,
        skip: &[String],
    ) -> anyhow::Result<Since> {
        let doing = format!("go on rolling back {}", short(stack_id));
        let since = self
            .now(stack_id)
            .await
            .map_err(|refusal| refusal.into_error(&doing))?;
        let skip = (!skip.is_empty()).then(|| skip.to_vec());
        self.client
            .continue_update_rollback()
            .stack_name(stack_id)
            .client_request_token(super::token())
            .set_resources_to_skip(skip)
            .send()
            .await
            .map_err(|error| refused(&doing, &error))?;
        Ok(since)
    }

    /// The resources of a stack in certain states, with what CloudFormation says of each.
    async fn left(
        &self,
        standing: &Standing,
        wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Vec<Failed>> {
        let call = self
            .client
            .list_stack_resources()
            .stack_name(&standing.stack_id);
        let mut pages = call.into_paginator().send();
        let mut left = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page
                .map_err(|error| refused(&format!("list what is in {}", standing.name), &error))?;
            for resource in page.stack_resource_summaries() {
                let status = resource
                    .resource_status()
                    .map_or("", |status| status.as_str());
                if wanted(status) {
                    left.push(Failed {
                        logical_id: resource
                            .logical_resource_id()
                            .unwrap_or_default()
                            .to_owned(),
                        resource_type: resource.resource_type().unwrap_or_default().to_owned(),
                        reason: resource
                            .resource_status_reason()
                            .unwrap_or_default()
                            .to_owned(),
                    });
                }
            }
        }
        Ok(left)
    }
}

/// The error for a stack that was to be changed and has to be mended first.
pub(super) fn stuck(stack: &str, condition: Condition) -> UserError {
    UserError::new(stuck_text(stack, condition)).hint(by_hand(stack, condition, &[]))
}

fn stuck_text(stack: &str, condition: Condition) -> String {
    let what = match condition {
        Condition::RollbackComplete => "never came to be, and can only be deleted",
        Condition::RollbackFailed => {
            "never came to be, and what had been made of it could not be removed"
        }
        Condition::UpdateRollbackFailed => "is stuck half way back from an update that failed",
        Condition::DeleteFailed => "is stuck half way through its deletion",
        _ => "cannot be changed now",
    };
    format!("the stack {stack} {what}")
}

/// The exact next step.
fn by_hand(stack: &str, condition: Condition, blocking: &[&str]) -> String {
    let listed = blocking.join(" ");
    match (condition, blocking.is_empty()) {
        (Condition::UpdateRollbackFailed, false) => format!(
            "mend what is named and run the same command again; or, if these may stay as they are: aws cloudformation continue-update-rollback --stack-name {stack} --resources-to-skip {listed}"
        ),
        (Condition::DeleteFailed, false) => format!(
            "remove what is in the way and run the same command again; or, to leave these behind: aws cloudformation delete-stack --stack-name {stack} --retain-resources {listed}"
        ),
        _ => format!(
            "look at its events: aws cloudformation describe-stack-events --stack-name {stack}; then run the same command again"
        ),
    }
}

fn names(left: &[Failed]) -> String {
    let names: Vec<&str> = left
        .iter()
        .map(|failed| failed.logical_id.as_str())
        .collect();
    names.join(", ")
}

fn reasons(left: &[Failed]) -> String {
    let all: Vec<String> = left
        .iter()
        .map(|failed| match failed.reason.is_empty() {
            true => failed.logical_id.clone(),
            false => format!("{}: {}", failed.logical_id, failed.reason),
        })
        .collect();
    all.join("; ")
}
