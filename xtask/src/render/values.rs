//! What a template may say: the values of one stack. A template sees these fields by the same names.
//!
//! Every field is always serialized, an absent one as `none`, so that a name a template gets wrong is an error and never
//! an empty text.

use serde::Serialize;

use crate::repo::Alphabet;

/// Everything that a template of one stack is rendered from.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StackValues {
    /// The project's name, the first part of every name: `turnpike`.
    pub(crate) project: String,
    pub(crate) stage: StageValues,
    /// The service whose stack it is; absent for `network` and `artifacts`.
    pub(crate) service: Option<ServiceValues>,
    /// The services that are container images, for `artifacts`: each gets a repository.
    pub(crate) repositories: Vec<String>,
}

/// What holds for every stack of a stage.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StageValues {
    pub(crate) name: String,
    pub(crate) local: bool,
    /// One of the numbers that CloudWatch Logs takes: 1, 3, 5, 7, 14, 30...
    pub(crate) log_retention_days: u32,
    /// A block of at least 512 addresses: `10.20.0.0/16`.
    pub(crate) vpc_cidr: String,
    /// True keeps what cannot be made again (bucket, images, logs, secrets) when a stack goes.
    pub(crate) protect: bool,
}

/// One service, for `fargate`, `lambda` and `agentcore`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ServiceValues {
    /// As in its package: `x402-backend`.
    pub(crate) name: String,
    /// `fargate`, `lambda` or `agentcore`.
    pub(crate) kind: String,
    /// Where the container listens; always 8080 for `agentcore`.
    pub(crate) port: u16,
    pub(crate) health_path: String,
    /// User and group as numbers: `65532:65532`.
    pub(crate) user: String,
    /// CPU units of a Fargate task, 1024 to a processor.
    pub(crate) cpu: u32,
    pub(crate) memory_mib: u32,
    /// How long an answer may take. What stops the service waits for longer than that.
    pub(crate) answers_within_seconds: u32,
    /// How long one Lambda invocation may take.
    pub(crate) timeout_seconds: u32,
    /// The Dockerfile's HEALTHCHECK, which ECS ignores unless the task definition repeats it.
    pub(crate) health_check: Option<HealthCheck>,
    /// Set by the template when the service runs. `PORT` is added unless it is here.
    pub(crate) environment: Vec<EnvironmentValue>,
    pub(crate) secrets: Vec<SecretValues>,
    /// Secrets that are there already, and that the stack only refers to.
    pub(crate) existing_secrets: Vec<ExistingSecretValues>,
    /// What the service's role may call, which is exactly what its links name.
    pub(crate) calls: Vec<CallValues>,
    /// Every parameter that comes from a link. One that only `calls` needs may be left out: it is declared all the same.
    pub(crate) parameters: Vec<ParameterValues>,
    /// True: the stack has a table that the service remembers payments in, and `PAYMENTS_TABLE` names it.
    pub(crate) payments_table: bool,
    /// A folder of the container that can be written to; the rest is read-only.
    pub(crate) data_path: Option<String>,
    /// The model that an `agentcore` service may invoke: a model's id, or an inference profile's (`us.anthropic...`).
    pub(crate) model: Option<String>,
    /// True: the load balancer answers the world. False: only the stage's own network, which no Lambda function and no
    /// AgentCore runtime is in.
    pub(crate) public: bool,
}

/// How ECS asks a container whether it is well. The numbers are those that ECS takes: interval 5-300, timeout 2-60,
/// start period 0-300, retries 1-10.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HealthCheck {
    /// The program and its arguments. `CMD` is put before them unless it stands there.
    pub(crate) command: Vec<String>,
    pub(crate) interval_seconds: u32,
    pub(crate) timeout_seconds: u32,
    pub(crate) start_period_seconds: u32,
    pub(crate) retries: u32,
}

/// One environment variable: exactly one of `value` and `parameter` is there.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EnvironmentValue {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    /// The template parameter that holds the value.
    pub(crate) parameter: Option<String>,
}

/// One secret that the stack gives birth to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SecretValues {
    /// The variable that holds it (fargate); elsewhere `<variable>_SECRET_ARN` says where to read it.
    pub(crate) variable: String,
    /// `wallet-key`; its full name is `<project>/<stage>/<service>/<name>`.
    pub(crate) name: String,
    /// In characters.
    pub(crate) length: u32,
    pub(crate) alphabet: Alphabet,
}

/// One secret that a person has made.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ExistingSecretValues {
    /// As for the others.
    pub(crate) variable: String,
    pub(crate) arn: String,
}

/// A link seen from the side that calls.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CallValues {
    /// Whom it calls.
    pub(crate) service: String,
    /// The kind of whom it calls: `lambda`, `agentcore`, or `fargate`, which needs no permission.
    pub(crate) kind: String,
    /// The parameter with the callee's ARN: `McpServerFunctionArn`, `AgentRuntimeArn`.
    pub(crate) parameter: String,
}

/// A template parameter that another stack's output fills.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ParameterValues {
    /// `X402BackendUrl`. What its name ends in, `Url` or `Arn`, decides what the template accepts.
    pub(crate) name: String,
    pub(crate) description: String,
}
