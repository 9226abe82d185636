//! Stacks that are stuck: what has happened, what has to be done, and doing it once it has been shown.

use super::delete::short;
use super::{CloudFormation, Ended, Since, StackEvent};
use crate::errors::refused;
use cloud::{Condition, DeployedStack, FailedResource, Recovery, condition};
use words::error::UserError;

impl CloudFormation {
    /// What has to be done to a stack first; none when it can be deployed as it is.
    ///
    /// # Errors
    /// CloudFormation refuses, or cannot be reached.
    pub async fn recovery(&self, deployed: &DeployedStack) -> anyhow::Result<Option<Recovery>> {
        Ok(match condition(&deployed.status) {
            Condition::Steady
            | Condition::Gone
            | Condition::ReviewInProgress
            | Condition::Stopped
            | Condition::UpdateFailed => None,
            Condition::InProgress(_) => Some(Recovery::Attach),
            Condition::RollbackComplete | Condition::RollbackFailed => {
                let left = self
                    .left(deployed, |status| status != "DELETE_COMPLETE")
                    .await?;
                Some(Recovery::DeleteAndCreate { left })
            }
            Condition::DeleteFailed => {
                let left = self
                    .left(deployed, |status| status == "DELETE_FAILED")
                    .await?;
                Some(Recovery::DeleteAgain { left })
            }
            Condition::UpdateRollbackFailed => {
                let stuck = self
                    .left(deployed, |status| status == "UPDATE_FAILED")
                    .await?;
                Some(Recovery::ContinueRollback { stuck })
            }
        })
    }

    /// Does what was shown, and watches until the stack has come to rest.
    ///
    /// # Errors
    /// CloudFormation refuses or cannot be reached, or the stack is still stuck: the error names the exact next step.
    pub async fn recover(
        &self,
        deployed: &DeployedStack,
        recovery: &Recovery,
        each: impl FnMut(StackEvent),
    ) -> anyhow::Result<Ended> {
        let since = match recovery {
            Recovery::Attach => Since::Running,
            Recovery::DeleteAndCreate { .. } | Recovery::DeleteAgain { .. } => {
                self.delete(&deployed.stack_id, &[]).await?
            }
            Recovery::ContinueRollback { .. } => {
                self.continue_rollback(&deployed.stack_id, &[]).await?
            }
        };
        let ended = self.watch(&deployed.stack_id, since, each).await?;
        let now = condition(&ended.status);
        if *recovery != Recovery::Attach && now.is_stuck() {
            let mut text = stuck_text(&deployed.name, now);
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
                .hint(by_hand(&deployed.name, now, &blocking))
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
        deployed: &DeployedStack,
        wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Vec<FailedResource>> {
        let call = self
            .client
            .list_stack_resources()
            .stack_name(&deployed.stack_id);
        let mut pages = call.into_paginator().send();
        let mut left = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page
                .map_err(|error| refused(&format!("list what is in {}", deployed.name), &error))?;
            for resource in page.stack_resource_summaries() {
                let status = resource
                    .resource_status()
                    .map_or("", |status| status.as_str());
                if wanted(status) {
                    left.push(FailedResource {
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

/// The error for a stack that was to be changed and has to be fixed first.
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
            "fix what is named and run the same command again; or, if these may stay as they are: aws cloudformation continue-update-rollback --stack-name {stack} --resources-to-skip {listed}"
        ),
        (Condition::DeleteFailed, false) => format!(
            "remove what is in the way and run the same command again; or, to leave these behind: aws cloudformation delete-stack --stack-name {stack} --retain-resources {listed}"
        ),
        _ => format!(
            "look at its events: aws cloudformation describe-stack-events --stack-name {stack}; then run the same command again"
        ),
    }
}
