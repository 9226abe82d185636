//! What each resource type becomes on this machine, as its row in `resource-types` says. A type without one is left out.

mod compute;
mod diff;
mod ecs;
mod elb;
mod image;
mod inert;
mod plan;
mod properties;
mod role;
mod secret;
mod table;
mod variables;

use std::collections::BTreeMap;
use std::path::PathBuf;

use resource_types::{Local, ResourceType};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::store::ImageStore;
use super::template::{Physical, Resource, Result, Scope, Template, TemplateError};
use cloud::StackRequest;

pub(crate) use diff::changes;
#[cfg(test)]
pub(crate) use plan::Listener;
pub(crate) use plan::{
    Action, Balancer, FunctionPlan, Health, Made, Plan, ProcessPlan, Rule, SecretPlan,
    SecretReference, SecretValue, ServicePlan,
};
pub(crate) use properties::Input;
pub(crate) use secret::draw;

type Make = fn(&mut Builder<'_>, Input<'_>) -> Result<Physical>;

/// The makers that rows of `resource-types` name under `@local`. What is only numbered or named needs none.
const MAKERS: [(&str, Make); 22] = [
    ("bucket", inert::bucket),
    ("elastic_ip", inert::elastic_ip),
    ("function", compute::function),
    ("function_url", compute::function_url),
    ("listener", elb::listener),
    ("listener_rule", elb::listener_rule),
    ("load_balancer", elb::load_balancer),
    ("log_group", inert::log_group),
    ("managed_policy", role::managed_policy),
    ("permission", compute::permission),
    ("policy", role::policy),
    ("repository", inert::repository),
    ("role", role::make),
    ("runtime", compute::runtime),
    ("runtime_endpoint", compute::runtime_endpoint),
    ("secret", secret::make),
    ("service", ecs::service),
    ("table", table::make),
    ("target_group", elb::target_group),
    ("task_definition", ecs::task_definition),
    ("topic", inert::topic),
    ("vpc", inert::vpc),
];

/// What a stack's resources are worked out with.
pub(crate) struct Builder<'a> {
    pub stack: &'a str,
    pub owner: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub store: &'a ImageStore,
    /// Where the stack's volumes lie.
    pub volumes: PathBuf,
    /// The stack's resources as they were, by logical id.
    pub previous: BTreeMap<String, Made>,
    /// Gives a resource its port: the one it had when that can be, else another.
    pub take_port: &'a mut dyn FnMut(&str, Option<u16>) -> anyhow::Result<u16>,
    pub plan: Plan,
}

impl Builder<'_> {
    /// A name as CloudFormation makes them: stack, logical id and a hash.
    fn name_for(&self, logical_id: &str) -> String {
        format!(
            "{}-{logical_id}-{}",
            self.stack,
            self.digest(logical_id)[..12].to_uppercase()
        )
    }

    /// Hex digits that belong to this resource of this stack, the same ones every time.
    fn digest(&self, logical_id: &str) -> String {
        hex::encode(Sha256::digest(format!("{}/{logical_id}", self.stack)))
    }

    fn port(&mut self, input: Input<'_>) -> Result<u16> {
        let previous = self.previous.get(input.id()).and_then(|made| made.port);
        let port = (self.take_port)(input.id(), previous).map_err(|error| {
            input.error(
                "",
                format!("no port for it: {error:#}"),
                "free a port on 127.0.0.1",
            )
        })?;
        if let Some(made) = self.plan.resources.last_mut() {
            made.port = Some(port);
        }
        Ok(port)
    }
}

/// Works out a whole stack. Nothing is changed, except that ports are set aside.
pub(crate) fn plan(
    mut builder: Builder<'_>,
    request: &StackRequest,
) -> std::result::Result<Plan, Vec<TemplateError>> {
    let one = |error: TemplateError| vec![error];
    let template = Template::parse(&request.template).map_err(one)?;
    let base = Scope {
        stack_name: request.name.clone(),
        region: builder.region.to_owned(),
        account: builder.account.to_owned(),
        ..Scope::default()
    };
    let mut scope = template.scope(base, &request.parameters)?;
    let resources = template.resources(&scope).map_err(one)?;
    let unknown: Vec<TemplateError> = resources
        .iter()
        .filter(|resource| !is_known(resource))
        .map(unknown_type)
        .collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    for resource in &resources {
        let physical = make(&mut builder, resource, &scope).map_err(one)?;
        scope
            .resources
            .insert(resource.logical_id.clone(), physical);
    }
    builder.plan.outputs = template.outputs(&scope).map_err(one)?;
    Ok(builder.plan)
}

