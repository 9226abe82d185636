//! The stacks of a stage: what each is rendered from, what it takes from others, and what its image is built with.

use serde::Serialize;

use super::order::{callees, order};
use crate::render::names::{parameter_name, pascal_case, stack_name};
use crate::render::{
    CallValues, EnvironmentValue, ParameterValues, SecretValues, ServiceValues, StackValues,
    StageValues,
};
use crate::repo::{CloudKind, Kind, Link, Repo, Resolved, Service, Stage};

/// One stack, before anything of it is known that only a deploy can tell.
#[derive(Debug, Clone)]
pub(crate) struct StackPlan {
    /// `turnpike-dev-agent`.
    pub(crate) name: String,
    /// A service's name, `network` or `artifacts`.
    pub(crate) owner: String,
    /// The template's file under `templates/`.
    pub(crate) template: String,
    /// What the template is rendered with. The facts of the image (port, user, health check) are filled in later.
    pub(crate) values: StackValues,
    /// Where each parameter of the template gets its value.
    pub(crate) inputs: Vec<Input>,
    /// What the image is built with; empty when there is no image.
    pub(crate) args: Vec<(String, ArgValue)>,
    /// The owners of the stacks that must stand before this one.
    pub(crate) after: Vec<String>,
    pub(crate) kind: Option<Kind>,
}

/// One parameter of a stack's template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Input {
    pub(crate) parameter: String,
    pub(crate) source: Source,
}

/// Where a parameter's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Source {
    /// The reference of the service's image, by digest.
    Image,
    CodeBucket,
    CodeKey,
    /// An output of another stack; the key is the template's, in PascalCase.
    Output {
        owner: String,
        key: String,
    },
}

/// The value of a Docker ARG.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ArgValue {
    Text(String),
    Output { owner: String, key: String },
}

/// Every stack of a stage, each after everything it needs.
pub(crate) fn stacks(repo: &Repo, stage: &Stage) -> Vec<StackPlan> {
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
    stacks.extend(
        services
            .into_iter()
            .map(|service| service_stack(repo, stage, service)),
    );
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

fn service_stack(repo: &Repo, stage: &Stage, service: &Service) -> StackPlan {
    let mut inputs: Vec<Input> = standard_inputs(service.kind);
    let mut parameters = Vec::new();
    let mut link_parameter = |link: &Link, output: &str, parameters: &mut Vec<ParameterValues>| {
        let key = pascal_case(output);
        let parameter = parameter_name(&link.service, output);
        if !inputs.iter().any(|input| input.parameter == parameter) {
            let source = Source::Output {
                owner: link.service.clone(),
                key,
            };
            inputs.push(Input {
                parameter: parameter.clone(),
                source,
            });
            let description = format!("The {output} of {}", link.service);
            parameters.push(ParameterValues {
                name: parameter.clone(),
                description,
            });
        }
        parameter
    };
    let mut environment = Vec::new();
    for (name, value) in &service.env {
        let (value, parameter) = match stage.resolve(value) {
            Some(Resolved::Text(text)) => (Some(text.to_owned()), None),
            Some(Resolved::Link(link)) => (
                None,
                Some(link_parameter(link, &link.output, &mut parameters)),
            ),
            None => continue,
        };
        environment.push(EnvironmentValue {
            name: name.clone(),
            value,
            parameter,
        });
    }
    let mut calls = Vec::new();
    for callee in callees(service, stage)
        .into_iter()
        .filter_map(|name| repo.service(name))
    {
        let parameter = callee.kind.called_by().map(|output| {
            let link = Link {
                service: callee.name.clone(),
                output: output.to_owned(),
                hosted: None,
            };
            link_parameter(&link, output, &mut parameters)
        });
        calls.push(CallValues {
            service: callee.name.clone(),
            kind: callee.kind.name().to_owned(),
            parameter: parameter.unwrap_or_default(),
        });
    }
    let mut after: Vec<String> = inputs
        .iter()
        .filter_map(|input| owner_of(&input.source))
        .collect();
    after.extend(callees(service, stage).into_iter().map(str::to_owned));
    after.push("artifacts".to_owned());
    after.sort();
    after.dedup();
    let mut values = stack_values(repo, stage);
    values.service = Some(service_values(
        repo,
        stage,
        service,
        environment,
        calls,
        parameters,
    ));
    StackPlan {
        name: stack_name(&repo.project, &stage.name, &service.name),
        owner: service.name.clone(),
        template: format!("{}.yaml.tera", service.kind.name()),
        values,
        inputs,
        args: service
            .args
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), arg_value(stage.resolve(value)?))))
            .collect(),
        after,
        kind: Some(service.kind),
    }
}

/// The parameters that every template of a kind has.
fn standard_inputs(kind: Kind) -> Vec<Input> {
    let input = |parameter: &str, source: Source| Input {
        parameter: parameter.to_owned(),
        source,
    };
    let network = |key: &str| {
        input(
            key,
            Source::Output {
                owner: "network".to_owned(),
                key: key.to_owned(),
            },
        )
    };
    match kind {
        Kind::Fargate => vec![
            input("ImageUri", Source::Image),
            network("VpcId"),
            network("SubnetIds"),
        ],
        Kind::Agentcore => vec![input("ImageUri", Source::Image)],
        Kind::Lambda => vec![
            input("CodeBucket", Source::CodeBucket),
            input("CodeKey", Source::CodeKey),
        ],
    }
}

fn owner_of(source: &Source) -> Option<String> {
    match source {
        Source::Output { owner, .. } => Some(owner.clone()),
        Source::Image | Source::CodeBucket | Source::CodeKey => None,
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
    repo: &Repo,
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
            alphabet: match secret.alphabet {
                crate::repo::Alphabet::Hex => crate::render::Alphabet::Hex,
                crate::repo::Alphabet::Password => crate::render::Alphabet::Password,
            },
        });
    ServiceValues {
        name: service.name.clone(),
        kind: service.kind.name().to_owned(),
        port: 8080,
        health_path: "/health".to_owned(),
        user: String::new(),
        cpu: service.cpu_units,
        memory_mib: service.memory_mib,
        timeout_seconds: service.timeout_seconds,
        health_check: None,
        environment,
        secrets: secrets.collect(),
        calls,
        parameters,
        data_path: service.data.clone(),
        model: model(stage, service),
        public: service.public || called_from_outside(repo, stage, service),
    }
}

/// The one model that the service's role may invoke.
fn model(stage: &Stage, service: &Service) -> Option<String> {
    match stage.resolve(service.env.get("BEDROCK_MODEL_ID")?)? {
        Resolved::Text(model) => Some(model.to_owned()),
        Resolved::Link(_) => None,
    }
}

/// True when something that is not in the stage's network links to the service: a function, or an agent.
fn called_from_outside(repo: &Repo, stage: &Stage, service: &Service) -> bool {
    let callers = crate::repo::deployed(repo, stage)
        .into_iter()
        .filter(|caller| caller.kind != Kind::Fargate);
    callers
        .into_iter()
        .any(|caller| callees(caller, stage).contains(&service.name.as_str()))
}
