//! Security groups: the load balancer lets the right ones in, the service lets in the load balancer alone, or nobody, and both get
//! out.

use kinds::Callers;
use template::Node;

use super::super::model::{Resource, shown};
use super::super::report::Report;
use super::traffic::main_listener;
use super::{Parts, is_public};

/// One rule, wherever it stands.
struct Rule {
    line: usize,
    from: i64,
    to: i64,
    /// A block of addresses, or another group.
    other: String,
}

impl Rule {
    fn lets(&self, port: &str, other: &str) -> bool {
        let port: i64 = port.parse().unwrap_or(-1);
        (self.from..=self.to).contains(&port) && (self.other == other || self.other == "0.0.0.0/0")
    }
}

pub(super) fn check(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let stack = parts.stack;
    let balancer = stack.first("AWS::ElasticLoadBalancingV2::LoadBalancer");
    let balancer = balancer.and_then(|balancer| group_of(parts, &balancer, "SecurityGroups"));
    let service = group_of(parts, &parts.ecs, SERVICE_GROUPS);
    let (Some(balancer), Some(service)) = (balancer, service) else {
        report.add(
            stack.index,
            parts.ecs.line_of(SERVICE_GROUPS),
            "the load balancer or the service has no security group of the template",
            "write SecurityGroups: [!GetAtt <a group>.GroupId]",
        );
        return;
    };
    if balancer.id == service.id {
        report.add(stack.index, parts.ecs.line_of(SERVICE_GROUPS), format!("the service is in the load balancer's group {}: whoever reaches one reaches the other", balancer.id), "give the service a group of its own");
        return;
    }
    into_balancer(parts, &balancer, report);
    between(parts, &balancer, &service, report);
    out_of_service(parts, &service, report);
}

/// A service that nobody calls: no one gets in, and it gets out.
pub(super) fn check_closed(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let stack = parts.stack;
    let Some(service) = group_of(parts, &parts.ecs, SERVICE_GROUPS) else {
        report.add(
            stack.index,
            parts.ecs.line_of(SERVICE_GROUPS),
            "the service has no security group of the template",
            "write SecurityGroups: [!GetAtt <a group>.GroupId]",
        );
        return;
    };
    for rule in rules(parts, &service, true) {
        report.add(
            stack.index,
            rule.line,
            format!(
                "{} lets {} in, and nobody calls the service",
                service.id, rule.other
            ),
            "remove the rule",
        );
    }
    out_of_service(parts, &service, report);
}

const SERVICE_GROUPS: &str = "NetworkConfiguration.AwsvpcConfiguration.SecurityGroups";

/// The security group that a resource names first.
fn group_of<'a>(
    parts: &Parts<'a, '_>,
    resource: &Resource<'_>,
    path: &str,
) -> Option<Resource<'a>> {
    let first = resource.get(path)?.items().first().map(shown)?;
    let id = first.strip_prefix("${")?.strip_suffix(".GroupId}")?;
    parts.stack.resource(id)
}

fn into_balancer(parts: &Parts<'_, '_>, balancer: &Resource<'_>, report: &mut Report<'_>) {
    let stack = parts.stack;
    let public = is_public(parts);
    let who = if public {
        "0.0.0.0/0"
    } else {
        parts.model.stage.vpc_cidr.as_str()
    };
    let port = main_listener(stack)
        .and_then(|listener| listener.text("Port"))
        .unwrap_or_default();
    let listeners = stack.of_type("AWS::ElasticLoadBalancingV2::Listener");
    let ports: Vec<String> = listeners
        .filter_map(|listener| listener.text("Port"))
        .collect();
    let rules = rules(parts, balancer, true);
    if !rules.iter().any(|rule| rule.lets(&port, who)) {
        report.add(
            stack.index,
            balancer.line_of("SecurityGroupIngress.0.FromPort"),
            format!(
                "{} lets nobody in from {who} on port {port}, where the listener is",
                balancer.id
            ),
            format!("add a rule: FromPort: {port}, ToPort: {port}, CidrIp: {who}"),
        );
    }
    for rule in &rules {
        let is_listened = ports.contains(&rule.from.to_string()) && rule.from == rule.to;
        if !is_listened {
            report.add(
                stack.index,
                rule.line,
                format!(
                    "{} opens the ports {} to {}, and there is a listener on {} alone",
                    balancer.id,
                    rule.from,
                    rule.to,
                    ports.join(" and ")
                ),
                format!("write FromPort: {port} and ToPort: {port}"),
            );
        } else if !public && rule.other == "0.0.0.0/0" {
            report.add(
                stack.index,
                rule.line,
                format!(
                    "{} lets the world in, and nothing outside the network calls the service",
                    balancer.id
                ),
                format!("write CidrIp: {who}"),
            );
        }
    }
}

