//! The stacks of a stage: what each is rendered from, what it takes from others, and what its image is built with.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::order::{callees, order};
use super::parameters::{Input, Parameters};
use crate::render::names::{pascal_case, stack_name};
use crate::render::{
    CallValues, EnvironmentValue, ExistingSecretValues, ParameterValues, SecretValues,
    ServiceValues, StackValues, StageValues, TableValues,
};
use facts::{CloudKind, Repo, Resolved, Service, Stage, Value};
use kinds::Kind;

/// One stack, before anything of it is known that only a deploy can tell.
#[derive(Debug, Clone)]
pub struct StackPlan {
    /// `turnpike-dev-agent`.
    pub name: String,
    /// A service's name, `network` or `artifacts`.
    pub owner: String,
    /// The template's file under `templates/`.
    pub template: String,
    /// What the template is rendered with. The facts of the image (port, user, health check) are filled in later.
    pub values: StackValues,
    /// Where each parameter of the template gets its value.
    pub inputs: Vec<Input>,
    /// What the image is built with; empty when there is no image.
    pub args: Vec<(String, ArgValue)>,
    /// The owners of the stacks that must stand before this one.
    pub after: Vec<String>,
    pub kind: Option<&'static Kind>,
}

impl StackPlan {
    /// The ARGs with their values, and stand-ins for those that only a deploy knows.
    pub fn args_with_stand_ins(&self) -> BTreeMap<String, String> {
        let args = self.args.iter();
        args.map(|(name, value)| (name.clone(), value.or_stand_in()))
            .collect()
    }
}

/// The value of a Docker ARG.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ArgValue {
    Text(String),
    Output { owner: String, key: String },
}

impl ArgValue {
    /// The value, or something in its place while only a deploy knows it: `{mcp-server.url}`.
    pub fn or_stand_in(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Output { owner, key } => format!("{{{owner}.{key}}}"),
        }
    }

    /// `Url of mcp-server`, or the value itself.
    pub fn words(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Output { owner, key } => format!("{key} of {owner}"),
        }
    }
}

/// Every stack of a stage, each after everything it needs.
pub fn stacks(repo: &Repo, stage: &Stage) -> Vec<StackPlan> {
    let services = order(repo, stage);
    let shared = |owner: &str| StackPlan {
        name: stack_name(&repo.project, &stage.name, owner),
        owner: owner.to_owned(),
        template: format!("{owner}.yaml.tera"),
        values: stack_values(repo, stage),
        inputs: Vec::new(),
        args: Vec::new(),
        after: Vec::new(),
        kind: None,
    };
    let mut artifacts = shared("artifacts");
    artifacts.values.repositories = services
        .iter()
        .filter(|service| service.kind.has_image())
        .map(|service| service.name.clone())
        .collect();
    let mut stacks = vec![artifacts, shared("network")];
    let called_from_outside = called_from_outside(&services, stage);
    stacks.extend(services.iter().map(|service| {
        let is_called = called_from_outside.contains(service.name.as_str());
        service_stack(repo, stage, service, is_called)
    }));
    stacks
}

fn stack_values(repo: &Repo, stage: &Stage) -> StackValues {
    StackValues {
        project: repo.project.clone(),
        stage: StageValues {
            name: stage.name.clone(),
            local: stage.cloud == CloudKind::Local,
            log_retention_days: stage.log_retention_days,
            vpc_cidr: stage.vpc_cidr.clone(),
            protect: stage.protect,
        },
        service: None,
        repositories: Vec::new(),
    }
}

fn service_stack(
    repo: &Repo,
    stage: &Stage,
    service: &Service,
    called_from_outside: bool,
) -> StackPlan {
    let mut parameters = Parameters::standard(service.kind);
    let environment = parameters.environment(stage, service);
    let calls = parameters.calls(repo, stage, service);
    let mut after: Vec<String> = parameters.owners().map(str::to_owned).collect();
    after.extend(callees(service, stage).into_iter().map(str::to_owned));
    after.push("artifacts".to_owned());
    after.sort();
    after.dedup();
    let arg =
        |(name, value): (&String, &Value)| Some((name.clone(), arg_value(stage.resolve(value)?)));
    let mut values = stack_values(repo, stage);
    let mut service_values =
        service_values(stage, service, environment, calls, parameters.declared);
    service_values.public |= called_from_outside;
    values.service = Some(service_values);
    StackPlan {
        name: stack_name(&repo.project, &stage.name, &service.name),
        owner: service.name.clone(),
        template: format!("{}.yaml.tera", service.kind.name),
        values,
        inputs: parameters.inputs,
        args: service.args.iter().filter_map(arg).collect(),
        after,
        kind: Some(service.kind),
    }
}

fn arg_value(resolved: Resolved<'_>) -> ArgValue {
    match resolved {
        Resolved::Text(text) => ArgValue::Text(text.to_owned()),
        Resolved::Link(link) => ArgValue::Output {
            owner: link.service.clone(),
            key: pascal_case(&link.output),
        },
    }
}

fn service_values(
    stage: &Stage,
    service: &Service,
    environment: Vec<EnvironmentValue>,
    calls: Vec<CallValues>,
    parameters: Vec<ParameterValues>,
) -> ServiceValues {
    let secrets = service
        .secrets
        .iter()
        .map(|(variable, secret)| SecretValues {
            variable: variable.clone(),
            name: secret.name.clone(),
            length: secret.length,
            alphabet: secret.alphabet,
        });
    let existing_secrets = service
        .existing_secrets
        .iter()
        .filter_map(|(variable, secret)| {
            Some(ExistingSecretValues {
                variable: variable.clone(),
                arn: stage.settings.get(&secret.setting)?.clone(),
            })
        });
    ServiceValues {
        name: service.name.clone(),
        kind: service.kind.name.to_owned(),
        port: 8080,
        health_path: "/health".to_owned(),
        user: String::new(),
        cpu: service.cpu_units,
        memory_mib: service.memory_mib,
        answers_within_seconds: service.answers_within_seconds(),
        timeout_seconds: service.timeout_seconds,
        health_check: None,
        environment,
        secrets: secrets.collect(),
        existing_secrets: existing_secrets.collect(),
        calls,
        parameters,
        table: service.table.as_deref().map(TableValues::of),
        data_path: service.data.clone(),
        model: service.model(stage).map(str::to_owned),
        public: service.public,
    }
}

/// Whether a service with a load balancer can be reached from anywhere.
pub fn answers_the_world(repo: &Repo, stage: &Stage, service: &Service) -> bool {
    service.public
        || called_from_outside(&order(repo, stage), stage).contains(service.name.as_str())
}

/// The services to which something links that is not in the stage's network: a function, or an agent.
fn called_from_outside<'a>(services: &[&'a Service], stage: &'a Stage) -> BTreeSet<&'a str> {
    let outside = services.iter().filter(|caller| !caller.kind.in_network);
    outside.flat_map(|caller| callees(caller, stage)).collect()
}
