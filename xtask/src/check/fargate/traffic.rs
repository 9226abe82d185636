//! The way of a request: listener, target group, container, and the health checks along it.

use template::Node;

use super::super::expect::expect;
use super::super::model::shown;
use super::super::report::Report;
use super::{HEALTH_PATH, Parts, is_public};

pub(super) fn check(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    target(parts, report);
    attached(parts, report);
    balancer(parts, report);
    listener(parts, report);
}

fn target(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let stack = parts.stack;
    let Some(group) = stack.first("AWS::ElasticLoadBalancingV2::TargetGroup") else {
        report.add(
            stack.index,
            parts.ecs.line,
            "there is no target group",
            "add an AWS::ElasticLoadBalancingV2::TargetGroup",
        );
        return;
    };
    let mut wanted =
        |path: &str, value: &str, why: &str| expect(report, stack, &group, path, value, why);
    wanted("Port", &parts.port, "the container listens on another port");
    wanted(
        "TargetType",
        "ip",
        "a task with a network interface of its own is known by its address",
    );
    wanted("Protocol", "HTTP", "the container speaks HTTP");
    wanted("HealthCheckProtocol", "HTTP", "the container speaks HTTP");
    wanted(
        "HealthCheckPath",
        HEALTH_PATH,
        "that is where services say whether they are well",
    );
    wanted(
        "Matcher.HttpCode",
        "200",
        "a service that is well answers 200",
    );
    let number = |path: &str| group.text(path).and_then(|text| text.parse::<u32>().ok());
    if let (Some(timeout), Some(interval)) = (
        number("HealthCheckTimeoutSeconds"),
        number("HealthCheckIntervalSeconds"),
    ) && timeout >= interval
    {
        report.add(
            stack.index,
            group.line_of("HealthCheckTimeoutSeconds"),
            format!(
                "{} waits {timeout} s for an answer, and asks every {interval} s",
                group.id
            ),
            "make the timeout the smaller one",
        );
    }
}

/// The service registers its container under the right name and port.
fn attached(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let (stack, ecs) = (parts.stack, &parts.ecs);
    let name = parts
        .task
        .text("ContainerDefinitions.0.Name")
        .unwrap_or_default();
    let group = stack
        .first("AWS::ElasticLoadBalancingV2::TargetGroup")
        .map_or("TargetGroup", |group| group.id);
    let mut wanted =
        |path: &str, value: &str, why: &str| expect(report, stack, ecs, path, value, why);
    wanted(
        "LoadBalancers.0.ContainerName",
        &name,
        "that is the container's name in the task",
    );
    wanted(
        "LoadBalancers.0.ContainerPort",
        &parts.port,
        "the container listens on another port",
    );
    wanted(
        "LoadBalancers.0.TargetGroupArn",
        &format!("${{{group}}}"),
        "requests would go nowhere",
    );
    wanted(
        "NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp",
        "ENABLED",
        "without a NAT gateway it could not even pull its image",
    );
    if ecs
        .text("HealthCheckGracePeriodSeconds")
        .is_none_or(|seconds| seconds == "0")
    {
        report.add(
            stack.index,
            ecs.line_of("HealthCheckGracePeriodSeconds"),
            "a task that is still starting would be stopped",
            "write HealthCheckGracePeriodSeconds: 30",
        );
    }
}

fn balancer(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let stack = parts.stack;
    let Some(balancer) = stack.first("AWS::ElasticLoadBalancingV2::LoadBalancer") else {
        report.add(
            stack.index,
            parts.ecs.line,
            "there is no load balancer",
            "add an AWS::ElasticLoadBalancingV2::LoadBalancer",
        );
        return;
    };
    let public = is_public(parts);
    let (scheme, why) = match public {
        true => (
            "internet-facing",
            "people or services outside the network call it",
        ),
        false => ("internal", "nothing outside the network calls it"),
    };
    expect(
        report,
        stack,
        &balancer,
        "Type",
        "application",
        "requests are routed as HTTP",
    );
    expect(report, stack, &balancer, "Scheme", scheme, why);
    waits(parts, &balancer, report);
    for (resource, path) in [
        (&balancer, "Subnets"),
        (
            &parts.ecs,
            "NetworkConfiguration.AwsvpcConfiguration.Subnets",
        ),
    ] {
        from_network(parts, resource, path, "SubnetIds", report);
    }
    for kind in [
        "AWS::EC2::SecurityGroup",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
    ] {
        for resource in stack.of_type(kind) {
            from_network(parts, &resource, "VpcId", "VpcId", report);
        }
    }
}

/// What the load balancer does after a minute, unless it is told otherwise.
const IDLE_TIMEOUT_SECONDS: u32 = 60;

/// The load balancer waits longer than the service takes.
fn waits(parts: &Parts<'_, '_>, balancer: &super::Resource<'_>, report: &mut Report<'_>) {
    let Some(within) = &parts.service.answers_within else {
        return;
    };
    let key = "idle_timeout.timeout_seconds";
    let attributes = balancer
        .get("LoadBalancerAttributes")
        .map_or(&[][..], Node::items);
    let idle = attributes
        .iter()
        .find(|attribute| attribute.get("Key").map(shown).as_deref() == Some(key))
        .and_then(|attribute| shown(attribute.get("Value")?).parse().ok())
        .unwrap_or(IDLE_TIMEOUT_SECONDS);
    if idle <= within.seconds {
        let (name, seconds) = (&parts.service.name, within.seconds);
        report.add_at(
            within.place.clone(),
            format!("{name} says that it answers within {seconds} s, and its {} hangs up after {idle} s without a byte (templates/{})", balancer.id, parts.stack.given.file),
            format!("write less than {idle}, or a larger {key} in the template"),
        );
    }
}

/// A property that the network's stack fills.
fn from_network(
    parts: &Parts<'_, '_>,
    resource: &super::Resource<'_>,
    path: &str,
    key: &str,
    report: &mut Report<'_>,
) {
    let origin = super::super::Origin::Output {
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

fn listener(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let stack = parts.stack;
    let Some(listener) = stack.first("AWS::ElasticLoadBalancingV2::Listener") else {
        report.add(
            stack.index,
            parts.ecs.line,
            "there is no listener",
            "add an AWS::ElasticLoadBalancingV2::Listener",
        );
        return;
    };
    let secure = listener.text("Protocol").as_deref() == Some("HTTPS");
    if secure && listener.get("Certificates").is_none() {
        report.add(
            stack.index,
            listener.line_of("Protocol"),
            format!("{} speaks HTTPS without a certificate", listener.id),
            "write Protocol: HTTP, or add Certificates",
        );
    }
    let url = stack
        .root
        .at("Outputs.Url.Value")
        .map(shown)
        .unwrap_or_default();
    let port = if url.starts_with("https:") {
        "443"
    } else {
        "80"
    };
    expect(
        report,
        stack,
        &listener,
        "Port",
        port,
        "the output Url goes there",
    );
    let group = stack
        .first("AWS::ElasticLoadBalancingV2::TargetGroup")
        .map_or("TargetGroup", |group| group.id);
    let actions = listener.get("DefaultActions").map_or(&[][..], Node::items);
    let forwards = actions.iter().any(|action| {
        action.get("Type").map(shown).as_deref() == Some("forward")
            && action.get("TargetGroupArn").map(shown) == Some(format!("${{{group}}}"))
    });
    if !forwards {
        report.add(
            stack.index,
            listener.line_of("DefaultActions"),
            format!("{} does not forward to {group}", listener.id),
            format!("write DefaultActions: [{{Type: forward, TargetGroupArn: !Ref {group}}}]"),
        );
    }
}