/// The resources of a template that this machine has nothing like: logical id and type.
pub(crate) fn left_out(template: &str) -> Vec<(String, String)> {
    let Ok(root) = template::Node::parse(template) else {
        return Vec::new();
    };
    let resources = root
        .get("Resources")
        .map_or(&[][..], template::Node::entries);
    let kinds = resources.iter().filter_map(|entry| {
        let kind = entry.value.get("Type")?.as_str()?;
        let known = resource_types::find(kind)?;
        let is_out = *known.local() == Local::Unknown;
        is_out.then(|| (entry.key.clone(), kind.to_owned()))
    });
    kinds.collect()
}

/// True when the local cloud can make it.
fn is_known(resource: &Resource<'_>) -> bool {
    match resource_types::find(&resource.resource_type).map(ResourceType::local) {
        None => false,
        Some(Local::Made(name)) => maker(name).is_some(),
        Some(Local::Numbered { .. } | Local::Named { .. }) => true,
        Some(Local::Unknown) => !resource_types::makes_others(&resource.resource_type),
    }
}

fn maker(name: &str) -> Option<Make> {
    let found = MAKERS.iter().find(|(maker, _)| *maker == name);
    found.map(|(_, make)| *make)
}

fn unknown_type(resource: &Resource<'_>) -> TemplateError {
    TemplateError::new(resource.line, format!("the local cloud does not know the type {}", resource.resource_type), "deploy it to a stage on AWS; what this machine can make is in xtask/crates/resource-types/src/types.txt")
        .about(&format!("resource {}", resource.logical_id))
}

/// What a resource becomes, as its type's row says.
fn make_one(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let unknown = || unknown_type(input.resource);
    let known = resource_types::find(&input.resource.resource_type).ok_or_else(unknown)?;
    match known.local() {
        Local::Made(name) => maker(name).ok_or_else(unknown)?(builder, input),
        Local::Numbered { prefix, attributes } => {
            Ok(inert::numbered(builder, input, known, prefix, attributes))
        }
        Local::Named {
            property,
            service,
            prefix,
        } => Ok(inert::named(builder, input, property, service, prefix)),
        Local::Unknown if resource_types::makes_others(known.name) => Err(unknown()),
        Local::Unknown => Ok(inert::left_out(builder, input, known)),
    }
}

fn make(builder: &mut Builder<'_>, resource: &Resource<'_>, scope: &Scope) -> Result<Physical> {
    let properties = resource.evaluate(scope)?;
    let previous = builder
        .previous
        .get(&resource.logical_id)
        .filter(|made| made.resource_type == resource.resource_type);
    let version = previous.map_or(1, |made| {
        made.version + u32::from(made.properties != properties)
    });
    // It is put down before it is made, so that its maker can note its port there.
    builder.plan.resources.push(Made {
        logical_id: resource.logical_id.clone(),
        resource_type: resource.resource_type.clone(),
        properties: Value::Null,
        physical: Physical::default(),
        version,
        port: None,
        retained: resource.retained,
    });
    let input = Input {
        resource,
        properties: &properties,
        version,
    };
    let made = make_one(builder, input)?;
    if let Some(last) = builder.plan.resources.last_mut() {
        last.properties = properties;
        last.physical = made.clone();
    }
    Ok(made)
}

/// What a resource answers: its reference and its attributes.
fn physical<'a>(
    reference: &str,
    attributes: impl IntoIterator<Item = (&'a str, Value)>,
) -> Physical {
    Physical {
        reference: reference.to_owned(),
        attributes: attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
pub(crate) mod tests;
