//! What a template may say: the values of one stack. A template sees these fields by the same names.
//!
//! Every field is always serialized, an absent one as `none`, so that a name a template gets wrong is an error and never
//! an empty text.

use serde::Serialize;

use facts::Alphabet;

use super::names;

/// Everything that a template of one stack is rendered from.
#[derive(Debug, Clone, Serialize)]
pub struct StackValues {
    /// The project's name, the first part of every name: `turnpike`.
    pub project: String,
    pub stage: StageValues,
    /// The service whose stack it is; absent for `network` and `artifacts`.
    pub service: Option<ServiceValues>,
    /// The services that are container images, for `artifacts`: each gets a repository.
    pub repositories: Vec<String>,
}

/// What holds for every stack of a stage.
#[derive(Debug, Clone, Serialize)]
pub struct StageValues {
    pub name: String,
    pub local: bool,
    /// One of the numbers that CloudWatch Logs takes: 1, 3, 5, 7, 14, 30...
    pub log_retention_days: u32,
    /// A block of at least 512 addresses: `10.20.0.0/16`.
    pub vpc_cidr: String,
    /// True keeps what cannot be made again (bucket, images, logs, secrets) when a stack goes.
    pub protect: bool,
}

/// One service, for the template of its kind.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceValues {
    /// As in its package: `x402-backend`.
    pub name: String,
    /// The name of its kind.
    pub kind: String,
    /// Where the container listens; 8080 where nothing says otherwise.
    pub port: u16,
    pub health_path: String,
    /// User and group as numbers: `65532:65532`.
    pub user: String,
    /// CPU units of a Fargate task, 1024 to a processor.
    pub cpu: u32,
    pub memory_mib: u32,
    /// How long an answer may take. What stops the service waits for longer than that.
    pub answers_within_seconds: u32,
    /// How long one Lambda invocation may take.
    pub timeout_seconds: u32,
    /// The Dockerfile's HEALTHCHECK, which ECS ignores unless the task definition repeats it.
    pub health_check: Option<HealthCheck>,
    /// Set by the template when the service runs. `PORT` is added unless it is here.
    pub environment: Vec<EnvironmentValue>,
    pub secrets: Vec<SecretValues>,
    /// Secrets that are there already, and that the stack only refers to.
    pub existing_secrets: Vec<ExistingSecretValues>,
    /// What the service's role may call, which is exactly what its links name.
    pub calls: Vec<CallValues>,
    /// Every parameter that comes from a link. One that only `calls` needs may be left out: it is declared all the same.
    pub parameters: Vec<ParameterValues>,
    /// The table that the service's instances share.
    pub table: Option<TableValues>,
    /// A folder of the container that can be written to; the rest is read-only.
    pub data_path: Option<String>,
    /// The model that an `agentcore` service may invoke: a model's id, or an inference profile's (`us.anthropic...`).
    pub model: Option<String>,
    /// True: the load balancer answers the world. False: only the stage's own network, which no Lambda function and no
    /// AgentCore runtime is in.
    pub public: bool,
}

/// How ECS asks a container whether it is well. The numbers are those that ECS takes: interval 5-300, timeout 2-60,
/// start period 0-300, retries 1-10.
#[derive(Debug, Clone, Serialize)]
pub struct HealthCheck {
    /// The program and its arguments. `CMD` is put before them unless it stands there.
    pub command: Vec<String>,
    pub interval_seconds: u32,
    pub timeout_seconds: u32,
    pub start_period_seconds: u32,
    pub retries: u32,
}

/// One environment variable: exactly one of `value` and `parameter` is there.
#[derive(Debug, Clone, Serialize)]
pub struct EnvironmentValue {
    pub name: String,
    pub value: Option<String>,
    /// The template parameter that holds the value.
    pub parameter: Option<String>,
}

/// One secret that the stack gives birth to.
#[derive(Debug, Clone, Serialize)]
pub struct SecretValues {
    /// The variable that holds it; where the platform does not set that, `<variable>_SECRET_ARN` says where to read it.
    pub variable: String,
    /// `wallet-key`; its full name is `<project>/<stage>/<service>/<name>`.
    pub name: String,
    /// In characters.
    pub length: u32,
    pub alphabet: Alphabet,
}

/// One secret that a person has made.
#[derive(Debug, Clone, Serialize)]
pub struct ExistingSecretValues {
    /// As for the others.
    pub variable: String,
    pub arn: String,
}

/// A link seen from the side that calls.
#[derive(Debug, Clone, Serialize)]
pub struct CallValues {
    /// Whom it calls.
    pub service: String,
    /// The name of the kind of whom it calls.
    pub kind: String,
    /// The parameter with the callee's ARN: `McpServerFunctionArn`, `AgentRuntimeArn`. Empty where no permission is needed.
    pub parameter: String,
}

/// A template parameter that another stack's output fills.
#[derive(Debug, Clone, Serialize)]
pub struct ParameterValues {
    /// `X402BackendUrl`. What its name ends in, `Url` or `Arn`, decides what the template accepts.
    pub name: String,
    pub description: String,
}

/// A table of a service.
#[derive(Debug, Clone, Serialize)]
pub struct TableValues {
    /// `payments`; its full name is `<project>-<stage>-<service>-<name>`.
    pub name: String,
    /// `PaymentsTable`
    pub logical_id: String,
    /// The environment variable with the table's name: `PAYMENTS_TABLE`.
    pub variable: String,
}

impl TableValues {
    pub fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            logical_id: format!("{}Table", names::pascal_case(name)),
            variable: format!("{}_TABLE", names::underscored(name).to_ascii_uppercase()),
        }
    }
}
