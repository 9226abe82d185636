//! Lambda functions with their URLs, and AgentCore runtimes with their endpoints.

use serde_json::json;

use super::image::{Image, Overrides};
use super::plan::{EndpointPlan, FunctionPlan, FunctionUrl, Health, ProcessPlan, RuntimePlan};
use super::properties::{Input, texts};
use super::role::role_for;
use super::variables::variable_map;
use super::{Builder, physical};
use crate::template::{Physical, Result};

/// How many instances of a function may run at a time on one machine.
const INSTANCES_MAX: u32 = 8;

/// AgentCore's own limit from start to the first healthy ping.
const RUNTIME_START_SECONDS: u32 = 30;

pub(super) fn function(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let name = input
        .text("FunctionName")
        .unwrap_or_else(|| builder.name_for(input.id()));
    let arn = format!(
        "arn:aws:lambda:{}:{}:function:{name}",
        builder.region, builder.account
    );
    let runtime = input.text("Runtime").unwrap_or_default();
    if !runtime.starts_with("provided.") {
        return Err(input.error(
            "Runtime",
            format!("the local cloud runs `bootstrap` binaries, not `{runtime}`"),
            "use provided.al2023",
        ));
    }
    let key = input.required("Code.S3Key")?;
    if !builder.store.has_code(&key) {
        return Err(input.error(
            "Code",
            format!("the code {key} is not in the local store"),
            "`cargo xtask deploy` builds and stores it; run it again",
        ));
    }
    let program = builder.store.bootstrap(&key);
    let role_arn = role_for(builder, input, "Role", "lambda.amazonaws.com")?
        .arn
        .clone();
    let timeout_seconds = input.number("Timeout", 3)?;
    let environment = variable_map(input, "Environment.Variables")?;
    let process = ProcessPlan {
        name: builder.owner.to_owned(),
        owner: builder.owner.to_owned(),
        directory: program
            .parent()
            .map(std::path::Path::to_owned)
            .unwrap_or_default(),
        program,
        environment,
        role_arn: Some(role_arn),
        // Lambda gives an instance 10 seconds to ask for its first event.
        health: Health {
            timeout_seconds: 10,
            ..Health::default()
        },
        ..ProcessPlan::default()
    };
    let instances_max = input
        .number("ReservedConcurrentExecutions", INSTANCES_MAX)?
        .clamp(1, INSTANCES_MAX);
    let memory_mib = input.number("MemorySize", 128)?;
    builder.plan.functions.push(FunctionPlan {
        logical_id: input.id().to_owned(),
        arn: arn.clone(),
        name: name.clone(),
        timeout_seconds,
        memory_mib,
        instances_max,
        process,
    });
    Ok(physical(&name, [("Arn", json!(arn))]))
}

/// The function that a property names by name or ARN.
fn function_arn(builder: &Builder<'_>, input: Input<'_>, property: &str) -> Result<String> {
    let wanted = input.required(property)?;
    let found = builder
        .plan
        .functions
        .iter()
        .find(|function| function.arn == wanted || function.name == wanted);
    found.map(|function| function.arn.clone()).ok_or_else(|| {
        input.error(
            property,
            format!("the function {wanted} is not in this stack"),
            "refer to a function of the stack by !GetAtt Function.Arn",
        )
    })
}

pub(super) fn function_url(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let function_arn = function_arn(builder, input, "TargetFunctionArn")?;
    let authorization = input.required("AuthType")?;
    if authorization != "AWS_IAM" {
        return Err(input.error(
            "AuthType",
            format!("the local cloud has no Function URLs of AuthType {authorization}"),
            "use AWS_IAM: anybody could call a public URL",
        ));
    }
    let mode = input
        .text("InvokeMode")
        .unwrap_or_else(|| "BUFFERED".to_owned());
    if mode != "BUFFERED" {
        return Err(input.error(
            "InvokeMode",
            format!("the local cloud has no {mode} Function URLs"),
            "use BUFFERED",
        ));
    }
    let port = builder.port(input)?;
    builder.plan.function_urls.push(FunctionUrl {
        logical_id: input.id().to_owned(),
        function_arn: function_arn.clone(),
        port,
    });
    Ok(physical(
        &function_arn,
        [
            ("FunctionUrl", json!(format!("http://127.0.0.1:{port}/"))),
            ("FunctionArn", json!(function_arn)),
        ],
    ))
}

