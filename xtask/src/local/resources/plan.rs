//! What a stack's template comes to, as data: nothing here has happened yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::local::template::Physical;
use crate::repo::secret_name;

/// A whole stack: its resources in order, and what has to exist for them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) resources: Vec<Made>,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) roles: Vec<RolePlan>,
    pub(crate) managed_policies: BTreeMap<String, Value>,
    pub(crate) secrets: Vec<SecretPlan>,
    pub(crate) log_groups: Vec<String>,
    pub(crate) tasks: BTreeMap<String, TaskPlan>,
    pub(crate) services: Vec<ServicePlan>,
    pub(crate) target_groups: BTreeMap<String, TargetGroup>,
    pub(crate) balancers: Vec<Balancer>,
    pub(crate) functions: Vec<FunctionPlan>,
    pub(crate) function_urls: Vec<FunctionUrl>,
    pub(crate) runtimes: Vec<RuntimePlan>,
    pub(crate) endpoints: Vec<EndpointPlan>,
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
    pub(crate) logical_id: String,
    pub(crate) resource_type: String,
    pub(crate) properties: Value,
    pub(crate) physical: Physical,
    pub(crate) version: u32,
    /// The port on 127.0.0.1 that is this resource's for as long as it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    #[serde(default)]
    pub(crate) retained: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RolePlan {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) policies: Vec<Value>,
    /// The services that may take the role: `lambda.amazonaws.com`.
    pub(crate) trusted: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SecretPlan {
    pub(crate) logical_id: String,
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) value: SecretValue,
    /// Changes when the secret has to get a new value.
    pub(crate) version: u32,
    pub(crate) retained: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SecretValue {
    Given(String),
    Generated(super::secret::Recipe),
}

/// What one container of a task runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaskPlan {
    pub(crate) container: String,
    pub(crate) ports: Vec<u16>,
    pub(crate) process: ProcessPlan,
}

/// Everything that a process is started with, except what is only known then: its port and its credentials.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ProcessPlan {
    /// As people see it: `x402-backend`.
    pub(crate) name: String,
    /// Whose log it writes.
    pub(crate) owner: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) directory: PathBuf,
    pub(crate) environment: BTreeMap<String, String>,
    /// Variables whose values are secrets, resolved at each start.
    pub(crate) secrets: BTreeMap<String, SecretReference>,
    pub(crate) role_arn: Option<String>,
    /// Folders of this machine that it keeps data in.
    pub(crate) volumes: Vec<PathBuf>,
    pub(crate) health: Health,
    /// From SIGTERM to SIGKILL; none is the platform's own, which is [`STOP_SECONDS`].
    pub(crate) stop_seconds: Option<u32>,
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
    pub(crate) arn: String,
    /// One key of a secret that is a JSON object.
    pub(crate) json_key: Option<String>,
}

/// How a process shows that it is ready.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Health {
    /// A program and its arguments that ends with 0.
    pub(crate) command: Option<(PathBuf, Vec<String>)>,
    /// A path that answers with one of `codes`.
    pub(crate) path: Option<String>,
    /// As a target group's matcher: `200`, `200,204`, `200-299`.
    pub(crate) codes: String,
    /// How long it may take from its start.
    pub(crate) timeout_seconds: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServicePlan {
    pub(crate) logical_id: String,
    pub(crate) name: String,
    pub(crate) desired_count: u32,
    pub(crate) process: ProcessPlan,
    pub(crate) target_groups: Vec<String>,
    /// True when the old process has to be gone before the new one starts.
    pub(crate) stop_first: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TargetGroup {
    pub(crate) arn: String,
    pub(crate) port: u16,
    pub(crate) health_path: String,
    pub(crate) codes: String,
    pub(crate) drain_seconds: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Balancer {
    pub(crate) logical_id: String,
    pub(crate) arn: String,
    pub(crate) port: u16,
    pub(crate) idle_timeout_seconds: u32,
    pub(crate) listener: Option<Listener>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listener {
    pub(crate) arn: String,
    pub(crate) default_action: Action,
    /// In order of their priority.
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub(crate) priority: u32,
    /// Patterns with `*` and `?`; none means any.
    pub(crate) paths: Vec<String>,
    pub(crate) hosts: Vec<String>,
    pub(crate) action: Action,
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
    pub(crate) logical_id: String,
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) timeout_seconds: u32,
    pub(crate) memory_mib: u32,
    pub(crate) instances_max: u32,
    pub(crate) process: ProcessPlan,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FunctionUrl {
    pub(crate) logical_id: String,
    pub(crate) function_arn: String,
    pub(crate) port: u16,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RuntimePlan {
    pub(crate) logical_id: String,
    pub(crate) arn: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) header_allow_list: Vec<String>,
    pub(crate) process: ProcessPlan,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EndpointPlan {
    pub(crate) runtime_arn: String,
    pub(crate) name: String,
    pub(crate) version: u32,
}
