//! Where the containers are: in the stage's network, with a way out, and told in time when they have to end.

use super::super::Origin;
use super::super::expect::expect;
use super::super::model::Resource;
use super::super::network::is_behind_nat;
use super::super::report::Report;
use super::Parts;

pub(super) fn check(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let (stack, ecs) = (parts.stack, &parts.ecs);
    if !is_behind_nat(parts.model) {
        expect(
            report,
            stack,
            ecs,
            "NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp",
            "ENABLED",
            "without a NAT gateway it could not even pull its image",
        );
    }
    let subnets = "NetworkConfiguration.AwsvpcConfiguration.Subnets";
    from_network(parts, ecs, subnets, "SubnetIds", report);
    for group in stack.of_type("AWS::EC2::SecurityGroup") {
        from_network(parts, &group, "VpcId", "VpcId", report);
    }
    stops(parts, report);
}

/// What ECS does unless it is told otherwise.
const STOP_TIMEOUT_SECONDS: u32 = 30;

/// A task that is stopped may finish what it has begun: ECS sends SIGTERM, and after the stop timeout SIGKILL.
fn stops(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let (stack, task) = (parts.stack, &parts.task);
    let seconds = parts.service.answers_within_seconds();
    let path = &parts.of_container("StopTimeout");
    let stop = task.text(path).and_then(|text| text.parse().ok());
    let stop: u32 = stop.unwrap_or(STOP_TIMEOUT_SECONDS);
    // One error for all services of one template, and a fix that is right for each of them.
    if stop <= seconds {
        report.add(
            stack.index,
            task.line_of(path),
            format!("{}.{path} is {stop} s, and an answer that is under way when the task is told to stop may take longer: as long as the manifest's answers_within_seconds", task.id),
            "write StopTimeout: {{ (service.answers_within_seconds + 10) | yaml }}",
        );
    }
}

/// A property that the network's stack fills.
pub(super) fn from_network(
    parts: &Parts<'_, '_>,
    resource: &Resource<'_>,
    path: &str,
    key: &str,
    report: &mut Report<'_>,
) {
    let origin = Origin::Output {
        owner: "network",
        key,
    };
    let parameter = parts
        .stack
        .given
        .inputs
        .iter()
        .find(|(_, other)| *other == origin);
    if let Some((name, _)) = parameter {
        expect(
            report,
            parts.stack,
            resource,
            path,
            &format!("${{{name}}}"),
            "that is the stage's network",
        );
    }
}
