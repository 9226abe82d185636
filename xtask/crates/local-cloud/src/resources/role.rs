//! IAM: roles with their policies, for the local cloud's own checks.

use serde_json::{Value, json};

use super::plan::RolePlan;
use super::properties::{Input, field, texts};
use super::{Builder, physical};
use crate::template::{Physical, Result};

/// Policies of AWS that grant only what happens without asking here: pulling images and writing logs.
const GRANT_NOTHING_HERE: [&str; 4] = [
    "service-role/AmazonECSTaskExecutionRolePolicy",
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaVPCAccessExecutionRole",
    "AWSXRayDaemonWriteAccess",
];

pub(super) fn make(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let name = input
        .text("RoleName")
        .unwrap_or_else(|| builder.name_for(input.id()));
    let arn = format!("arn:aws:iam::{}:role/{name}", builder.account);
    let mut policies = Vec::new();
    for policy in input.list("Policies") {
        let document = policy
            .get("PolicyDocument")
            .ok_or_else(|| input.error("Policies", "a policy without PolicyDocument", "add one"))?;
        policies.push(checked(document, input, "Policies")?);
    }
    for managed in texts(input.get("ManagedPolicyArns")) {
        if let Some(document) = builder.plan.managed_policies.get(&managed) {
            policies.push(document.clone());
        } else if !GRANT_NOTHING_HERE
            .iter()
            .any(|known| managed.ends_with(&format!(":aws:policy/{known}")))
        {
            let fix = "write the permissions into the role's Policies, or add it to xtask/crates/local-cloud/src/resources/role.rs if it grants nothing that the local cloud checks";
            return Err(input.error(
                "ManagedPolicyArns",
                format!("the managed policy {managed} is not known"),
                fix,
            ));
        }
    }
    let trusted = input
        .list("AssumeRolePolicyDocument.Statement")
        .iter()
        .filter(|statement| field(statement, "Effect").as_deref() == Some("Allow"))
        .flat_map(|statement| {
            texts(
                statement
                    .get("Principal")
                    .and_then(|principal| principal.get("Service")),
            )
        })
        .collect();
    builder.plan.roles.push(RolePlan {
        arn: arn.clone(),
        name: name.clone(),
        policies,
        trusted,
    });
    let id = format!("AROA{}", builder.digest(input.id())[..17].to_uppercase());
    Ok(physical(
        &name,
        [("Arn", json!(arn)), ("RoleId", json!(id))],
    ))
}

/// `AWS::IAM::Policy`: more policies for roles of this stack.
pub(super) fn policy(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let document = input
        .get("PolicyDocument")
        .ok_or_else(|| input.error("PolicyDocument", "has no PolicyDocument", "add one"))?;
    let document = checked(document, input, "PolicyDocument")?;
    for name in texts(input.get("Roles")) {
        let role = builder.plan.roles.iter_mut().find(|role| role.name == name);
        role.ok_or_else(|| {
            input.error(
                "Roles",
                format!("the role {name} is not in this stack"),
                "refer to a role of the stack",
            )
        })?
        .policies
        .push(document.clone());
    }
    Ok(physical(
        &input
            .text("PolicyName")
            .unwrap_or_else(|| input.id().to_owned()),
        [],
    ))
}

pub(super) fn managed_policy(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let name = input
        .text("ManagedPolicyName")
        .unwrap_or_else(|| builder.name_for(input.id()));
    let arn = format!("arn:aws:iam::{}:policy/{name}", builder.account);
    let document = input
        .get("PolicyDocument")
        .ok_or_else(|| input.error("PolicyDocument", "has no PolicyDocument", "add one"))?;
    let document = checked(document, input, "PolicyDocument")?;
    builder.plan.managed_policies.insert(arn.clone(), document);
    Ok(physical(&arn, [("PolicyArn", json!(arn))]))
}

/// A policy document, in which every statement says what it allows or denies.
fn checked(document: &Value, input: Input<'_>, property: &str) -> Result<Value> {
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(single @ Value::Object(_)) => std::slice::from_ref(single),
        _ => {
            return Err(input.error(
                property,
                "a policy document without Statement",
                "add statements",
            ));
        }
    };
    for statement in statements {
        let complete = matches!(
            field(statement, "Effect").as_deref(),
            Some("Allow" | "Deny")
        ) && (statement.get("Action").is_some()
            || statement.get("NotAction").is_some())
            && (statement.get("Resource").is_some() || statement.get("NotResource").is_some());
        if !complete {
            return Err(input.error(
                property,
                "a statement without Effect, Action or Resource",
                "give it all three",
            ));
        }
    }
    Ok(document.clone())
}

/// The role of this ARN, when `service` may take it.
pub(super) fn role_for<'a>(
    builder: &'a Builder<'_>,
    input: Input<'_>,
    property: &str,
    service: &str,
) -> Result<&'a RolePlan> {
    let arn = input.required(property)?;
    role_of_arn(builder, input, property, &arn, service)
}

pub(super) fn role_of_arn<'a>(
    builder: &'a Builder<'_>,
    input: Input<'_>,
    property: &str,
    arn: &str,
    service: &str,
) -> Result<&'a RolePlan> {
    let role = builder
        .plan
        .roles
        .iter()
        .find(|role| role.arn == arn)
        .ok_or_else(|| {
            input.error(
                property,
                format!("the role {arn} is not in this stack"),
                "refer to a role of the stack by !GetAtt Role.Arn",
            )
        })?;
    if !role.trusted.iter().any(|trusted| trusted == service) {
        return Err(input.error(
            property,
            format!("{service} may not take the role {}", role.name),
            format!("allow it in the role's AssumeRolePolicyDocument (Principal: {{Service: {service}}})"),
        ));
    }
    Ok(role)
}