/// A resource-based permission. Within one account the caller's role decides, and that is what the local cloud checks.
pub(super) fn permission(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    function_arn(builder, input, "FunctionName")?;
    let id = builder.name_for(input.id());
    Ok(physical(&id, [("Id", json!(id))]))
}

pub(super) fn runtime(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let name = input.required("AgentRuntimeName")?;
    let letters = name
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || character == '_');
    if !letters || name.len() > 48 || !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Err(input.error(
            "AgentRuntimeName",
            format!("AgentCore does not accept the name `{name}`"),
            "use up to 48 letters, digits and underscores, a letter first",
        ));
    }
    let protocol = input
        .text("ProtocolConfiguration")
        .unwrap_or_else(|| "HTTP".to_owned());
    if protocol != "HTTP" {
        return Err(input.error(
            "ProtocolConfiguration",
            format!("the local cloud runs agents that speak HTTP, not {protocol}"),
            "use HTTP",
        ));
    }
    let uri = input.required("AgentRuntimeArtifact.ContainerConfiguration.ContainerUri")?;
    let image = Image::find(builder.store, input, "AgentRuntimeArtifact", &uri)?;
    let overrides = Overrides {
        environment: variable_map(input, "EnvironmentVariables")?,
        ..Overrides::default()
    };
    let mut process = image.process(input, "AgentRuntimeArtifact", overrides)?;
    process.name = builder.owner.to_owned();
    process.owner = builder.owner.to_owned();
    process.role_arn = Some(
        role_for(builder, input, "RoleArn", "bedrock-agentcore.amazonaws.com")?
            .arn
            .clone(),
    );
    process.health = Health {
        command: None,
        path: Some("/ping".to_owned()),
        codes: "200".to_owned(),
        timeout_seconds: RUNTIME_START_SECONDS,
    };
    let suffix: String = builder.digest(input.id()).chars().take(10).collect();
    let id = format!("{name}-{suffix}");
    let arn = format!(
        "arn:aws:bedrock-agentcore:{}:{}:runtime/{id}",
        builder.region, builder.account
    );
    let header_allow_list = texts(input.get("RequestHeaderConfiguration.RequestHeaderAllowlist"));
    builder.plan.runtimes.push(RuntimePlan {
        logical_id: input.id().to_owned(),
        arn: arn.clone(),
        id: id.clone(),
        name,
        version: input.version,
        header_allow_list,
        process,
    });
    Ok(physical(
        &id,
        [
            ("AgentRuntimeArn", json!(arn)),
            ("AgentRuntimeId", json!(id)),
            ("AgentRuntimeVersion", json!(input.version.to_string())),
            ("Status", json!("READY")),
        ],
    ))
}

pub(super) fn runtime_endpoint(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let id = input.required("AgentRuntimeId")?;
    let name = input.required("Name")?;
    let runtime = builder
        .plan
        .runtimes
        .iter()
        .find(|runtime| runtime.id == id)
        .ok_or_else(|| {
            input.error(
                "AgentRuntimeId",
                format!("the runtime {id} is not in this stack"),
                "refer to a runtime of the stack by !Ref",
            )
        })?;
    let version = input.number("AgentRuntimeVersion", 0)?;
    if version != runtime.version {
        return Err(input.error(
            "AgentRuntimeVersion",
            format!("the endpoint stays on version {version} while the runtime is at {}", runtime.version),
            "write AgentRuntimeVersion: !GetAtt Runtime.AgentRuntimeVersion, so that it moves along",
        ));
    }
    let arn = format!("{}/runtime-endpoint/{name}", runtime.arn);
    let attributes = [
        ("AgentRuntimeEndpointArn", json!(arn)),
        ("AgentRuntimeArn", json!(runtime.arn)),
        ("Id", json!(name)),
        ("Status", json!("READY")),
        ("TargetVersion", json!(version.to_string())),
        ("LiveVersion", json!(version.to_string())),
    ];
    let plan = EndpointPlan {
        runtime_arn: runtime.arn.clone(),
        name: name.clone(),
        version,
    };
    builder.plan.endpoints.push(plan);
    Ok(physical(&arn, attributes))
}
