//! A container that ECS keeps running, and the load balancer before it if there is one: the many places that have to say the same.

mod doors;
mod network;
mod service;
mod task;
mod traffic;

use super::model::{Model, Resource, Stack};
use super::report::Report;
use facts::Service;

/// Where every service answers whether it is well.
const HEALTH_PATH: &str = "/health";

/// What the checks of one stack share.
struct Parts<'a, 'b> {
    model: &'b Model<'a>,
    stack: &'b Stack<'a>,
    service: &'a Service,
    /// Where the Dockerfile says that the container listens.
    port: String,
    task: Resource<'a>,
    ecs: Resource<'a>,
    /// Where the service's own container is in the task: others may be beside it.
    own: usize,
}

impl Parts<'_, '_> {
    /// The path of something of the service's own container.
    fn of_container(&self, path: &str) -> String {
        format!("ContainerDefinitions.{}.{path}", self.own)
    }
}

/// The container that runs the image of the deploy, or that has the service's name; the first, where there is neither.
pub(crate) fn own_container(stack: &Stack<'_>, task: &Resource<'_>, service: &Service) -> usize {
    let containers = task.get("ContainerDefinitions");
    let containers = containers.map_or(&[][..], template::Node::items);
    let image = stack.parameter_of(super::Origin::Image);
    let image = image.map(|name| format!("${{{name}}}"));
    let has = |key: &str, wanted: Option<&str>| {
        let found = containers
            .iter()
            .position(|container| container.get(key).map(super::model::shown).as_deref() == wanted);
        found.filter(|_| wanted.is_some())
    };
    has("Image", image.as_deref())
        .or_else(|| has("Name", Some(&service.name)))
        .unwrap_or(0)
}

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    for (stack, service) in model.of_services() {
        let (Some(task), Some(ecs)) = (
            stack.first("AWS::ECS::TaskDefinition"),
            stack.first("AWS::ECS::Service"),
        ) else {
            continue;
        };
        let port = stack
            .given
            .image
            .as_ref()
            .and_then(|image| image.ports.first());
        let parts = Parts {
            model,
            stack,
            service,
            port: port.map_or_else(String::new, u16::to_string),
            own: own_container(stack, &task, service),
            task,
            ecs,
        };
        task::check(&parts, report);
        service::check(&parts, report);
        network::check(&parts, report);
        if is_balanced(&parts) {
            traffic::check(&parts, report);
            doors::check(&parts, report);
        } else {
            doors::check_closed(&parts, report);
        }
    }
}

/// True when the world has to reach it: people do, or something that is not in the stage's network.
fn is_public(parts: &Parts<'_, '_>) -> bool {
    let name = parts.service.name.as_str();
    parts.service.public || parts.model.called_from_outside.contains(name)
}

/// True when requests reach it through a load balancer, or are meant to.
fn is_balanced(parts: &Parts<'_, '_>) -> bool {
    let of_balancers =
        |resource: &Resource<'_>| resource.kind.starts_with("AWS::ElasticLoadBalancingV2::");
    parts.ecs.get("LoadBalancers").is_some() || parts.stack.resources.iter().any(of_balancers)
}
