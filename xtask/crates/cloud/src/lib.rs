//! What a deploy and a cloud say to each other. The local cloud and CloudFormation speak the same words.

mod condition;
mod contract;
mod deployed;
mod errors;
mod hash;
mod log_line;
mod messages;
pub mod progress;
mod recovery;
mod removal;
mod replacement;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use condition::{Condition, Operation, STOPPED, condition};
pub use contract::{Cloud, CloudFuture};
pub use deployed::DeployedStack;
pub use errors::{lock_lost, not_deployed, nothing_runs};
pub use hash::inputs_hash;
pub use log_line::{
    CHARACTERS_MAX as LOG_CHARACTERS_MAX, LogLine, LogQuery, PLATFORM, parse as parse_log_line,
};
pub use messages::{
    Account, AgentAccess, Artifact, ChangeFailure, ChangeOutcome, Closed, DeployLock, Execution,
    Needs, Prepared, SmokeCheck,
};
pub use recovery::{FailedResource, Recovery};
pub use removal::{Container, Removal, Running};
pub use replacement::changes_in_place;
pub use resource_types::replaces;

/// The outputs of every stack, by owner, with the keys of the template.
pub type Outputs = BTreeMap<String, BTreeMap<String, String>>;

/// One stack as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackRequest {
    /// The stack's name: `turnpike-local-agent`.
    pub name: String,
    /// Whose stack it is: a service's name, `network` or `artifacts`.
    pub owner: String,
    /// The rendered template, as YAML.
    pub template: String,
    /// A value for every parameter that the template declares without a default.
    pub parameters: BTreeMap<String, String>,
}

/// What applying a stack did.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// False when the stack was already as it should be.
    pub changed: bool,
    /// What was done to each resource, in the order it was done.
    pub changes: Vec<Change>,
    /// The stack's outputs, with the keys of the template: `Url`, `RuntimeArn`.
    pub outputs: BTreeMap<String, String>,
}

/// What happened to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    pub action: Action,
    pub logical_id: String,
    pub resource_type: String,
    /// The properties that differ; empty unless `action` is an update or a replacement.
    pub properties: Vec<String>,
}

/// What can happen to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    Create,
    /// It is there already and belongs to no stack: it comes into this one as it is.
    Adopt,
    Update,
    /// An update or a replacement: CloudFormation finds out while it is at it. To be treated as a replacement.
    MayReplace,
    Replace,
    Delete,
}

/// A change set that waits to be executed. It can be kept in a file: executing it fails if the stack moved since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadySet {
    /// The ARN.
    pub id: String,
    pub stack_name: String,
    pub stack_id: String,
    /// True when the stack is not there yet.
    pub create: bool,
    /// Empty when nothing but outputs changes.
    pub changes: Vec<Change>,
}

/// One stack as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackState {
    pub name: String,
    pub owner: String,
    /// True when every process that the stack calls for is running and answers.
    pub healthy: bool,
    /// What CloudFormation calls it: `UPDATE_COMPLETE`. A local stack either stands or does not.
    #[serde(default)]
    pub status: Option<String>,
    pub outputs: BTreeMap<String, String>,
    pub processes: Vec<ProcessState>,
    pub log_groups: Vec<String>,
    /// What a person should know besides: why a container stopped, which version an endpoint still serves.
    #[serde(default)]
    pub remarks: Vec<String>,
}

/// One process (a container, a function's instance) of a stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessState {
    pub name: String,
    /// Absent while it is not running.
    pub pid: Option<u32>,
    /// In words: `running`, `starting`, `restarting in 4 s`, `failed: ...`.
    pub state: String,
    pub restarts: u32,
    /// RFC 3339, UTC.
    pub started_at: Option<String>,
    /// How it ended the last time, if it did: `exit status 101`, `signal 9`.
    pub last_exit: Option<String>,
}
