//! Who may do what: every role trusts one service of AWS, and may do what its service's links and needs say, no more.

mod grants;
mod needs;
mod trust;

use template::Node;

use super::model::{Model, Resource, Stack, shown};
use super::report::Report;
use crate::repo::Kind;
use needs::Need;

/// Actions that IAM knows for no single resource.
const FOR_EVERYTHING: [&str; 7] = [
    "ecr:GetAuthorizationToken",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    "cloudwatch:PutMetricData",
    "logs:DescribeLogGroups",
];

/// One statement of a policy, in texts.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) line: usize,
    pub(super) effect: String,
    pub(super) actions: Vec<String>,
    pub(super) resources: Vec<String>,
    /// `StringEquals aws:SourceAccount` and what it is compared with.
    pub(super) conditions: Vec<(String, String)>,
    pub(super) principal: Option<String>,
}

/// What a role is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Execution,
    Task,
    Function,
    Runtime,
}

impl Use {
    fn principal(self) -> &'static str {
        match self {
            Self::Execution | Self::Task => "ecs-tasks.amazonaws.com",
            Self::Function => "lambda.amazonaws.com",
            Self::Runtime => "bedrock-agentcore.amazonaws.com",
        }
    }
}

pub(super) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    for kind in Kind::ALL {
        for (stack, service) in model.of_kind(kind) {
            let uses = uses(stack, kind, report);
            for role in stack.of_type("AWS::IAM::Role") {
                let statements = statements_of(stack, &role, report);
                let Some((_, purpose)) = uses.iter().find(|(id, _)| id == role.id) else {
                    let text = format!("the role {} belongs to nothing", role.id);
                    report.add(
                        stack.index,
                        role.line,
                        text,
                        "give it to the task, the function or the runtime, or remove it",
                    );
                    continue;
                };
                trust::check(stack, &role, *purpose, report);
                let needs = needs::of(model, stack, service, *purpose);
                grants::check(stack, &role, &statements, &needs, report);
            }
        }
    }
}

/// The roles of a stack, each with the thing that takes it on.
fn uses(stack: &Stack<'_>, kind: Kind, report: &mut Report<'_>) -> Vec<(String, Use)> {
    let places: &[(&str, &str, Use)] = match kind {
        Kind::Fargate => &[
            (
                "AWS::ECS::TaskDefinition",
                "ExecutionRoleArn",
                Use::Execution,
            ),
            ("AWS::ECS::TaskDefinition", "TaskRoleArn", Use::Task),
        ],
        Kind::Lambda => &[("AWS::Lambda::Function", "Role", Use::Function)],
        Kind::Agentcore => &[("AWS::BedrockAgentCore::Runtime", "RoleArn", Use::Runtime)],
    };
    let mut uses: Vec<(String, Use)> = Vec::new();
    for (of, property, purpose) in places {
        for resource in stack.of_type(of) {
            let target = resource.get(property).and_then(|node| stack.target(node));
            match target {
                Some((role, _)) if uses.iter().any(|(id, _)| id == role.id) => {
                    let text = format!(
                        "{}.{property} is {} again: what starts a container and what it may do itself are two roles",
                        resource.id, role.id
                    );
                    report.add(
                        stack.index,
                        resource.line_of(property),
                        text,
                        format!("give {property} a role of its own"),
                    );
                }
                Some((role, _)) => uses.push((role.id.to_owned(), *purpose)),
                None => {
                    let text = format!("{}.{property} names no role of the template", resource.id);
                    report.add(
                        stack.index,
                        resource.line_of(property),
                        text,
                        format!("write {property}: !GetAtt <a role>.Arn"),
                    );
                }
            }
        }
    }
    uses
}

/// Every statement that holds for a role. What no policy may say is reported on the way.
fn statements_of(
    stack: &Stack<'_>,
    role: &Resource<'_>,
    report: &mut Report<'_>,
) -> Vec<Statement> {
    let mut found = Vec::new();
    for policy in role.get("Policies").map_or(&[][..], Node::items) {
        if let Some(document) = policy.get("PolicyDocument") {
            found.extend(read(stack, role.id, document, report));
        }
    }
    for policy in stack.of_type("AWS::IAM::Policy") {
        let text = format!(
            "{} is a policy beside its role, and may come after what needs it",
            policy.id
        );
        report.add(
            stack.index,
            policy.line,
            text,
            "write it under Policies of the role",
        );
    }
    for managed in role.get("ManagedPolicyArns").map_or(&[][..], Node::items) {
        let text = format!(
            "{} has the managed policy {}, which allows more than this service needs",
            role.id,
            shown(managed)
        );
        report.add(
            stack.index,
            managed.line,
            text,
            "write the actions that are needed under Policies, with their resources",
        );
    }
    found
}

