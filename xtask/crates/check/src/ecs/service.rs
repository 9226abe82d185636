//! What keeps the tasks running: how many there are, how a release replaces them, and what it waits for.

use template::Node;

use super::super::expect::expect;
use super::super::model::{Stack, shown};
use super::super::report::Report;
use super::traffic::forwards;
use super::{Parts, is_balanced};

pub(super) fn check(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let (stack, ecs) = (parts.stack, &parts.ecs);
    let cluster = stack
        .first("AWS::ECS::Cluster")
        .map_or("Cluster", |cluster| cluster.id);
    let mut wanted =
        |path: &str, value: &str, why: &str| expect(report, stack, ecs, path, value, why);
    wanted("LaunchType", "FARGATE", "there are no machines of your own");
    wanted(
        "Cluster",
        &format!("${{{cluster}}}"),
        "it would run in the account's default cluster, which may not be there",
    );
    wanted(
        "TaskDefinition",
        &format!("${{{}}}", parts.task.id),
        "that is what it runs",
    );
    wanted(
        "DeploymentConfiguration.DeploymentCircuitBreaker.Enable",
        "true",
        "a release that does not become healthy would be waited for for hours",
    );
    wanted(
        "DeploymentConfiguration.DeploymentCircuitBreaker.Rollback",
        "true",
        "a release that does not become healthy would stay",
    );
    counts(parts, report);
    if is_balanced(parts) {
        waits(stack, parts, report);
    }
}

/// How many tasks there are, and during a release.
fn counts(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let (stack, ecs) = (parts.stack, &parts.ecs);
    let number = |path: &str| ecs.text(path).and_then(|text| text.parse::<u32>().ok());
    let counts = stack.possible(ecs, "DesiredCount");
    let runs = |count: &Option<String>| {
        let count = count.as_deref().map(str::parse::<u32>);
        count.is_none_or(|count| count.is_ok_and(|count| count > 0))
    };
    if counts.is_empty() || !counts.iter().all(runs) {
        report.add(
            stack.index,
            ecs.line_of("DesiredCount"),
            format!("{} runs no task", ecs.id),
            "write DesiredCount: 1",
        );
    }
    let (most, least) = (
        number("DeploymentConfiguration.MaximumPercent"),
        number("DeploymentConfiguration.MinimumHealthyPercent"),
    );
    if let (Some(most), Some(least)) = (most, least)
        && most <= 100
        && least >= 100
    {
        report.add(
            stack.index,
            ecs.line_of("DeploymentConfiguration.MaximumPercent"),
            "a release could neither start a new task nor stop an old one",
            "write MaximumPercent: 200, or MinimumHealthyPercent: 0",
        );
    }
    let is_many = |count: &Option<String>| count.as_deref().is_some_and(|count| count != "1");
    if parts.service.data.is_some() && counts.iter().any(is_many) {
        report.add(
            stack.index,
            ecs.line_of("DesiredCount"),
            format!(
                "{} runs several tasks, and each would have its own copy of the data that the manifest's `data` names",
                ecs.id
            ),
            "write DesiredCount: 1, or keep what is shared in a table",
        );
    }
    if parts.service.data.is_some() && most != Some(100) {
        report.add(
            stack.index,
            ecs.line_of("DeploymentConfiguration.MaximumPercent"),
            "two tasks would write the same data during a release",
            "write MaximumPercent: 100 and MinimumHealthyPercent: 0",
        );
    }
}

/// ECS refuses a target group that no listener forwards to.
fn waits(stack: &Stack<'_>, parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let named: Vec<String> = parts
        .ecs
        .node
        .get("DependsOn")
        .map_or(&[][..], Node::one_or_many)
        .iter()
        .map(shown)
        .collect();
    let line = parts
        .ecs
        .node
        .entries()
        .iter()
        .find(|entry| entry.key == "DependsOn")
        .map_or(parts.ecs.line, |entry| entry.line);
    let listeners = stack.of_type("AWS::ElasticLoadBalancingV2::Listener");
    let forwarding = listeners.filter(|listener| forwards(stack, listener));
    let rules = stack.of_type("AWS::EC2::SecurityGroupIngress");
    for needed in forwarding.chain(rules) {
        if !named.iter().any(|name| name == needed.id) {
            report.add(
                stack.index,
                line,
                format!(
                    "{} does not wait for {}: a task that cannot be reached yet is stopped",
                    parts.ecs.id, needed.id
                ),
                format!("add {} to DependsOn", needed.id),
            );
        }
    }
}
