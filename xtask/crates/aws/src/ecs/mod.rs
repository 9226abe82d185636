//! ECS: how a service does, and why its containers stopped.

mod streams;

use aws_config::SdkConfig;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::primitives::DateTimeFormat;
use aws_sdk_ecs::types::{
    Container, DeploymentRolloutState, DesiredStatus, Service, Task, TaskStopCode,
};

use super::errors::refused;
use cloud::ProcessState;

/// How many tasks DescribeTasks takes at once.
const TASKS_MAX: usize = 100;
/// How many of a service's own remarks are worth reading.
const EVENTS_MAX: usize = 3;

/// ECS in one account and region.
#[derive(Debug, Clone)]
pub struct Ecs {
    client: Client,
}

/// A service as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceState {
    pub desired: i32,
    pub running: i32,
    pub pending: i32,
    /// Why the newest deployment is not done: `IN_PROGRESS`, or what the circuit breaker says.
    pub rollout: Option<String>,
    /// What ECS said last, newest first, with the time in front.
    pub events: Vec<String>,
}

impl ServiceState {
    /// As many tasks as wanted, all of the newest deployment.
    pub fn is_healthy(&self) -> bool {
        self.running >= self.desired && self.rollout.is_none()
    }
}

/// A task that ended, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoppedTask {
    pub id: String,
    /// RFC 3339; tasks are compared by it.
    pub stopped_at: String,
    /// `Essential container in task exited; x402-backend: exit code 137 (...)`.
    pub reason: String,
    pub task_definition: String,
    /// False when none of its containers ever started.
    pub ran: bool,
    /// It was healthy and made room, or somebody stopped it.
    pub was_wanted: bool,
}

impl Ecs {
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// The service; `None` when it is not there.
    pub async fn service(
        &self,
        cluster: &str,
        service: &str,
    ) -> anyhow::Result<Option<ServiceState>> {
        let answer = self
            .client
            .describe_services()
            .cluster(cluster)
            .services(service)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(refused(&format!("describe the service {service}"), &error)),
        };
        let found = answer.services.unwrap_or_default();
        // A service that was deleted is still told for a while, as INACTIVE.
        Ok(found
            .iter()
            .find(|found| found.status.as_deref() != Some("INACTIVE"))
            .map(state))
    }

    /// The ARNs of a cluster's services; none when the cluster is not there.
    pub async fn services(&self, cluster: &str) -> anyhow::Result<Vec<String>> {
        match self.client.list_services().cluster(cluster).send().await {
            Ok(answer) => Ok(answer.service_arns.unwrap_or_default()),
            Err(error) if is_missing(&error) => Ok(Vec::new()),
            Err(error) => Err(refused(&format!("list the services of {cluster}"), &error)),
        }
    }

    /// The tasks that run or start, as the local stage tells its processes.
    pub async fn running_tasks(
        &self,
        cluster: &str,
        service: &str,
    ) -> anyhow::Result<Vec<ProcessState>> {
        let tasks = self.tasks(cluster, service, DesiredStatus::Running).await?;
        Ok(tasks.iter().map(process).collect())
    }

    /// The tasks that stopped within the last hour (ECS keeps them no longer), the last one first.
    pub async fn stopped_tasks(
        &self,
        cluster: &str,
        service: &str,
    ) -> anyhow::Result<Vec<StoppedTask>> {
        let tasks = self.tasks(cluster, service, DesiredStatus::Stopped).await?;
        let mut stopped: Vec<StoppedTask> = tasks.iter().map(stopped).collect();
        stopped.sort_by(|one, other| other.stopped_at.cmp(&one.stopped_at));
        Ok(stopped)
    }

    async fn tasks(
        &self,
        cluster: &str,
        service: &str,
        status: DesiredStatus,
    ) -> anyhow::Result<Vec<Task>> {
        let listed = self
            .client
            .list_tasks()
            .cluster(cluster)
            .service_name(service)
            .desired_status(status)
            .send()
            .await;
        let arns = match listed {
            Ok(listed) => listed.task_arns.unwrap_or_default(),
            Err(error) if is_missing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(refused(&format!("list the tasks of {service}"), &error)),
        };
        if arns.is_empty() {
            return Ok(Vec::new());
        }
        let answer = self
            .client
            .describe_tasks()
            .cluster(cluster)
            .set_tasks(Some(arns.into_iter().take(TASKS_MAX).collect()))
            .send()
            .await
            .map_err(|error| refused(&format!("describe the tasks of {service}"), &error))?;
        Ok(answer.tasks.unwrap_or_default())
    }
}

