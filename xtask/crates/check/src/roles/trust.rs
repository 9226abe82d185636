//! Who may take a role on: the one service of AWS that it is for, and only for this account.

use super::super::model::{Resource, Stack};
use super::super::report::Report;
use super::policy::{Statement, read};
use kinds::Use;

pub(super) fn check(stack: &Stack<'_>, role: &Resource<'_>, purpose: Use, report: &mut Report<'_>) {
    let Some(document) = role.get("AssumeRolePolicyDocument") else {
        return;
    };
    let wanted = purpose.principal();
    let statements = read(stack, role.id, document, report);
    if statements.len() > 1 {
        let line = role.line_of("AssumeRolePolicyDocument");
        report.add(
            stack.index,
            line,
            format!("{} may be taken on by several", role.id),
            format!("keep the statement for {wanted}"),
        );
    }
    for statement in &statements {
        let principal = statement.principal.as_deref().unwrap_or("nobody");
        if principal != wanted || !statement.allows() {
            let text = format!(
                "{} lets {principal} take it on, and it is for {wanted}",
                role.id
            );
            report.add(
                stack.index,
                statement.line_of("Principal"),
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
                statement.line_of("Action"),
                text,
                "write Action: sts:AssumeRole",
            );
        }
        on_behalf(stack, role, purpose, statement, report);
    }
}

/// True for a role that a container, a function or an agent could take on.
pub(super) fn is_for_programs(role: &Resource<'_>) -> bool {
    let trusted = role.text("AssumeRolePolicyDocument").unwrap_or_default();
    [Use::Execution, Use::Task, Use::Function, Use::Runtime]
        .iter()
        .any(|purpose| trusted.contains(purpose.principal()))
}

/// A service of AWS acts for many accounts. The conditions say that it has to be this one, and for what of it.
fn on_behalf(
    stack: &Stack<'_>,
    role: &Resource<'_>,
    purpose: Use,
    statement: &Statement<'_>,
    report: &mut Report<'_>,
) {
    let line = statement.line_of("Condition");
    let condition = |name: &str| {
        statement
            .conditions
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    if condition("StringEquals aws:SourceAccount") != Some("${AWS::AccountId}") {
        let text = format!(
            "{} does not ask for whom {} acts: another account could have it act here",
            role.id,
            purpose.principal()
        );
        report.add(
            stack.index,
            line,
            text,
            "add Condition: StringEquals: {\"aws:SourceAccount\": !Ref AWS::AccountId}",
        );
    }
    let runtime = stack
        .first("AWS::BedrockAgentCore::Runtime")
        .and_then(|runtime| runtime.text("AgentRuntimeName"));
    let of = match purpose {
        Use::Execution | Use::Task => "arn:aws:ecs:${AWS::Region}:${AWS::AccountId}:".to_owned(),
        Use::Runtime => format!(
            "arn:aws:bedrock-agentcore:${{AWS::Region}}:${{AWS::AccountId}}:runtime/{}",
            runtime.unwrap_or_default()
        ),
        // Lambda gives no ARN of the function along.
        Use::Function => return,
    };
    let source = condition("ArnLike aws:SourceArn").unwrap_or("nothing");
    if !source.starts_with(&of) {
        let text = format!(
            "{} is for what `{source}` names, and that is not what takes it on",
            role.id
        );
        report.add(
            stack.index,
            line,
            text,
            format!("write ArnLike: {{\"aws:SourceArn\": !Sub \"{of}*\"}}"),
        );
    }
}
