//! Why a resource does not come to be, asked of the services behind it while it fails: a rollback takes the evidence away.

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;

use super::logs::in_short;
use crate::cloud::LogLine;
use crate::tools::aws::Aws;
use crate::tools::aws::cloudformation::StackEvent;
use crate::tools::aws::control::Control;
use crate::tools::aws::ecs::{Ecs, StoppedTask};
use crate::tools::aws::logs::Logs;

/// What fits on a screen beside the reason itself.
const LINES_MAX: usize = 20;
/// How far back a log is read. A task that never gets well is given up after some ten minutes.
const LOG_SPAN: time::Duration = time::Duration::minutes(15);
/// Lines arrive some seconds after they were written, and a container that crashed wrote its last ones just now.
const TRIES: u32 = 4;
const WAIT: Duration = Duration::from_secs(2);

/// What the container, the function or the agent said at the end, in lines for a person; nothing for a resource that has none.
/// `outputs` are those of the stack as it stood before, if it did. What cannot be asked is a line as well: an error here must
/// not hide the one that is looked for.
pub(crate) async fn collect(
    aws: &Aws,
    outputs: Option<&BTreeMap<String, String>>,
    event: &StackEvent,
) -> Vec<String> {
    let Some(id) = event.physical_id.as_deref() else {
        return Vec::new();
    };
    let found = match event.resource_type.as_str() {
        "AWS::ECS::Service" => {
            let cluster = outputs.and_then(|outputs| outputs.get("ClusterName"));
            of_service(aws, id, cluster.map(String::as_str)).await
        }
        "AWS::Lambda::Function" => {
            let logs = Logs::new(aws.config());
            last_lines(&logs, vec![format!("/aws/lambda/{id}")]).await
        }
        "AWS::BedrockAgentCore::Runtime" => of_agent(aws, id, None).await,
        "AWS::BedrockAgentCore::RuntimeEndpoint" => match endpoint(id) {
            Some((runtime, name)) => of_agent(aws, runtime, Some(name)).await,
            None => Ok(Vec::new()),
        },
        _ => Ok(Vec::new()),
    };
    found.unwrap_or_else(|error| {
        vec![format!(
            "nothing more is known of {}: {error:#}",
            event.logical_id
        )]
    })
}

async fn of_service(aws: &Aws, id: &str, cluster: Option<&str>) -> anyhow::Result<Vec<String>> {
    let Some((cluster, service)) = service(id, cluster) else {
        return Ok(vec![format!("which cluster {id} is in is not known")]);
    };
    let ecs = Ecs::new(aws.config());
    let (state, stopped) = tokio::try_join!(
        ecs.service(cluster, service),
        ecs.stopped_tasks(cluster, service)
    )?;
    let mut lines = reasons(&stopped);
    let Some(last) = stopped.first() else {
        // Nothing ran at all: only the service itself can say why.
        lines.extend(
            state
                .into_iter()
                .flat_map(|state| state.rollout.into_iter().chain(state.events)),
        );
        return Ok(lines);
    };
    let groups = ecs.log_groups(&last.task_definition).await?;
    lines.extend(last_lines(&Logs::new(aws.config()), groups).await?);
    Ok(lines)
}

/// Each reason once, the newest first, with how often it was met.
fn reasons(stopped: &[StoppedTask]) -> Vec<String> {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for task in stopped {
        match reasons
            .iter_mut()
            .find(|(reason, _)| *reason == task.reason)
        {
            Some((_, count)) => *count += 1,
            None => reasons.push((&task.reason, 1)),
        }
    }
    let words = |(reason, count): (&str, usize)| match count {
        1 => format!("a task stopped: {reason}"),
        count => format!("{count} tasks stopped: {reason}"),
    };
    reasons.into_iter().take(3).map(words).collect()
}

async fn of_agent(aws: &Aws, runtime: &str, endpoint: Option<&str>) -> anyhow::Result<Vec<String>> {
    let control = Control::new(aws.config());
    let state = match endpoint {
        Some(name) => control.endpoint(runtime, name).await?,
        None => control.runtime(runtime).await?,
    };
    let mut lines: Vec<String> = state
        .iter()
        .map(|state| format!("AgentCore says: {}", state.words()))
        .collect();
    let logs = Logs::new(aws.config());
    let groups = logs
        .group_names(&format!("/aws/bedrock-agentcore/runtimes/{runtime}-"))
        .await?;
    lines.extend(last_lines(&logs, groups).await?);
    Ok(lines)
}

/// The last lines of some groups together, waited for a little.
async fn last_lines(logs: &Logs, groups: Vec<String>) -> anyhow::Result<Vec<String>> {
    let since = OffsetDateTime::now_utc() - LOG_SPAN;
    for attempt in 1..=TRIES {
        let mut lines: Vec<LogLine> = Vec::new();
        for group in &groups {
            lines.extend(logs.last_lines(group, LINES_MAX, since).await?);
        }
        if !lines.is_empty() {
            lines.sort_by_key(|line| line.timestamp);
            let first = lines.len().saturating_sub(LINES_MAX);
            let mut told = vec![format!("the last lines of {}:", groups.join(", "))];
            told.extend(
                lines[first..]
                    .iter()
                    .map(|line| format!("  {}", in_short(line))),
            );
            return Ok(told);
        }
        if attempt < TRIES && !groups.is_empty() {
            tokio::time::sleep(WAIT).await;
        }
    }
    Ok(groups
        .iter()
        .map(|group| format!("{group} has no line: the container never got so far"))
        .collect())
}

/// Cluster and service out of an ECS service's ARN: `arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/SERVICE`.
fn service<'a>(id: &'a str, cluster: Option<&'a str>) -> Option<(&'a str, &'a str)> {
    let path = id.split_once(":service/").map_or(id, |(_, path)| path);
    match (path.split_once('/'), cluster) {
        (Some(found), _) => Some(found),
        (None, Some(cluster)) => Some((cluster, path)),
        (None, None) => None,
    }
}

/// Runtime and name out of an endpoint's ARN: `...:runtime/ID/runtime-endpoint/NAME`.
fn endpoint(arn: &str) -> Option<(&str, &str)> {
    arn.split_once(":runtime/")?
        .1
        .split_once("/runtime-endpoint/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_out_of_physical_ids() {
        let arn = "arn:aws:ecs:us-west-2:123456789012:service/cluster-1/turnpike-dev-agent";
        assert_eq!(
            service(arn, None),
            Some(("cluster-1", "turnpike-dev-agent"))
        );
        assert_eq!(
            service("old-style", Some("cluster-2")),
            Some(("cluster-2", "old-style"))
        );
        assert_eq!(service("old-style", None), None);
        let arn = "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/agent-a1/runtime-endpoint/live";
        assert_eq!(endpoint(arn), Some(("agent-a1", "live")));
        assert_eq!(endpoint("live"), None);
    }

    #[test]
    fn a_reason_is_told_once() {
        let task = |reason: &str| StoppedTask {
            id: String::new(),
            stopped_at: String::new(),
            reason: reason.to_owned(),
            task_definition: String::new(),
        };
        let stopped = [
            task("exit code 101"),
            task("exit code 101"),
            task("CannotPullContainerError"),
        ];
        assert_eq!(
            reasons(&stopped),
            [
                "2 tasks stopped: exit code 101",
                "a task stopped: CannotPullContainerError"
            ]
        );
    }
}