/// From the load balancer to the container, on its port and no other.
fn between(
    parts: &Parts<'_, '_>,
    balancer: &Resource<'_>,
    service: &Resource<'_>,
    report: &mut Report<'_>,
) {
    let (stack, port) = (parts.stack, parts.port.as_str());
    let (to, from) = (
        format!("${{{}.GroupId}}", service.id),
        format!("${{{}.GroupId}}", balancer.id),
    );
    let out = rules(parts, balancer, false);
    // A group without a rule for the way out may go everywhere.
    if !out.is_empty() && !out.iter().any(|rule| rule.lets(port, &to)) {
        report.add(stack.index, out[0].line, format!("{} does not let the load balancer out to {} on port {port}", balancer.id, service.id), format!("write FromPort: {port}, ToPort: {port}, DestinationSecurityGroupId: !GetAtt {}.GroupId", service.id));
    }
    let into = rules(parts, service, true);
    if !into.iter().any(|rule| rule.lets(port, &from)) {
        let line = into.first().map_or_else(
            || {
                stack
                    .first("AWS::EC2::SecurityGroupIngress")
                    .map_or(service.line, |rule| rule.line_of("GroupId"))
            },
            |rule| rule.line,
        );
        report.add(stack.index, line, format!("{} does not let the load balancer in on port {port}", service.id), format!("add a rule: FromPort: {port}, ToPort: {port}, SourceSecurityGroupId: !GetAtt {}.GroupId", balancer.id));
    }
    for rule in into.iter().filter(|rule| rule.other != from) {
        report.add(
            stack.index,
            rule.line,
            format!(
                "{} lets {} in, past the load balancer",
                service.id, rule.other
            ),
            format!(
                "write SourceSecurityGroupId: !GetAtt {}.GroupId",
                balancer.id
            ),
        );
    }
}

fn out_of_service(parts: &Parts<'_, '_>, service: &Resource<'_>, report: &mut Report<'_>) {
    let rules = rules(parts, service, false);
    if rules.is_empty() {
        return;
    }
    // What links to a service of the network calls the port of its URL.
    let calls_http = parts.model.callees(parts.service).iter().any(|callee| {
        let stack = parts.model.stack(&callee.name);
        let url = stack.and_then(|stack| stack.root.at("Outputs.Url.Value"));
        let is_secure = url.is_some_and(|url| shown(url).starts_with("https:"));
        callee.kind.callers == Callers::Network && !is_secure
    });
    let needed = [
        (
            "443",
            "AWS, which is asked for the image, the secrets and the logs",
        ),
        ("80", "the load balancers of services that it links to"),
    ];
    for (port, what) in needed.iter().take(if calls_http { 2 } else { 1 }) {
        if !rules.iter().any(|rule| rule.lets(port, "0.0.0.0/0")) {
            report.add(
                parts.stack.index,
                service.line_of("SecurityGroupEgress"),
                format!(
                    "{} does not let the service out on port {port}, to {what}",
                    service.id
                ),
                format!("add a rule: FromPort: {port}, ToPort: {port}, CidrIp: 0.0.0.0/0"),
            );
        }
    }
}

/// The rules of a group for one direction, those that stand on their own among them.
fn rules(parts: &Parts<'_, '_>, group: &Resource<'_>, inward: bool) -> Vec<Rule> {
    let (property, kind) = match inward {
        true => ("SecurityGroupIngress", "AWS::EC2::SecurityGroupIngress"),
        false => ("SecurityGroupEgress", "AWS::EC2::SecurityGroupEgress"),
    };
    let mut found: Vec<Rule> = group
        .get(property)
        .map_or(&[][..], Node::items)
        .iter()
        .map(|node| rule(node, node.line))
        .collect();
    let own = format!("${{{}.GroupId}}", group.id);
    for resource in parts.stack.of_type(kind) {
        if resource.text("GroupId").as_deref() == Some(&own)
            && let Some(properties) = resource.node.get("Properties")
        {
            found.push(rule(properties, resource.line_of("FromPort")));
        }
    }
    found
}

fn rule(node: &Node, line: usize) -> Rule {
    let number = |key: &str, all: i64| {
        node.get(key)
            .map(shown)
            .and_then(|text| text.parse().ok())
            .unwrap_or(all)
    };
    let other = [
        "CidrIp",
        "SourceSecurityGroupId",
        "DestinationSecurityGroupId",
        "CidrIpv6",
    ];
    let other = other
        .iter()
        .find_map(|key| node.get(key))
        .map(shown)
        .unwrap_or_default();
    // Protocol -1 is all ports. AWS refuses another protocol without a range of them, which the schemas do not say.
    Rule {
        line,
        from: number("FromPort", 0),
        to: number("ToPort", 65_535),
        other,
    }
}
