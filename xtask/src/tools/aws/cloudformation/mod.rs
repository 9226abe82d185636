//! CloudFormation: what stands, what would change, and doing it. No state is kept here: the stacks, their tags and one output
//! of each say everything that a deploy has to know.

mod change_set;
mod changes;
mod condition;
mod delete;
mod events;
mod execute;
mod failure;
mod history;
mod mend;
mod pace;
mod ready;
mod standing;
mod template;
#[cfg(test)]
mod tests;
mod watch;

pub(crate) use crate::cloud::ReadySet;
pub(crate) use change_set::ChangeSet;
pub(crate) use condition::{Condition, Operation, condition};
pub(crate) use events::{Since, StackEvent};
pub(crate) use failure::StackFailure;
pub(crate) use mend::Mending;
use pace::Pace;
pub(crate) use standing::Standing;
pub(crate) use template::{TemplateBody, needs_url, stamped};
pub(crate) use watch::Ended;

use super::Aws;

/// On every stack; they never change, since CloudFormation hands a stack's tags on to all of its resources.
const PROJECT_TAG: &str = "turnpike:project";
const STAGE_TAG: &str = "turnpike:stage";
const OWNER_TAG: &str = "turnpike:owner";

/// The stacks of one stage.
#[derive(Debug, Clone)]
pub(crate) struct CloudFormation {
    client: aws_sdk_cloudformation::Client,
    project: String,
    stage: String,
    pace: Pace,
}

impl CloudFormation {
    pub(crate) fn new(aws: &Aws, project: &str, stage: &str) -> Self {
        Self {
            client: aws_sdk_cloudformation::Client::new(aws.config()),
            project: project.to_owned(),
            stage: stage.to_owned(),
            pace: Pace::default(),
        }
    }
}

/// Names one request, so that CloudFormation knows it when it arrives twice.
fn token() -> String {
    let random = getrandom::u64().unwrap_or_else(|_| std::process::id().into());
    format!("turnpike-{random:016x}")
}
