//! A policy document as texts, checked for its form.

use template::Node;

use super::super::model::{Stack, shown};
use super::super::report::Report;

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

/// What a statement may say.
const KEYS: [&str; 6] = [
    "Sid",
    "Effect",
    "Principal",
    "Action",
    "Resource",
    "Condition",
];

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
const OPERATORS: [&str; 27] = [
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "BinaryEquals",
    "Bool",
    "DateEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateNotEquals",
    "IpAddress",
    "NotIpAddress",
    "Null",
    "NumericEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericNotEquals",
    "StringEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    "StringNotEquals",
    "StringNotEqualsIgnoreCase",
    "StringNotLike",
];

/// `StringLike`, `ForAnyValue:StringLike`, `StringLikeIfExists`.
fn is_operator(text: &str) -> bool {
    let text = text
        .strip_prefix("ForAllValues:")
        .or_else(|| text.strip_prefix("ForAnyValue:"))
        .unwrap_or(text);
    OPERATORS.contains(&text.strip_suffix("IfExists").unwrap_or(text))
}

/// One statement of a policy, in texts.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    node: &'a Node,
    pub effect: String,
    pub actions: Vec<String>,
    pub resources: Vec<String>,
    /// `StringEquals aws:SourceAccount` and what it is compared with.
    pub conditions: Vec<(String, String)>,
    pub principal: Option<String>,
}

impl<'a> Statement<'a> {
    fn new(node: &'a Node) -> Self {
        let texts = |key: &str| -> Vec<String> {
            let node = node.get(key);
            node.map_or_else(Vec::new, |node| {
                node.one_or_many().iter().map(plain).collect()
            })
        };
        let operators = node.get("Condition").map_or(&[][..], Node::entries).iter();
        let conditions = operators.flat_map(|operator| {
            let entries = operator.value.entries().iter();
            entries.map(move |entry| {
                (
                    format!("{} {}", operator.key, entry.key),
                    plain(&entry.value),
                )
            })
        });
        let principal = node
            .get("Principal")
            .map(|principal| match principal.entries().first() {
                Some(entry) => plain(&entry.value),
                None => plain(principal),
            });
        Self {
            node,
            effect: node.get("Effect").map(shown).unwrap_or_default(),
            actions: texts("Action"),
            resources: texts("Resource"),
            conditions: conditions.collect(),
            principal,
        }
    }

    /// The line of a part of it, or its own.
    pub(super) fn line_of(&self, key: &str) -> usize {
        let entry = self.node.entries().iter().find(|entry| entry.key == key);
        entry.map_or(self.node.line, |entry| entry.line)
    }

    pub(super) fn allows(&self) -> bool {
        self.effect == "Allow"
    }

    pub(super) fn has_action(&self, action: &str) -> bool {
        self.actions.iter().any(|other| other == action)
    }
}

/// The statements of one document.
pub(super) fn read<'a>(
    stack: &Stack<'_>,
    id: &str,
    document: &'a Node,
    report: &mut Report<'_>,
) -> Vec<Statement<'a>> {
    let version = document.get("Version");
    if version.map(shown).as_deref() != Some("2012-10-17") {
        let line = document
            .entries()
            .iter()
            .find(|entry| entry.key == "Version")
            .map_or(document.line, |entry| entry.line);
        let fix =
            "write Version: \"2012-10-17\": without it, variables and some conditions mean nothing";
        report.add(
            stack.index,
            line,
            format!("a policy of {id} has not the version 2012-10-17"),
            fix,
        );
    }
    let nodes = document.get("Statement").map_or(&[][..], Node::one_or_many);
    if nodes.is_empty() {
        report.add(
            stack.index,
            document.line,
            format!("a policy of {id} has no Statement"),
            "add one, or remove the policy",
        );
    }
    let statements: Vec<Statement<'a>> = nodes.iter().map(Statement::new).collect();
    for statement in &statements {
        form(stack, id, statement, report);
        if statement.allows() && statement.principal.is_none() {
            resources(stack, id, statement, report);
        }
    }
    statements
}

