//! What a stack's template comes to, as data: nothing here has happened yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::template::Physical;
use facts::secret_name;

/// A whole stack: its resources in order, and what has to exist for them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub resources: Vec<Made>,
    pub outputs: BTreeMap<String, String>,
    pub roles: Vec<RolePlan>,
    pub managed_policies: BTreeMap<String, Value>,
    pub secrets: Vec<SecretPlan>,
    pub tables: Vec<TablePlan>,
    pub log_groups: Vec<String>,
    pub tasks: BTreeMap<String, TaskPlan>,
    pub services: Vec<ServicePlan>,
    pub target_groups: BTreeMap<String, TargetGroup>,
    pub balancers: Vec<Balancer>,
    pub functions: Vec<FunctionPlan>,
    pub function_urls: Vec<FunctionUrl>,
    pub runtimes: Vec<RuntimePlan>,
    pub endpoints: Vec<EndpointPlan>,
}

impl Plan {
    /// The ARNs of secrets that no stack here has made, and that functions and agents will ask for by the API.
    pub(crate) fn existing_secrets(&self) -> BTreeSet<&str> {
        let functions = self.functions.iter().map(|function| &function.process);
        let runtimes = self.runtimes.iter().map(|runtime| &runtime.process);
        let values = functions
            .chain(runtimes)
            .flat_map(|process| process.environment.iter());
        values
            .filter(|(name, arn)| name.ends_with("_SECRET_ARN") && secret_name(arn).is_some())
            .map(|(_, arn)| arn.as_str())
            .filter(|arn| !self.secrets.iter().any(|secret| secret.arn == *arn))
            .collect()
    }
}

/// A resource as it is remembered: enough to tell what differs the next time, and to keep its names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Made {
    pub logical_id: String,
    pub resource_type: String,
    pub properties: Value,
    pub physical: Physical,
    pub version: u32,
    /// The port on 127.0.0.1 that is this resource's for as long as it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(default)]
    pub retained: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RolePlan {
    pub arn: String,
    pub name: String,
    pub policies: Vec<Value>,
    /// The services that may take the role: `lambda.amazonaws.com`.
    pub trusted: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SecretPlan {
    pub logical_id: String,
    pub arn: String,
    pub name: String,
    pub value: SecretValue,
    /// Changes when the secret has to get a new value.
    pub version: u32,
    pub retained: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TablePlan {
    pub definition: tables::Definition,
    pub retained: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SecretValue {
    Given(String),
    Generated(super::secret::Recipe),
}

/// What one container of a task runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaskPlan {
    pub container: String,
    pub ports: Vec<u16>,
    pub process: ProcessPlan,
}

/// Everything that a process is started with, except what is only known then: its port and its credentials.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ProcessPlan {
    /// As people see it: `x402-backend`.
    pub name: String,
    /// Whose log it writes.
    pub owner: String,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub directory: PathBuf,
    pub environment: BTreeMap<String, String>,
    /// Variables whose values are secrets, resolved at each start.
    pub secrets: BTreeMap<String, SecretReference>,
    pub role_arn: Option<String>,
    /// Folders of this machine that it keeps data in.
    pub volumes: Vec<PathBuf>,
    pub health: Health,
    /// From SIGTERM to SIGKILL; none is the platform's own, which is [`STOP_SECONDS`].
    pub stop_seconds: Option<u32>,
}

impl ProcessPlan {
    /// How long it may take to end after it was asked to.
    pub(crate) fn stop_time(&self) -> Duration {
        Duration::from_secs(self.stop_seconds.unwrap_or(STOP_SECONDS).into())
    }
}

/// ECS's default. AgentCore and Lambda promise no time at all: the first ends a session at once, the second sends no signal to
/// a function without extensions, and ends only instances that do nothing.
/// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html (stopTimeout)
/// https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-stop-session.html
/// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html (Shutdown phase)
const STOP_SECONDS: u32 = 30;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SecretReference {
    pub arn: String,
    /// One key of a secret that is a JSON object.
    pub json_key: Option<String>,
}

/// How a process shows that it is ready.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Health {
    /// A program and its arguments that ends with 0.
    pub command: Option<(PathBuf, Vec<String>)>,
    /// A path that answers with one of `codes`.
    pub path: Option<String>,
    /// As a target group's matcher: `200`, `200,204`, `200-299`.
    pub codes: String,
    /// How long it may take from its start.
    pub timeout_seconds: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServicePlan {
    pub logical_id: String,
    pub name: String,
    pub desired_count: u32,
    pub process: ProcessPlan,
    pub target_groups: Vec<String>,
    /// True when the old process has to be gone before the new one starts.
    pub stop_first: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TargetGroup {
    pub arn: String,
    pub port: u16,
    pub health_path: String,
    pub codes: String,
    pub drain_seconds: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Balancer {
    pub logical_id: String,
    pub arn: String,
    pub port: u16,
    pub idle_timeout_seconds: u32,
    pub listener: Option<Listener>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listener {
    pub arn: String,
    pub default_action: Action,
    /// In order of their priority.
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub priority: u32,
    /// Patterns with `*` and `?`; none means any.
    pub paths: Vec<String>,
    pub hosts: Vec<String>,
    pub action: Action,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Forward {
        target_group: String,
    },
    Fixed {
        status: u16,
        content_type: String,
        body: String,
    },
    Redirect {
        status: u16,
        location: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FunctionPlan {
    pub logical_id: String,
    pub arn: String,
    pub name: String,
    pub timeout_seconds: u32,
    pub memory_mib: u32,
    pub instances_max: u32,
    pub process: ProcessPlan,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FunctionUrl {
    pub logical_id: String,
    pub function_arn: String,
    pub port: u16,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RuntimePlan {
    pub logical_id: String,
    pub arn: String,
    pub id: String,
    pub name: String,
    pub version: u32,
    pub header_allow_list: Vec<String>,
    pub process: ProcessPlan,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EndpointPlan {
    pub runtime_arn: String,
    pub name: String,
    pub version: u32,
}
