//! What stands: the stacks of a stage, found by their tags.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use aws_sdk_cloudformation::types::{Stack, StackStatus};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use futures_util::future::try_join_all;

use super::template::HASH_OUTPUT;
use super::{CloudFormation, OWNER_TAG, PROJECT_TAG, STAGE_TAG};
use crate::errors::{Refusal, refused};
use cloud::DeployedStack;

impl CloudFormation {
    /// Every stack of this project and stage, by name. One request, unless the account has more stacks than fit into an answer or
    /// may not be looked at as a whole.
    ///
    /// # Errors
    /// CloudFormation refuses, or cannot be reached.
    pub async fn deployed(&self) -> anyhow::Result<Vec<DeployedStack>> {
        let stacks = match self.all_at_once().await? {
            Some(stacks) => stacks,
            None => self.by_their_names().await?,
        };
        let ours = stacks.into_iter().filter_map(|stack| self.ours(stack));
        let mut found: Vec<DeployedStack> = ours.collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// The stacks of the account, when all of them come with the first answer.
    async fn all_at_once(&self) -> anyhow::Result<Option<Vec<Stack>>> {
        if self.asks_by_name.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let whole = match self.client.describe_stacks().send().await {
            Ok(answer) => answer
                .next_token
                .is_none()
                .then(|| answer.stacks.unwrap_or_default()),
            Err(error) => match Refusal::of(&error) {
                // Without a name it asks for the right to see every stack of the account.
                refusal if refusal.is("AccessDenied") => None,
                refusal => return Err(refusal.into_error("list the stacks")),
            },
        };
        if whole.is_none() {
            self.asks_by_name.store(true, Ordering::Relaxed);
        }
        Ok(whole)
    }

    /// ListStacks says little of each stack, and so is quick: 2,000 of them are twenty answers. What begins with our names is then
    /// described, stack by stack and all at the same time.
    async fn by_their_names(&self) -> anyhow::Result<Vec<Stack>> {
        let prefix = format!("{}-{}-", self.project, self.stage);
        let living = StackStatus::values()
            .iter()
            .filter(|status| **status != "DELETE_COMPLETE")
            .map(|status| StackStatus::from(*status));
        let call = self.client.list_stacks();
        let call = call.set_stack_status_filter(Some(living.collect()));
        let mut pages = call.into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| refused("list the stacks", &error))?;
            let found = page.stack_summaries.unwrap_or_default().into_iter();
            let found = found.filter_map(|summary| summary.stack_name);
            names.extend(found.filter(|name| name.starts_with(&prefix)));
        }
        let described = try_join_all(names.iter().map(|name| self.find(name))).await?;
        Ok(described.into_iter().flatten().collect())
    }

    /// One stack of this project and stage, by its name or its id; none when there is none, or it is somebody else's.
    ///
    /// # Errors
    /// CloudFormation refuses, or cannot be reached.
    pub async fn deployed_one(&self, name: &str) -> anyhow::Result<Option<DeployedStack>> {
        Ok(self.find(name).await?.and_then(|stack| self.ours(stack)))
    }

    /// Whatever has this name or id.
    pub async fn find(&self, name: &str) -> anyhow::Result<Option<Stack>> {
        self.look(name)
            .await
            .map_err(|refusal| refusal.into_error(&format!("describe the stack {name}")))
    }

    pub async fn look(&self, name: &str) -> Result<Option<Stack>, Refusal> {
        match self.client.describe_stacks().stack_name(name).send().await {
            Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
            Err(error) => match Refusal::of(&error) {
                refusal if is_absent(&refusal) => Ok(None),
                refusal => Err(refusal),
            },
        }
    }

    /// The stack, if its tags say that it is of this project and stage.
    pub fn ours(&self, stack: Stack) -> Option<DeployedStack> {
        let tag = |key: &str| {
            let tags = stack.tags().iter();
            let mut values = tags.filter(|tag| tag.key() == Some(key));
            values.next().and_then(|tag| tag.value())
        };
        let tagged = tag(PROJECT_TAG) == Some(&self.project) && tag(STAGE_TAG) == Some(&self.stage);
        let name = stack.stack_name().unwrap_or_default();
        // One that was never executed has not got its tags yet, and neither has one that is only an import.
        let prefix = format!("{}-{}-", self.project, self.stage);
        let status = stack.stack_status().map_or("", |status| status.as_str());
        let begun = status == "REVIEW_IN_PROGRESS" || status.starts_with("IMPORT_");
        let unborn = begun && tag(PROJECT_TAG).is_none();
        let owner = match tag(OWNER_TAG) {
            Some(owner) if tagged => owner,
            None if unborn => name.strip_prefix(&prefix)?,
            _ => return None,
        };
        Some(describe(&stack, owner))
    }
}

pub(super) fn describe(stack: &Stack, owner: &str) -> DeployedStack {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let outputs = stack.outputs().iter();
    let mut outputs: BTreeMap<String, String> = outputs
        .map(|output| (text(output.output_key()), text(output.output_value())))
        .collect();
    let parameters = stack.parameters().iter();
    DeployedStack {
        name: text(stack.stack_name()),
        owner: owner.to_owned(),
        stack_id: text(stack.stack_id()),
        status: text(stack.stack_status().map(|status| status.as_str())),
        status_reason: stack
            .stack_status_reason()
            .filter(|reason| !reason.is_empty())
            .map(str::to_owned),
        inputs_hash: outputs.remove(HASH_OUTPUT),
        outputs,
        parameters: parameters
            .map(|parameter| {
                let key = text(parameter.parameter_key());
                (key, text(parameter.parameter_value()))
            })
            .collect(),
        protected: stack.enable_termination_protection().unwrap_or(false),
        created_at: stack.creation_time().map(rfc3339).unwrap_or_default(),
        updated_at: stack.last_updated_time().map(rfc3339),
    }
}

/// RFC 3339, UTC, always with milliseconds, so that the order of the texts is the order of the times.
pub(super) fn rfc3339(time: &DateTime) -> String {
    let whole = DateTime::from_secs(time.secs());
    let text = whole.fmt(Format::DateTime).unwrap_or_default();
    let milliseconds = time.subsec_nanos() / 1_000_000;
    format!("{}.{milliseconds:03}Z", text.trim_end_matches('Z'))
}

/// CloudFormation has no code of its own for a stack that is not there.
pub(super) fn is_absent(refusal: &Refusal) -> bool {
    refusal.is("ValidationError") && refusal.message.contains("does not exist")
}
