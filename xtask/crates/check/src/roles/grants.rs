//! What a role is allowed, beside what it needs.

use super::super::model::{Resource, Stack};
use super::super::report::Report;
use super::needs::Need;
use super::policy::Statement;

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

/// True for what nobody may do unless a link or a fact says so.
pub(super) fn is_watched(action: &str) -> bool {
    action == "*"
        || ONLY_WHEN_NEEDED
            .iter()
            .any(|family| action.starts_with(family))
}

pub(super) fn check(
    stack: &Stack<'_>,
    role: &Resource<'_>,
    statements: &[Statement<'_>],
    (needs, is_whole): (&[Need], bool),
    report: &mut Report<'_>,
) {
    for need in needs.iter().filter(|_| is_whole) {
        needed(stack, role, statements, need, report);
    }
    for statement in statements.iter().filter(|statement| statement.allows()) {
        for action in &statement.actions {
            let watched = is_watched(action);
            // What is allowed on everything has been reported for that.
            for resource in statement
                .resources
                .iter()
                .filter(|resource| watched && *resource != "*")
            {
                more(stack, role, statement, (action, resource), needs, report);
            }
        }
    }
}

/// Something is allowed that nothing asks for.
fn more(
    stack: &Stack<'_>,
    role: &Resource<'_>,
    statement: &Statement<'_>,
    (action, resource): (&str, &str),
    needs: &[Need],
    report: &mut Report<'_>,
) {
    // Part of pulling an image, and of no use without the rest.
    let known = if action == "ecr:BatchCheckLayerAvailability" {
        "ecr:BatchGetImage"
    } else {
        action
    };
    let wanted: Vec<&str> = needs
        .iter()
        .filter(|need| need.action == known)
        .map(|need| need.resource.as_str())
        .collect();
    if wanted.contains(&resource) {
        return;
    }
    let text = format!(
        "{} may {action} on `{resource}`, and no link or secret of the service asks for that",
        role.id
    );
    match wanted.is_empty() {
        true => report.add(
            stack.index,
            statement.line_of("Action"),
            text,
            "remove it, or add the link to the service's Cargo.toml",
        ),
        false => report.add(
            stack.index,
            statement.line_of("Resource"),
            text,
            format!("allow it on {}", wanted.join(" and ")),
        ),
    }
}

fn needed(
    stack: &Stack<'_>,
    role: &Resource<'_>,
    statements: &[Statement<'_>],
    need: &Need,
    report: &mut Report<'_>,
) {
    let about = |statement: &&Statement<'_>| {
        statement.has_action(need.action)
            && statement
                .resources
                .iter()
                .any(|resource| covers(resource, &need.resource))
    };
    let found: Vec<&Statement<'_>> = statements.iter().filter(about).collect();
    for statement in &found {
        if statement.effect == "Deny" {
            let text = format!(
                "{} is denied {} on `{}`, and the service {}",
                role.id, need.action, need.resource, need.why
            );
            report.add(
                stack.index,
                statement.line_of("Effect"),
                text,
                "write Effect: Allow",
            );
        }
        for (condition, value) in &statement.conditions {
            if !HOLDING.contains(&(need.action, condition.as_str(), value.as_str())) {
                let text = format!(
                    "{} may {} only where {condition} is `{value}`, which does not hold when the service {}",
                    role.id, need.action, need.why
                );
                report.add(
                    stack.index,
                    statement.line_of("Condition"),
                    text,
                    "correct the condition, or remove it",
                );
            }
        }
    }
    if !found.is_empty() {
        return;
    }
    let text = format!(
        "{} may not {} on `{}`, and the service {}",
        role.id, need.action, need.resource, need.why
    );
    let fix = format!(
        "allow it: Action: {}, Resource: {}",
        need.action,
        super::super::expect::spelt(&need.resource)
    );
    report.add(stack.index, nearest_line(role, statements, need), text, fix);
}

/// The statement that was probably meant: one with the action, or one that is about the resource, or about its service.
fn nearest_line(role: &Resource<'_>, statements: &[Statement<'_>], need: &Need) -> usize {
    let service = need.action.split(':').next().unwrap_or("");
    let on_it = |statement: &&Statement<'_>| {
        statement
            .resources
            .iter()
            .any(|resource| covers(resource, &need.resource))
    };
    let of_service = |statement: &&Statement<'_>| {
        statement
            .actions
            .iter()
            .any(|action| action.split(':').next() == Some(service))
    };
    // A statement that gives something else that is needed is not the one that is wrong.
    let with_action = statements
        .iter()
        .find(|statement| statement.has_action(need.action));
    let on_resource = statements
        .iter()
        .filter(on_it)
        .filter(of_service)
        .find(|statement| {
            statement.actions != ["lambda:InvokeFunction"]
                && statement.actions != ["lambda:InvokeFunctionUrl"]
        });
    match (on_resource, with_action) {
        (Some(statement), _) => statement.line_of("Action"),
        (None, Some(statement)) => statement.line_of("Resource"),
        (None, None) => role.line_of("Policies"),
    }
}

/// Whether a resource of a statement is the one that is needed, or a pattern for it.
fn covers(pattern: &str, resource: &str) -> bool {
    pattern == resource
        || pattern == "*"
        || pattern
            .strip_suffix('*')
            .is_some_and(|start| resource.starts_with(start))
}
