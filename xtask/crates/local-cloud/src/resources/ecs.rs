//! ECS: a task definition is a program to run, a service keeps it running behind target groups.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::image::{Image, Overrides};
use super::plan::{Health, ProcessPlan, SecretReference, ServicePlan, TaskPlan};
use super::properties::{Input, field, texts};
use super::role::role_for;
use super::variables::variables;
use super::{Builder, physical};
use crate::template::{Physical, Result};
use facts::secret_name;

const TASKS: &str = "ecs-tasks.amazonaws.com";

/// How long a task may take to become healthy, unless its own health check takes longer.
const START_SECONDS: u32 = 30;

pub(super) fn task_definition(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let family = input
        .text("Family")
        .unwrap_or_else(|| builder.name_for(input.id()));
    let arn = format!(
        "arn:aws:ecs:{}:{}:task-definition/{family}:{}",
        builder.region, builder.account, input.version
    );
    let [container] = input.list("ContainerDefinitions") else {
        return Err(input.error(
            "ContainerDefinitions",
            "the local cloud runs tasks of exactly one container",
            "put what belongs together into one container, or into two services",
        ));
    };
    let name = field(container, "Name").ok_or_else(|| {
        input.error(
            "ContainerDefinitions",
            "a container without a name",
            "name it",
        )
    })?;
    let image = field(container, "Image").ok_or_else(|| {
        input.error(
            "ContainerDefinitions",
            format!("the container {name} has no image"),
            "give it Image",
        )
    })?;
    let image = Image::find(builder.store, input, "ContainerDefinitions", &image)?;
    let environment = variables(
        input,
        "ContainerDefinitions",
        container.get("Environment").unwrap_or(&Value::Null),
    )?;
    let overrides = Overrides {
        entry_point: texts(container.get("EntryPoint")),
        command: texts(container.get("Command")),
        user: field(container, "User"),
        directory: field(container, "WorkingDirectory"),
        environment,
        mounts: mounts(builder, input, container)?,
    };
    let mut process = image.process(input, "ContainerDefinitions", overrides)?;
    process.owner = builder.owner.to_owned();
    process.name = builder.owner.to_owned();
    process.secrets = secrets(builder, input, container)?;
    if input.text("TaskRoleArn").is_some() {
        process.role_arn = Some(role_for(builder, input, "TaskRoleArn", TASKS)?.arn.clone());
    }
    process.health = health(input, container, &image, &process)?;
    process.stop_seconds = field(container, "StopTimeout").and_then(|text| text.parse().ok());
    let ports = container
        .get("PortMappings")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|mapping| field(mapping, "ContainerPort")?.parse().ok())
        .collect();
    builder.plan.tasks.insert(
        arn.clone(),
        TaskPlan {
            container: name,
            ports,
            process,
        },
    );
    Ok(physical(&arn, [("TaskDefinitionArn", json!(arn))]))
}

fn mounts(
    builder: &Builder<'_>,
    input: Input<'_>,
    container: &Value,
) -> Result<Vec<(String, std::path::PathBuf)>> {
    let declared: Vec<String> = input
        .list("Volumes")
        .iter()
        .filter_map(|volume| field(volume, "Name"))
        .collect();
    let points = container
        .get("MountPoints")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    points
        .iter()
        .map(|point| {
            let (Some(volume), Some(path)) =
                (field(point, "SourceVolume"), field(point, "ContainerPath"))
            else {
                return Err(input.error(
                    "ContainerDefinitions",
                    "a mount point without SourceVolume or ContainerPath",
                    "give it both",
                ));
            };
            if !declared.contains(&volume) {
                return Err(input.error(
                    "ContainerDefinitions",
                    format!(
                        "the mount point {path} uses the volume {volume}, which is not declared"
                    ),
                    "declare it under Volumes",
                ));
            }
            Ok((path, builder.volumes.join(volume)))
        })
        .collect()
}

fn secrets(
    builder: &Builder<'_>,
    input: Input<'_>,
    container: &Value,
) -> Result<BTreeMap<String, SecretReference>> {
    let listed = container
        .get("Secrets")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if !listed.is_empty() {
        role_for(builder, input, "ExecutionRoleArn", TASKS)?;
    }
    listed
        .iter()
        .map(|secret| {
            let (Some(name), Some(from)) = (field(secret, "Name"), field(secret, "ValueFrom"))
            else {
                return Err(input.error(
                    "ContainerDefinitions",
                    "a secret without Name or ValueFrom",
                    "give it both",
                ));
            };
            // arn:aws:secretsmanager:region:account:secret:name[:json-key:stage:version]
            let parts: Vec<&str> = from.split(':').collect();
            let arn = parts
                .get(..7)
                .map(|parts| parts.join(":"))
                .unwrap_or_default();
            let is_made = builder.plan.secrets.iter().any(|secret| secret.arn == arn);
            if !is_made && !is_existing(builder, &arn) {
                return Err(input.error(
                    "ContainerDefinitions",
                    format!("the secret of {name} ({from}) is not in this stack"),
                    "refer to a secret of the stack by !Ref",
                ));
            }
            let json_key = parts
                .get(7)
                .filter(|key| !key.is_empty())
                .map(|key| (*key).to_owned());
            Ok((name, SecretReference { arn, json_key }))
        })
        .collect()
}

