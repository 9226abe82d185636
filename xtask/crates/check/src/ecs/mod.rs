//! A container that ECS keeps running, and the load balancer before it if there is one: the many places that have to say the same.

mod doors;
mod network;
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
            task,
            ecs,
        };
        task::check(&parts, report);
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
