//! CloudFormation: what stands, what would change, and doing it. No state is kept here: the stacks, their tags and one output
//! of each say everything that a deploy has to know.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

mod adopt;
mod change_set;
mod changes;
mod delete;
mod deployed;
mod events;
mod execute;
mod failure;
mod history;
mod pace;
mod ready;
mod recovery;
mod template;
#[cfg(test)]
mod tests;
mod watch;

pub use adopt::{KeptSecret, NamedSecret, named_secrets};
pub use change_set::ChangeSet;
pub use events::{Since, StackEvent};
pub use failure::StackFailure;
use pace::Pace;
pub use template::{TemplateBody, needs_url, stamped};
pub use watch::Ended;

use super::Aws;

/// On every stack; they never change, since CloudFormation hands a stack's tags on to all of its resources.
const PROJECT_TAG: &str = "turnpike:project";
const STAGE_TAG: &str = "turnpike:stage";
const OWNER_TAG: &str = "turnpike:owner";

/// The stacks of one stage.
#[derive(Debug, Clone)]
pub struct CloudFormation {
    client: aws_sdk_cloudformation::Client,
    project: String,
    stage: String,
    /// Stacks leave behind what holds data, and find it again.
    keeps: bool,
    /// The account has too many stacks to look at all of them, or nobody may.
    asks_by_name: Arc<AtomicBool>,
    pace: Pace,
}

impl CloudFormation {
    pub fn new(aws: &Aws, project: &str, stage: &str) -> Self {
        Self {
            client: aws_sdk_cloudformation::Client::new(aws.config()),
            project: project.to_owned(),
            stage: stage.to_owned(),
            keeps: false,
            asks_by_name: Arc::default(),
            pace: Pace::default(),
        }
    }

    /// For a stage that is protected.
    pub fn keeping(self, keeps: bool) -> Self {
        Self { keeps, ..self }
    }
}

/// Names one request, so that CloudFormation knows it when it arrives twice.
fn token() -> String {
    let random = getrandom::u64().unwrap_or_else(|_| std::process::id().into());
    format!("turnpike-{random:016x}")
}