/// The statements of one document, checked for their form.
pub(super) fn read(
    stack: &Stack<'_>,
    id: &str,
    document: &Node,
    report: &mut Report<'_>,
) -> Vec<Statement> {
    let version = document.get("Version");
    if version.map(shown).as_deref() != Some("2012-10-17") {
        let text = format!("a policy of {id} has not the version 2012-10-17");
        report.add(
            stack.index,
            version.map_or(document.line, |node| node.line),
            text,
            "write Version: \"2012-10-17\": without it, variables and some conditions mean nothing",
        );
    }
    let statements = document.get("Statement").map_or(&[][..], Node::one_or_many);
    if statements.is_empty() {
        report.add(
            stack.index,
            document.line,
            format!("a policy of {id} has no Statement"),
            "add one, or remove the policy",
        );
    }
    statements
        .iter()
        .map(|node| statement(stack, id, node, report))
        .collect()
}

fn statement(stack: &Stack<'_>, id: &str, node: &Node, report: &mut Report<'_>) -> Statement {
    const KEYS: [&str; 9] = [
        "Sid",
        "Effect",
        "Principal",
        "Action",
        "Resource",
        "Condition",
        "NotAction",
        "NotResource",
        "NotPrincipal",
    ];
    for entry in node.entries() {
        if !KEYS[..6].contains(&entry.key.as_str()) {
            let text = format!("a statement of {id} has `{}`", entry.key);
            let fix = match crate::repo::nearest(&entry.key, &KEYS[..6]) {
                Some(near) if !entry.key.starts_with("Not") => format!("did you mean `{near}`?"),
                _ => "say what is allowed, not what is not: Action and Resource".to_owned(),
            };
            report.add(stack.index, entry.line, text, fix);
        }
    }
    let texts = |key: &str| -> Vec<String> {
        let node = node.get(key);
        node.map_or_else(Vec::new, |node| {
            node.one_or_many().iter().map(plain).collect()
        })
    };
    let mut conditions = Vec::new();
    for operator in node.get("Condition").map_or(&[][..], Node::entries) {
        for entry in operator.value.entries() {
            conditions.push((
                format!("{} {}", operator.key, entry.key),
                plain(&entry.value),
            ));
        }
    }
    let principal = node.get("Principal").map(|principal| {
        principal
            .entries()
            .iter()
            .map(|entry| plain(&entry.value))
            .next()
            .unwrap_or_else(|| plain(principal))
    });
    let statement = Statement {
        line: node.line,
        effect: node.get("Effect").map(shown).unwrap_or_default(),
        actions: texts("Action"),
        resources: texts("Resource"),
        conditions,
        principal,
    };
    let line = |key: &str| {
        node.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map_or(node.line, |entry| entry.line)
    };
    if !["Allow", "Deny"].contains(&statement.effect.as_str()) {
        report.add(
            stack.index,
            line("Effect"),
            format!("a statement of {id} has the effect `{}`", statement.effect),
            "write Effect: Allow, or Deny",
        );
    }
    for action in &statement.actions {
        let form = action.split_once(':').is_some_and(|(service, name)| {
            !service.is_empty()
                && name.starts_with(|first: char| first.is_ascii_uppercase() || first == '*')
        });
        if !form {
            report.add(
                stack.index,
                line("Action"),
                format!("a statement of {id} has the action `{action}`"),
                "write service:Action, such as s3:GetObject",
            );
        } else if statement.effect == "Allow" && action.contains('*') {
            report.add(
                stack.index,
                line("Action"),
                format!("a statement of {id} allows `{action}`"),
                "name each action that is needed",
            );
        }
    }
    if statement.effect == "Allow" && statement.principal.is_none() {
        everything(stack, id, &statement, line("Resource"), report);
    }
    statement
}

/// `*` as a resource is for the few actions that know no other.
fn everything(
    stack: &Stack<'_>,
    id: &str,
    statement: &Statement,
    line: usize,
    report: &mut Report<'_>,
) {
    if statement.resources.is_empty() {
        report.add(
            stack.index,
            line,
            format!("a statement of {id} has no Resource"),
            "name what the actions are allowed on",
        );
    }
    for action in &statement.actions {
        let everything = statement.resources.iter().any(|resource| resource == "*");
        if everything && !FOR_EVERYTHING.contains(&action.as_str()) && !action.contains('*') {
            report.add(
                stack.index,
                line,
                format!("{id} may {action} on every resource"),
                "name the resources: everything is for actions that know no other",
            );
        }
        let service = action.split(':').next().unwrap_or("");
        for resource in statement
            .resources
            .iter()
            .filter(|resource| resource.starts_with("arn:"))
        {
            let parts: Vec<&str> = resource.splitn(6, ':').collect();
            if parts.len() < 6 || parts[2] != service {
                report.add(
                    stack.index,
                    line,
                    format!("{id} may {action} on `{resource}`, which is no ARN of {service}"),
                    format!("write arn:${{AWS::Partition}}:{service}:region:account:resource"),
                );
            }
        }
    }
}

/// A value as text, with the partition of the commercial regions.
fn plain(node: &Node) -> String {
    shown(node).replace("${AWS::Partition}", "aws")
}
