//! The way of a request: listener, target group, container, and the health checks along it.

use template::Node;

use super::super::expect::expect;
use super::super::model::shown;
use super::super::report::Report;
use super::network::from_network;
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
        .text(&parts.of_container("Name"))
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
    drains(parts, report);
    from_network(parts, &balancer, "Subnets", "SubnetIds", report);
    for group in stack.of_type("AWS::ElasticLoadBalancingV2::TargetGroup") {
        from_network(parts, &group, "VpcId", "VpcId", report);
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
    let idle = attribute(balancer, "LoadBalancerAttributes", key)
        .map_or(IDLE_TIMEOUT_SECONDS, |(seconds, _)| seconds);
    if idle <= within.seconds {
        let (name, seconds) = (&parts.service.name, within.seconds);
        report.add_at(
            within.place.clone(),
            format!("{name} says that it answers within {seconds} s, and its {} hangs up after {idle} s without a byte (templates/{})", balancer.id, parts.stack.given.file),
            format!("write less than {idle}, or a larger {key} in the template"),
        );
    }
}

/// What a load balancer does unless it is told otherwise.
const DEREGISTRATION_DELAY_SECONDS: u32 = 300;

/// The requests of a task that is stopped may end: ECS takes it out of its target group and waits for the deregistration delay
/// before it sends SIGTERM. A sale that is cut off in between has taken money for nothing.
fn drains(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let stack = parts.stack;
    let seconds = parts.service.answers_within_seconds();
    let Some(group) = stack.first("AWS::ElasticLoadBalancingV2::TargetGroup") else {
        return;
    };
    let key = "deregistration_delay.timeout_seconds";
    let (delay, line) = attribute(&group, "TargetGroupAttributes", key)
        .unwrap_or((DEREGISTRATION_DELAY_SECONDS, group.line));
    if delay < seconds {
        report.add(
            stack.index,
            line,
            format!("{} gives the requests of a task that is taken out {delay} s, and an answer may take longer: as long as the manifest's answers_within_seconds", group.id),
            format!("write Value: \"{{{{ (service.answers_within_seconds + 5) | yaml }}}}\" beside Key: {key}"),
        );
    }
}

/// The number that a list of attributes has under a key, and its line.
fn attribute(resource: &super::Resource<'_>, list: &str, key: &str) -> Option<(u32, usize)> {
    let attributes = resource.get(list).map_or(&[][..], Node::items);
    let found = attributes
        .iter()
        .find(|attribute| attribute.get("Key").map(shown).as_deref() == Some(key))?;
    let value = found.get("Value")?;
    Some((shown(value).parse().ok()?, value.line))
}

/// True when a listener hands requests on to a target group of the template, by whatever form of action.
pub(super) fn forwards(stack: &super::Stack<'_>, listener: &super::Resource<'_>) -> bool {
    let groups: Vec<String> = stack
        .of_type("AWS::ElasticLoadBalancingV2::TargetGroup")
        .map(|group| format!("${{{}}}", group.id))
        .collect();
    let is_group = |node: &Node| {
        let target = node.get("TargetGroupArn").map(shown);
        target.is_some_and(|target| groups.contains(&target))
    };
    let actions = listener.get("DefaultActions").map_or(&[][..], Node::items);
    actions.iter().any(|action| {
        let many = action.at("ForwardConfig.TargetGroups");
        let mut many = many.map_or(&[][..], Node::items).iter();
        is_group(action) || many.any(is_group)
    })
}

/// The listener behind the service's URL: the first that forwards, or the first.
pub(super) fn main_listener<'a>(stack: &super::Stack<'a>) -> Option<super::Resource<'a>> {
    let mut listeners = stack.of_type("AWS::ElasticLoadBalancingV2::Listener");
    let forwarding = listeners.find(|listener| forwards(stack, listener));
    forwarding.or_else(|| stack.first("AWS::ElasticLoadBalancingV2::Listener"))
}

fn listener(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let stack = parts.stack;
    for listener in stack.of_type("AWS::ElasticLoadBalancingV2::Listener") {
        let is_secure = listener.text("Protocol").as_deref() == Some("HTTPS");
        if is_secure && listener.get("Certificates").is_none() {
            report.add(
                stack.index,
                listener.line_of("Protocol"),
                format!("{} speaks HTTPS without a certificate", listener.id),
                "write Protocol: HTTP, or add Certificates",
            );
        }
    }
    let Some(listener) = main_listener(stack) else {
        return;
    };
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
    if !forwards(stack, &listener) {
        let group = stack
            .first("AWS::ElasticLoadBalancingV2::TargetGroup")
            .map_or("TargetGroup", |group| group.id);
        report.add(
            stack.index,
            listener.line_of("DefaultActions"),
            format!("{} does not forward to {group}", listener.id),
            format!("write DefaultActions: [{{Type: forward, TargetGroupArn: !Ref {group}}}]"),
        );
    }
}
