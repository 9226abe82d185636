//! The parameters of a service's template, and what fills each.

use serde::{Deserialize, Serialize};

use crate::render::names::{parameter_name, pascal_case};
use crate::render::{CallValues, EnvironmentValue, ParameterValues};
use facts::{Link, Repo, Resolved, Service, Stage};
use kinds::{Callers, Kind, StackInput};

use super::order::callees;

/// One parameter of a stack's template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    pub parameter: String,
    pub source: Source,
}

/// Where a parameter's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
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

impl Source {
    /// `Url of mcp-server`
    pub fn words(&self) -> String {
        match self {
            Self::Image => "the image, by digest".to_owned(),
            Self::CodeBucket => "the bucket of artifacts".to_owned(),
            Self::CodeKey => "the zip, by its hash".to_owned(),
            Self::Output { owner, key } => format!("{key} of {owner}"),
        }
    }
}

/// Everything that a service's template takes from elsewhere. A link becomes a parameter once, however often it is used.
#[derive(Debug)]
pub(super) struct Parameters {
    pub inputs: Vec<Input>,
    /// Those of them that come from a link.
    pub declared: Vec<ParameterValues>,
}

impl Parameters {
    /// The parameters that every template of a kind has.
    pub(super) fn standard(kind: &Kind) -> Self {
        Self {
            inputs: kind.inputs.iter().map(standard).collect(),
            declared: Vec::new(),
        }
    }

    /// The name of the parameter that carries an output of a service.
    fn of_link(&mut self, service: &str, output: &str) -> String {
        let parameter = parameter_name(service, output);
        if !self.inputs.iter().any(|input| input.parameter == parameter) {
            let source = Source::Output {
                owner: service.to_owned(),
                key: pascal_case(output),
            };
            self.inputs.push(Input {
                parameter: parameter.clone(),
                source,
            });
            let description = format!("The {output} of {service}");
            self.declared.push(ParameterValues {
                name: parameter.clone(),
                description,
            });
        }
        parameter
    }

    /// The environment that the template sets.
    pub(super) fn environment(
        &mut self,
        stage: &Stage,
        service: &Service,
    ) -> Vec<EnvironmentValue> {
        let mut environment = Vec::new();
        for (name, value) in &service.env {
            let (value, parameter) = match stage.resolve(value) {
                Some(Resolved::Text(text)) => (Some(text.to_owned()), None),
                Some(Resolved::Link(Link {
                    service, output, ..
                })) => (None, Some(self.of_link(service, output))),
                None => continue,
            };
            environment.push(EnvironmentValue {
                name: name.clone(),
                value,
                parameter,
            });
        }
        environment
    }

    /// Whom the service may call, each with the parameter that names it to IAM.
    pub(super) fn calls(
        &mut self,
        repo: &Repo,
        stage: &Stage,
        service: &Service,
    ) -> Vec<CallValues> {
        let callees = callees(service, stage)
            .into_iter()
            .filter_map(|name| repo.service(name));
        let call = |callee: &Service| CallValues {
            service: callee.name.clone(),
            kind: callee.kind.name.to_owned(),
            parameter: match callee.kind.callers {
                Callers::Permitted { output, .. } => self.of_link(&callee.name, output),
                Callers::Network | Callers::Nobody => String::new(),
            },
        };
        callees.map(call).collect()
    }

    /// The owners of the stacks whose outputs are needed.
    pub(super) fn owners(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().filter_map(|input| match &input.source {
            Source::Output { owner, .. } => Some(owner.as_str()),
            Source::Image | Source::CodeBucket | Source::CodeKey => None,
        })
    }
}

fn standard(input: &StackInput) -> Input {
    let (parameter, source) = match input {
        StackInput::Image => ("ImageUri", Source::Image),
        StackInput::CodeBucket => ("CodeBucket", Source::CodeBucket),
        StackInput::CodeKey => ("CodeKey", Source::CodeKey),
        StackInput::Network(key) => {
            let source = Source::Output {
                owner: "network".to_owned(),
                key: (*key).to_owned(),
            };
            (*key, source)
        }
    };
    Input {
        parameter: parameter.to_owned(),
        source,
    }
}
