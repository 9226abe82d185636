//! What a role is allowed beside what it needs.

use super::super::model::{Resource, Stack};
use super::super::report::Report;
use super::{Need, Statement};

/// What nobody may do unless a link or a fact says so.
const ONLY_WHEN_NEEDED: [&str; 8] = [
    "lambda:Invoke",
    "bedrock-agentcore:Invoke",
    "bedrock:",
    "secretsmanager:",
    "sts:",
    "iam:",
    "ecr:",
    "kms:",
];

/// Conditions that hold whenever the call is made as it should be.
const HOLDING: [(&str, &str, &str); 2] = [
    (
        "lambda:InvokeFunctionUrl",
        "StringEquals lambda:FunctionUrlAuthType",
        "AWS_IAM",
    ),
    (
        "lambda:InvokeFunction",
        "Bool lambda:InvokedViaFunctionUrl",
        "true",
    ),
];

pub(super) fn check(
    stack: &Stack<'_>,
    role: &Resource<'_>,
    statements: &[Statement],
    needs: &[Need],
    report: &mut Report<'_>,
) {
    for need in needs {
        needed(stack, role, statements, need, report);
    }
    for statement in statements
        .iter()
        .filter(|statement| statement.effect == "Allow")
    {
        for action in &statement.actions {
            if !ONLY_WHEN_NEEDED
                .iter()
                .any(|family| action.starts_with(family))
            {
                continue;
            }
            for resource in &statement.resources {
                let wanted = needs
                    .iter()
                    .any(|need| need.action == action && need.resource == *resource)
                    || (action == "ecr:BatchCheckLayerAvailability"
                        && needs.iter().any(|need| need.resource == *resource));
                // Workload tokens are AgentCore's own business with the runtime.
                if !wanted {
                    let text = format!(
                        "{} may {action} on `{resource}`, and no link or secret of the service asks for that",
                        role.id
                    );
                    let known: Vec<&str> = needs
                        .iter()
                        .filter(|need| need.action == action)
                        .map(|need| need.resource.as_str())
                        .collect();
                    let fix = match known.is_empty() {
                        true => "remove it, or add the link to the service's Cargo.toml".to_owned(),
                        false => format!("allow it on {}", known.join(" and ")),
                    };
                    report.add(stack.index, statement.line, text, fix);
                }
            }
        }
    }
}

fn needed(
    stack: &Stack<'_>,
    role: &Resource<'_>,
    statements: &[Statement],
    need: &Need,
    report: &mut Report<'_>,
) {
    let about = |statement: &&Statement| {
        statement.actions.iter().any(|action| action == need.action)
            && statement
                .resources
                .iter()
                .any(|resource| covers(resource, &need.resource))
    };
    let mut refused = false;
    for statement in statements.iter().filter(about) {
        if statement.effect == "Deny" {
            report.add(
                stack.index,
                statement.line,
                format!(
                    "{} is denied {} on `{}`, and the service {}",
                    role.id, need.action, need.resource, need.why
                ),
                "write Effect: Allow",
            );
            refused = true;
        }
        for (condition, value) in &statement.conditions {
            if !HOLDING.contains(&(need.action, condition.as_str(), value.as_str())) {
                report.add(stack.index, statement.line, format!("{} may {} only where {condition} is `{value}`, which does not hold when the service {}", role.id, need.action, need.why), "mend the condition, or remove it");
                refused = true;
            }
        }
    }
    if !refused && !statements.iter().any(|statement| about(&statement)) {
        let near = statements
            .iter()
            .find(|statement| statement.actions.iter().any(|action| action == need.action));
        let near = near.or_else(|| {
            statements
                .iter()
                .find(|statement| statement.resources.contains(&need.resource))
        });
        let line = near.map_or_else(|| role.line_of("Policies"), |statement| statement.line);
        let text = format!(
            "{} may not {} on `{}`, and the service {}",
            role.id, need.action, need.resource, need.why
        );
        report.add(
            stack.index,
            line,
            text,
            format!(
                "add a statement: Action: {}, Resource: `{}`",
                need.action, need.resource
            ),
        );
    }
}

/// Whether a resource of a statement is the one that is needed, or a pattern for it.
fn covers(pattern: &str, resource: &str) -> bool {
    // Log streams are a part of their group, with which the ARN of the group ends.
    pattern == resource
        || pattern == "*"
        || pattern
            .strip_suffix('*')
            .is_some_and(|start| resource.starts_with(start))
}
