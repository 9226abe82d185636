//! A container on Fargate behind a load balancer: the many places that have to say the same.

mod doors;
mod task;
mod traffic;

use super::model::{Model, Resource, Stack};
use super::report::Report;
use facts::{Kind, Service};

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
    for (stack, service) in model.of_kind(Kind::Fargate) {
        let (Some(task), Some(ecs)) = (
            stack.first("AWS::ECS::TaskDefinition"),
            stack.first("AWS::ECS::Service"),
        ) else {
            report.add(
                stack.index,
                1,
                "there is no AWS::ECS::TaskDefinition, or no AWS::ECS::Service",
                "a fargate service needs both",
            );
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
        traffic::check(&parts, report);
        doors::check(&parts, report);
    }
}

/// True when the world has to reach it: people do, or something that is not in the stage's network.
fn is_public(parts: &Parts<'_, '_>) -> bool {
    let name = parts.service.name.as_str();
    parts.service.public || parts.model.called_from_outside.contains(name)
}