fn form(stack: &Stack<'_>, id: &str, statement: &Statement<'_>, report: &mut Report<'_>) {
    for entry in statement.node.entries() {
        if !KEYS.contains(&entry.key.as_str()) && !entry.key.starts_with("Not") {
            let fix = match facts::nearest(&entry.key, &KEYS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("a statement has {}", KEYS.join(", ")),
            };
            report.add(
                stack.index,
                entry.line,
                format!("a statement of {id} has `{}`", entry.key),
                fix,
            );
        }
    }
    if !["Allow", "Deny"].contains(&statement.effect.as_str()) {
        let text = format!("a statement of {id} has the effect `{}`", statement.effect);
        report.add(
            stack.index,
            statement.line_of("Effect"),
            text,
            "write Effect: Allow, or Deny",
        );
    }
    let negated = ["NotAction", "NotResource", "NotPrincipal"];
    let has = |key: &str| statement.node.get(key).is_some();
    if statement.actions.is_empty() && !has("NotAction") {
        report.add(
            stack.index,
            statement.node.line,
            format!("a statement of {id} has no Action"),
            "add Action: and the actions that are needed",
        );
    }
    operators(stack, id, statement, report);
    for key in negated.into_iter().filter(|key| has(key)) {
        report.advise(
            "wide-permissions",
            stack.index,
            statement.line_of(key),
            format!("a statement of {id} has `{key}`, and so allows what nobody has thought of"),
            "say what is allowed, not what is not: Action and Resource",
        );
    }
    actions(stack, id, statement, report);
}

/// Conditions compare by what IAM has.
fn operators(stack: &Stack<'_>, id: &str, statement: &Statement<'_>, report: &mut Report<'_>) {
    for operator in statement
        .node
        .get("Condition")
        .map_or(&[][..], Node::entries)
    {
        if !is_operator(&operator.key) {
            let fix = match facts::nearest(&operator.key, &OPERATORS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("IAM has {}", OPERATORS.join(", ")),
            };
            let text = format!("a condition of {id} has the operator `{}`", operator.key);
            report.add(stack.index, operator.line, text, fix);
        }
    }
}

fn actions(stack: &Stack<'_>, id: &str, statement: &Statement<'_>, report: &mut Report<'_>) {
    for action in &statement.actions {
        let is_name =
            |name: &str| name.starts_with(|first: char| first.is_ascii_uppercase() || first == '*');
        let formed = action
            .split_once(':')
            .is_some_and(|(service, name)| !service.is_empty() && is_name(name));
        let line = statement.line_of("Action");
        if action == "*" || (formed && action.contains('*')) {
            let text = format!("a statement of {id} allows `{action}`");
            let fix = "name each action that is needed";
            if statement.allows() && super::grants::is_watched(action) {
                report.add(stack.index, line, text, fix);
            } else if statement.allows() {
                report.advise("wide-permissions", stack.index, line, text, fix);
            }
        } else if !formed {
            report.add(
                stack.index,
                line,
                format!("a statement of {id} has the action `{action}`"),
                "write service:Action, such as s3:GetObject",
            );
        }
    }
}

/// `*` as a resource is for the few actions that know no other, and an ARN is one of its action's service.
fn resources(stack: &Stack<'_>, id: &str, statement: &Statement<'_>, report: &mut Report<'_>) {
    let line = statement.line_of("Resource");
    if statement.resources.is_empty() && statement.node.get("NotResource").is_none() {
        report.add(
            stack.index,
            line,
            format!("a statement of {id} has no Resource"),
            "name what the actions are allowed on",
        );
    }
    for action in statement
        .actions
        .iter()
        .filter(|action| !action.contains('*'))
    {
        let everything = statement.resources.iter().any(|resource| resource == "*");
        if everything && !FOR_EVERYTHING.contains(&action.as_str()) {
            let text = format!("{id} may {action} on every resource");
            let fix = "name the resources: everything is for actions that know no other";
            if super::grants::is_watched(action) {
                report.add(stack.index, line, text, fix);
            } else {
                report.advise("wide-permissions", stack.index, line, text, fix);
            }
        }
        let service = action.split(':').next().unwrap_or("");
        for resource in statement
            .resources
            .iter()
            .filter(|resource| resource.starts_with("arn:"))
        {
            let parts: Vec<&str> = resource.splitn(6, ':').collect();
            if parts.len() < 6 || parts[2] != service {
                let text =
                    format!("{id} may {action} on `{resource}`, which is not an ARN of {service}");
                report.add(
                    stack.index,
                    line,
                    text,
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