/// Whether it can be one that a person has made: the account of the local cloud has no others than its stacks'.
fn is_existing(builder: &Builder<'_>, arn: &str) -> bool {
    secret_name(arn).is_some() && arn.split(':').nth(4) != Some(builder.account)
}

fn health(
    input: Input<'_>,
    container: &Value,
    image: &Image,
    process: &ProcessPlan,
) -> Result<Health> {
    let check = container.get("HealthCheck").unwrap_or(&Value::Null);
    let seconds = |key: &str, default: u32| {
        field(check, key)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let command = image.health_command(
        input,
        "ContainerDefinitions",
        &texts(check.get("Command")),
        process,
    )?;
    let patience = seconds("StartPeriod", 0)
        .saturating_add(seconds("Retries", 3).saturating_mul(seconds("Interval", 30)));
    let timeout_seconds = if command.is_some() {
        patience.clamp(START_SECONDS, 120)
    } else {
        START_SECONDS
    };
    Ok(Health {
        command,
        path: None,
        codes: "200".to_owned(),
        timeout_seconds,
    })
}

pub(super) fn service(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let name = input
        .text("ServiceName")
        .unwrap_or_else(|| builder.name_for(input.id()));
    let task_arn = input.required("TaskDefinition")?;
    let task = builder.plan.tasks.get(&task_arn).cloned().ok_or_else(|| {
        input.error(
            "TaskDefinition",
            format!("the task definition {task_arn} is not in this stack"),
            "refer to a task definition of the stack by !Ref",
        )
    })?;
    let mut process = task.process.clone();
    let mut target_groups = Vec::new();
    for attachment in input.list("LoadBalancers") {
        let group = target_group(builder, input, attachment, &task)?;
        process.health.path = Some(group.health_path.clone());
        process.health.codes.clone_from(&group.codes);
        target_groups.push(group.arn.clone());
    }
    let maximum = input.number("DeploymentConfiguration.MaximumPercent", 200)?;
    let plan = ServicePlan {
        logical_id: input.id().to_owned(),
        name: name.clone(),
        desired_count: input.number("DesiredCount", 1)?,
        // Two processes must not write to one folder at a time.
        stop_first: maximum <= 100 || !process.volumes.is_empty(),
        process,
        target_groups,
    };
    builder.plan.services.push(plan);
    let cluster = input
        .text("Cluster")
        .unwrap_or_else(|| "default".to_owned());
    let cluster = cluster.rsplit('/').next().unwrap_or_default();
    let arn = format!(
        "arn:aws:ecs:{}:{}:service/{cluster}/{name}",
        builder.region, builder.account
    );
    Ok(physical(
        &arn,
        [("Name", json!(name)), ("ServiceArn", json!(arn))],
    ))
}

/// The target group of one `LoadBalancers` entry, once container, ports and group fit together.
fn target_group<'a>(
    builder: &'a Builder<'_>,
    input: Input<'_>,
    attachment: &Value,
    task: &TaskPlan,
) -> Result<&'a super::plan::TargetGroup> {
    let wrong = |problem: String, fix: String| input.error("LoadBalancers", problem, fix);
    let arn = field(attachment, "TargetGroupArn").unwrap_or_default();
    let group = builder.plan.target_groups.get(&arn).ok_or_else(|| {
        wrong(
            format!("the target group `{arn}` is not in this stack"),
            "refer to a target group of the stack by !Ref".to_owned(),
        )
    })?;
    let container = field(attachment, "ContainerName").unwrap_or_default();
    if container != task.container {
        return Err(wrong(
            format!("the container `{container}` is not in the task definition"),
            format!("name the container {}", task.container),
        ));
    }
    let port = field(attachment, "ContainerPort")
        .and_then(|text| text.parse::<u16>().ok())
        .unwrap_or(0);
    if !task.ports.contains(&port) {
        return Err(wrong(
            format!("the container {container} does not map the port {port}"),
            format!("it maps {:?}: use that, or add a port mapping", task.ports),
        ));
    }
    if group.port != port {
        return Err(wrong(
            format!(
                "the target group has the port {} and the container {port}",
                group.port
            ),
            "give both the same port".to_owned(),
        ));
    }
    Ok(group)
}
