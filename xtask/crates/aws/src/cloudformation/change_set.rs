//! Change sets: what a deploy would do, as CloudFormation itself sees it.

use anyhow::Context;
use aws_sdk_cloudformation::operation::create_change_set::builders::CreateChangeSetFluentBuilder;
use aws_sdk_cloudformation::types::{Capability, ChangeSetType, OnStackFailure, Parameter, Tag};

use super::recovery;
use super::template::{TemplateBody, stamped};
use super::{CloudFormation, OWNER_TAG, PROJECT_TAG, STAGE_TAG};
use crate::errors::Refusal;
use cloud::{Condition, ReadySet, StackRequest, condition};
use words::error::{Failure, UserError};

/// Someone may be making, executing or deleting the same set at the same moment.
const TRIES_MAX: u32 = 5;

/// What creating a change set came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSet {
    /// The stack is as it should be; no change set is left behind.
    Nothing,
    Ready(ReadySet),
    /// Something is being done to the stack: watch it with [`super::Since::Running`], then ask again.
    Busy {
        stack_id: String,
        status: String,
    },
}

enum Begun {
    Set {
        id: String,
        create: bool,
    },
    Busy {
        stack_id: String,
        status: String,
    },
    /// Something stood in the way and has been cleared away.
    Again,
}

impl CloudFormation {
    /// Asks what this request would change, and waits for the answer. `inputs_hash` names everything that the stack is made
    /// from, as hexadecimal digits: asking twice with the same hash gives the same change set.
    ///
    /// # Errors
    /// The stack is stuck or somebody else's, or CloudFormation finds fault with the template or a value.
    pub async fn create_change_set(
        &self,
        request: &StackRequest,
        inputs_hash: &str,
        body: TemplateBody,
    ) -> anyhow::Result<ChangeSet> {
        for attempt in 1..=TRIES_MAX {
            match self.begin(request, inputs_hash, &body, attempt).await? {
                Begun::Set { id, create } => {
                    if let Some(set) = self.ready(&request.name, &id, create).await? {
                        return Ok(set);
                    }
                }
                Begun::Busy { stack_id, status } => {
                    return Ok(ChangeSet::Busy { stack_id, status });
                }
                Begun::Again => {}
            }
            tokio::time::sleep(self.pace.wait(attempt)).await;
        }
        let problem = format!(
            "a change set for {} goes away as soon as it is made",
            request.name
        );
        let hint = "is somebody else deploying it? The stack's change sets are in the CloudFormation console; run the command again when it is quiet";
        Err(Failure::new(problem, hint).into())
    }

    async fn begin(
        &self,
        request: &StackRequest,
        inputs_hash: &str,
        body: &TemplateBody,
        attempt: u32,
    ) -> anyhow::Result<Begun> {
        let found = self.find(&request.name).await?;
        let status = found.as_ref().and_then(|stack| stack.stack_status());
        let status = status.map_or("DELETE_COMPLETE", |status| status.as_str());
        let create = match condition(status) {
            Condition::Gone | Condition::ReviewInProgress => true,
            Condition::Steady | Condition::UpdateFailed => false,
            Condition::InProgress(_) => {
                let status = status.to_owned();
                let stack_id = found.and_then(|stack| stack.stack_id).unwrap_or_default();
                return Ok(Begun::Busy { stack_id, status });
            }
            stuck => return Err(recovery::stuck(&request.name, stuck).into()),
        };
        let foreign = found.is_some_and(|stack| self.ours(stack).is_none());
        if foreign && !create {
            return Err(self.somebody_elses(&request.name).into());
        }
        let name = change_set_name(inputs_hash, attempt);
        let call = self.request(request, inputs_hash, body, &name, create);
        let refusal = match call.send().await {
            Ok(answer) => {
                let id = answer
                    .id
                    .context("CloudFormation made a change set without an id")?;
                return Ok(Begun::Set { id, create });
            }
            Err(error) => Refusal::of(&error),
        };
        if refusal.is("AlreadyExistsException") {
            return self.settle(&request.name, &name, inputs_hash, create).await;
        }
        // Somebody began between the two requests: the next look says what.
        if refusal.is("ValidationError") && refusal.message.contains("_IN_PROGRESS state") {
            return Ok(Begun::Again);
        }
        Err(refusal.into_error(&format!("make a change set for {}", request.name)))
    }

