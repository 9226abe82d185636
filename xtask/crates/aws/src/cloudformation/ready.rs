//! Waiting for a change set, reading it, and clearing it away.

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{ChangeSetStatus, EventFilter, ExecutionStatus};

use super::CloudFormation;
use super::change_set::ChangeSet;
use super::changes::change;
use crate::errors::{Refusal, refused};
use crate::explain::explain;
use cloud::{Condition, ReadySet, condition};
use words::error::Failure;

impl CloudFormation {
    /// Waits until the set is made; none when it went away meanwhile.
    pub async fn ready(
        &self,
        stack: &str,
        id: &str,
        create: bool,
    ) -> anyhow::Result<Option<ChangeSet>> {
        let mut round = 0;
        let mut page = loop {
            let Some(set) = self.describe_set(stack, id).await? else {
                return Ok(None);
            };
            match set.status() {
                Some(ChangeSetStatus::CreateComplete) => break set,
                Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) => {}
                Some(ChangeSetStatus::Failed) => {
                    return self.failed(stack, id, create, &set).await.map(Some);
                }
                _ => return Ok(None),
            }
            tokio::time::sleep(self.pace.wait(round)).await;
            round += 1;
        };
        let mut changes = Vec::new();
        loop {
            let resources = page.changes().iter();
            let resources = resources.filter_map(|change| change.resource_change());
            changes.extend(resources.filter_map(change));
            let Some(next) = page.next_token() else { break };
            let call = self.client.describe_change_set().change_set_name(id);
            page = call
                .next_token(next)
                .send()
                .await
                .map_err(|error| refused(&format!("read the changes of {stack}"), &error))?;
        }
        Ok(Some(ChangeSet::Ready(ReadySet {
            id: id.to_owned(),
            stack_name: stack.to_owned(),
            stack_id: page.stack_id.unwrap_or_default(),
            create,
            changes,
        })))
    }

    /// A failed set may say that there is nothing to do. Either way nothing of it is left.
    async fn failed(
        &self,
        stack: &str,
        id: &str,
        create: bool,
        set: &DescribeChangeSetOutput,
    ) -> anyhow::Result<ChangeSet> {
        let reason = set
            .status_reason()
            .unwrap_or("CloudFormation gives no reason");
        let nothing = is_nothing(reason);
        let faults = match nothing {
            true => Vec::new(),
            false => self.validation_faults(id).await,
        };
        self.delete_change_set(stack, id).await?;
        if create && let Some(stack_id) = set.stack_id() {
            self.delete_unborn(stack_id).await?;
        }
        if nothing {
            return Ok(ChangeSet::Nothing);
        }
        let mut problem = format!("CloudFormation refuses the change set for {stack}: {reason}");
        for fault in &faults {
            problem.push_str(&format!("\n  {fault}"));
        }
        let all = format!("{reason} {}", faults.join(" "));
        Err(match explain(&all) {
            Some(known) => Failure::new(format!("{problem}\n  {}", known.meaning), known.fix),
            None => Failure::new(problem, "nothing was touched; fix the template or the value that is named, and run the command again"),
        }
        .into())
    }

    /// What CloudFormation's early validation found: a reason only names the validation. Best effort, since it only adds words.
    pub async fn validation_faults(&self, change_set: &str) -> Vec<String> {
        let filter = EventFilter::builder().failed_events(true).build();
        let call = self
            .client
            .describe_events()
            .change_set_name(change_set)
            .filters(filter);
        let Ok(answer) = call.send().await else {
            return Vec::new();
        };
        let mut faults: Vec<String> = answer
            .operation_events()
            .iter()
            .filter_map(|event| {
                let reason = event.validation_status_reason()?;
                let resource = event.logical_resource_id().unwrap_or("the template");
                let path = event.validation_path().map(|path| format!(" at {path}"));
                Some(format!("{resource}{}: {reason}", path.unwrap_or_default()))
            })
            .collect();
        faults.dedup();
        faults
    }

    /// The first page of a set, by name or by id; none when there is none.
    pub async fn describe_set(
        &self,
        stack: &str,
        set: &str,
    ) -> anyhow::Result<Option<DescribeChangeSetOutput>> {
        let call = self.client.describe_change_set().change_set_name(set);
        // An ARN says which stack it is for, and a name does not.
        let call = match set.starts_with("arn:") {
            true => call,
            false => call.stack_name(stack),
        };
        match call.send().await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => match Refusal::of(&error) {
                refusal if is_no_set(&refusal) => Ok(None),
                refusal => Err(refusal.into_error(&format!("read the change set for {stack}"))),
            },
        }
    }

    pub async fn delete_change_set(&self, stack: &str, set: &str) -> anyhow::Result<()> {
        let call = self.client.delete_change_set().change_set_name(set);
        let call = match set.starts_with("arn:") {
            true => call,
            false => call.stack_name(stack),
        };
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => match Refusal::of(&error) {
                // Not there any more, or executed: no longer in anybody's way.
                refusal if is_no_set(&refusal) || is_moved(&refusal) => Ok(()),
                refusal => Err(refusal.into_error(&format!("remove a change set for {stack}"))),
            },
        }
    }

    /// Deletes a stack that was only made for a change set, and no other.
    pub async fn delete_unborn(&self, stack_id: &str) -> anyhow::Result<()> {
        let Some(stack) = self.find(stack_id).await? else {
            return Ok(());
        };
        let status = stack.stack_status().map_or("", |status| status.as_str());
        if condition(status) != Condition::ReviewInProgress {
            return Ok(());
        }
        let call = self.client.delete_stack().stack_name(stack_id);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(refused("remove a stack that was never begun", &error)),
        }
    }
}

/// CloudFormation has two ways to say it.
fn is_nothing(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

/// True when the set can be waited for or executed.
pub(super) fn is_usable(set: &DescribeChangeSetOutput) -> bool {
    match set.status() {
        Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) => true,
        Some(ChangeSetStatus::CreateComplete) => {
            set.execution_status() == Some(&ExecutionStatus::Available)
        }
        _ => false,
    }
}

pub(super) fn is_no_set(refusal: &Refusal) -> bool {
    refusal.is("ChangeSetNotFound")
        || refusal.is("ChangeSetNotFoundException")
        || super::deployed::is_absent(refusal)
}

pub(super) fn is_moved(refusal: &Refusal) -> bool {
    refusal.is("InvalidChangeSetStatus") || refusal.is("InvalidChangeSetStatusException")
}
