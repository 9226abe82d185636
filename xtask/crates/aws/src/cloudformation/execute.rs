//! Carrying a change set out, or not.

use aws_sdk_cloudformation::types::ExecutionStatus;

use super::ready::{is_moved, is_no_set};
use super::{CloudFormation, Since};
use crate::errors::Refusal;
use cloud::ReadySet;
use words::error::Failure;

impl CloudFormation {
    /// Removes a change set that will not be executed, and the empty stack that was made for it.
    ///
    /// # Errors
    /// CloudFormation refuses, or cannot be reached. A set that is not there any more is fine.
    pub async fn discard(&self, set: &ReadySet) -> anyhow::Result<()> {
        self.delete_change_set(&set.stack_name, &set.id).await?;
        if set.create {
            self.delete_unborn(&set.stack_id).await?;
        }
        Ok(())
    }

    /// Starts carrying a change set out, and returns when CloudFormation has accepted it: from where to watch.
    ///
    /// # Errors
    /// The stack has changed since the set was made, or CloudFormation refuses or cannot be reached.
    pub async fn execute(&self, set: &ReadySet) -> anyhow::Result<Since> {
        let doing = format!("execute the change set for {}", set.stack_name);
        let since = match set.create {
            true => Since::Beginning,
            false => self
                .now(&set.stack_id)
                .await
                .map_err(|refusal| refusal.into_error(&doing))?,
        };
        let call = self
            .client
            .execute_change_set()
            .change_set_name(&set.id)
            .client_request_token(super::token());
        let Err(error) = call.send().await else {
            return Ok(since);
        };
        let refusal = Refusal::of(&error);
        if !refusal.expired
            && let Some(since) = self.accepted(set, since).await?
        {
            return Ok(since);
        }
        if is_moved(&refusal) || is_no_set(&refusal) {
            let problem = format!(
                "{} has changed since this was planned: {}",
                set.stack_name, refusal.message
            );
            let hint = "plan again: what was shown is no longer what would happen";
            return Err(Failure::new(problem, hint).into());
        }
        Err(refusal.into_error(&doing))
    }

    /// After a refusal: from where to watch, when an earlier try was accepted and its answer lost.
    async fn accepted(&self, set: &ReadySet, since: Since) -> anyhow::Result<Option<Since>> {
        let found = self.describe_set(&set.stack_name, &set.id).await?;
        let status = found.as_ref().and_then(|found| found.execution_status());
        if status == Some(&ExecutionStatus::Available) {
            return Ok(None);
        }
        if self.has_begun(&set.stack_id, &since).await? {
            return Ok(Some(since));
        }
        // Another run of ours was first; its beginning is behind us.
        Ok((status == Some(&ExecutionStatus::ExecuteInProgress)).then_some(Since::Running))
    }
}