    /// There is a set of that name: ours if an answer got lost or an earlier run was killed, and in the way if not.
    async fn settle(
        &self,
        stack: &str,
        name: &str,
        inputs_hash: &str,
        create: bool,
    ) -> anyhow::Result<Begun> {
        let Some(set) = self.describe_set(stack, name).await? else {
            return Ok(Begun::Again);
        };
        match set.change_set_id() {
            Some(id) if set.description() == Some(inputs_hash) && super::ready::is_usable(&set) => {
                Ok(Begun::Set {
                    id: id.to_owned(),
                    create,
                })
            }
            _ => {
                self.delete_change_set(stack, name).await?;
                Ok(Begun::Again)
            }
        }
    }

    fn request(
        &self,
        request: &StackRequest,
        inputs_hash: &str,
        body: &TemplateBody,
        name: &str,
        create: bool,
    ) -> CreateChangeSetFluentBuilder {
        let call = self
            .client
            .create_change_set()
            .stack_name(&request.name)
            .change_set_name(name)
            // The SDK sends the same token when it has to ask again, so that a lost answer does not make two.
            .client_token(super::token())
            .description(inputs_hash)
            .capabilities(Capability::CapabilityIam)
            .set_parameters(Some(request.parameters.iter().map(parameter).collect()))
            .tags(tag(PROJECT_TAG, &self.project))
            .tags(tag(STAGE_TAG, &self.stage))
            .tags(tag(OWNER_TAG, &request.owner));
        let call = match body {
            TemplateBody::Inline(text) => call.template_body(stamped(text, inputs_hash)),
            TemplateBody::Url(url) => call.template_url(url),
        };
        // Only what the template keeps may be adopted: CloudFormation refuses the set for any other resource (CloudFormation
        // User Guide, "Import AWS resources into a CloudFormation stack automatically").
        let call = call.import_existing_resources(self.keeps);
        match create {
            true => call
                .change_set_type(ChangeSetType::Create)
                .on_stack_failure(self.on_failure()),
            false => call.change_set_type(ChangeSetType::Update),
        }
    }

    /// What failed to come about leaves nothing that has to be cleared away by hand. Where stacks keep data it is rolled back and
    /// stays: `RetainExceptOnCreate` says what becomes of a new log group in a rollback, and of a deletion it says that it is
    /// kept (CloudFormation Template Reference, "DeletionPolicy attribute"). The next deploy deletes the empty stack.
    fn on_failure(&self) -> OnStackFailure {
        match self.keeps {
            true => OnStackFailure::Rollback,
            false => OnStackFailure::Delete,
        }
    }

    fn somebody_elses(&self, stack: &str) -> UserError {
        let problem = format!(
            "there is a stack {stack} already, and its tags do not say that it is of {} {}",
            self.project, self.stage
        );
        UserError::new(problem).hint(
            "choose another name for the stage or the project, or remove that stack by hand if nobody needs it",
        )
    }
}

/// Derived from the hash, so that a second run finds the set of the first. A set that cannot be removed is passed over.
fn change_set_name(inputs_hash: &str, attempt: u32) -> String {
    let short: String = inputs_hash.chars().take(12).collect();
    match attempt {
        1..=3 => format!("turnpike-{short}"),
        _ => format!("turnpike-{short}-{attempt}"),
    }
}

fn parameter((key, value): (&String, &String)) -> Parameter {
    Parameter::builder()
        .parameter_key(key)
        .parameter_value(value)
        .build()
}

pub(super) fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}
