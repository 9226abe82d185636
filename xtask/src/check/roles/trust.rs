//! Who may take a role on: the one service of AWS that it is for, and only for this account.

use template::Node;

use super::super::model::{Resource, Stack};
use super::super::report::Report;
use super::{Use, read};

pub(super) fn check(stack: &Stack<'_>, role: &Resource<'_>, purpose: Use, report: &mut Report<'_>) {
    let Some(document) = role.get("AssumeRolePolicyDocument") else {
        return;
    };
    let wanted = purpose.principal();
    let line = role.line_of("AssumeRolePolicyDocument");
    let inner = |step: &str| {
        document
            .at("Statement.0")
            .and_then(|node: &Node| {
                node.entries()
                    .iter()
                    .find(|entry| entry.key == step)
                    .map(|entry| entry.line)
            })
            .unwrap_or(line)
    };
    let statements = read(stack, role.id, document, report);
    for statement in &statements {
        let principal = statement.principal.as_deref().unwrap_or("nobody");
        if principal != wanted || statement.effect != "Allow" {
            let text = format!(
                "{} lets {principal} take it on, and it is for {wanted}",
                role.id
            );
            report.add(
                stack.index,
                inner("Principal"),
                text,
                format!("write Principal: {{Service: {wanted}}}"),
            );
        }
        if statement.actions != ["sts:AssumeRole"] {
            let text = format!(
                "{} is taken on by `{}`",
                role.id,
                statement.actions.join(", ")
            );
            report.add(
                stack.index,
                inner("Action"),
                text,
                "write Action: sts:AssumeRole",
            );
        }
        let condition = |name: &str| {
            statement
                .conditions
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        if condition("StringEquals aws:SourceAccount") != Some("${AWS::AccountId}") {
            let text = format!(
                "{} does not ask for whom {wanted} acts: another account could have it act here",
                role.id
            );
            report.add(
                stack.index,
                inner("Condition"),
                text,
                "add Condition: StringEquals: {\"aws:SourceAccount\": !Ref AWS::AccountId}",
            );
        }
        let of = match purpose {
            Use::Execution | Use::Task => "arn:aws:ecs:${AWS::Region}:${AWS::AccountId}:",
            Use::Runtime => "arn:aws:bedrock-agentcore:${AWS::Region}:${AWS::AccountId}:runtime/",
            // Lambda gives no ARN of the function along.
            Use::Function => continue,
        };
        let runtime = stack
            .first("AWS::BedrockAgentCore::Runtime")
            .and_then(|runtime| runtime.text("AgentRuntimeName"));
        let of = format!(
            "{of}{}",
            runtime
                .filter(|_| purpose == Use::Runtime)
                .unwrap_or_default()
        );
        let source = condition("ArnLike aws:SourceArn").unwrap_or("nothing");
        if !source.starts_with(&of) {
            let text = format!(
                "{} is for what `{source}` names, and that is not what takes it on",
                role.id
            );
            report.add(
                stack.index,
                inner("Condition"),
                text,
                format!("write ArnLike: {{\"aws:SourceArn\": !Sub \"{of}*\"}}"),
            );
        }
    }
    if statements.len() > 1 {
        report.add(
            stack.index,
            line,
            format!("{} may be taken on by several", role.id),
            format!("keep the statement for {wanted}"),
        );
    }
}