fn state(service: &Service) -> ServiceState {
    let newest = service
        .deployments()
        .iter()
        .find(|deployment| deployment.status.as_deref() == Some("PRIMARY"));
    let rollout = newest.and_then(|deployment| match &deployment.rollout_state {
        None | Some(DeploymentRolloutState::Completed) => None,
        Some(state) => {
            let mut text = state.as_str().to_owned();
            if let Some(reason) = &deployment.rollout_state_reason {
                text.push_str(&format!(": {reason}"));
            }
            if deployment.failed_tasks > 0 {
                text.push_str(&format!(" ({} tasks failed)", deployment.failed_tasks));
            }
            Some(text)
        }
    });
    let events = service.events().iter().take(EVENTS_MAX).map(|event| {
        let time = event.created_at.as_ref().map(rfc_3339).unwrap_or_default();
        format!("{time} {}", event.message.as_deref().unwrap_or_default())
    });
    ServiceState {
        desired: service.desired_count,
        running: service.running_count,
        pending: service.pending_count,
        rollout,
        events: events.collect(),
    }
}

fn process(task: &Task) -> ProcessState {
    let status = task
        .last_status
        .as_deref()
        .unwrap_or("UNKNOWN")
        .to_lowercase();
    let health = task.health_status.as_ref().map(|health| health.as_str());
    ProcessState {
        name: format!("task {}", id(task)),
        pid: None,
        state: match health {
            Some("UNHEALTHY") => format!("{status}, not healthy"),
            _ => status,
        },
        restarts: 0,
        started_at: task.started_at.as_ref().map(rfc_3339),
        last_exit: None,
    }
}

fn stopped(task: &Task) -> StoppedTask {
    let mut reasons = vec![
        task.stopped_reason
            .clone()
            .unwrap_or_else(|| "stopped".to_owned()),
    ];
    reasons.extend(task.containers().iter().filter_map(container_end));
    StoppedTask {
        id: id(task).to_owned(),
        stopped_at: task
            .stopped_at
            .as_ref()
            .or(task.stopping_at.as_ref())
            .map(rfc_3339)
            .unwrap_or_default(),
        reason: reasons.join("; "),
        task_definition: task.task_definition_arn.clone().unwrap_or_default(),
        ran: task.started_at.is_some(),
        was_wanted: was_wanted(task),
    }
}

/// A scheduler that gives up on a task says so in other words than one that scales.
fn was_wanted(task: &Task) -> bool {
    let scaled = task
        .stopped_reason
        .as_deref()
        .is_some_and(|reason| reason.starts_with("Scaling activity initiated by"));
    scaled || task.stop_code == Some(TaskStopCode::UserInitiated)
}

/// `x402-backend: exit code 137 (killed: out of memory, or not ended in time)`
fn container_end(container: &Container) -> Option<String> {
    let name = container.name.as_deref().unwrap_or("container");
    let meaning = container
        .exit_code
        .and_then(exit_meaning)
        .map(|meaning| format!(" ({meaning})"));
    match (container.exit_code, &container.reason) {
        (None, None) => None,
        (Some(code), None) => Some(format!(
            "{name}: exit code {code}{}",
            meaning.unwrap_or_default()
        )),
        (None, Some(reason)) => Some(format!("{name}: {reason}")),
        (Some(code), Some(reason)) => Some(format!("{name}: exit code {code}, {reason}")),
    }
}

/// What a number means that nobody should have to look up.
fn exit_meaning(code: i32) -> Option<&'static str> {
    match code {
        2 => Some("a setting is wrong: its first log line names it"),
        132 | 139 => Some("it crashed"),
        134 => Some("it aborted"),
        137 => Some("killed: out of memory, or not ended in time"),
        143 => Some("it was told to end"),
        255 => Some("it could not be started: is the image for 64-bit Arm?"),
        _ => None,
    }
}

/// The last part of its ARN.
fn id(task: &Task) -> &str {
    let arn = task.task_arn.as_deref().unwrap_or_default();
    arn.rsplit('/').next().unwrap_or(arn)
}

fn rfc_3339(time: &aws_sdk_ecs::primitives::DateTime) -> String {
    time.fmt(DateTimeFormat::DateTime).unwrap_or_default()
}

fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    matches!(
        error.code(),
        Some("ClusterNotFoundException" | "ServiceNotFoundException" | "ServiceNotActiveException")
    )
}
