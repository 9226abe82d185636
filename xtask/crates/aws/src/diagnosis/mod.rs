//! Why a resource does not come to be, asked of the services behind it while it fails: a rollback takes the evidence away.

mod agents;
mod containers;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::{JoinHandle, JoinSet};

use crate::Aws;
use crate::cloudformation::{StackEvent, StackFailure};
use crate::logs::{Group, Logs};
use cloud::LogLine;
use containers::Containers;

const SERVICE: &str = "AWS::ECS::Service";
const FUNCTION: &str = "AWS::Lambda::Function";
const RUNTIME: &str = "AWS::BedrockAgentCore::Runtime";
const ENDPOINT: &str = "AWS::BedrockAgentCore::RuntimeEndpoint";

/// What fits on a screen beside the reason itself.
const LINES_MAX: usize = 8;
/// How far back a log is read. A task that never becomes healthy is given up after some ten minutes.
const LOG_SPAN: time::Duration = time::Duration::minutes(15);
/// Lines arrive some seconds after they were written, and a container that crashed wrote its last ones just now.
const TRIES: u32 = 4;
const WAIT: Duration = Duration::from_secs(2);

/// Looks at a stack while it is being changed. CloudFormation says that a service failed when ECS has tried for minutes, and by
/// then the rollback may have taken cluster and logs away; so containers are looked at from the moment their service is begun.
#[derive(Debug)]
pub(crate) struct FailureProbe {
    aws: Aws,
    containers: Containers,
    /// Of the stack's own runtime: an endpoint that fails has no id of its own yet.
    runtime: Option<String>,
    /// Looks at containers again and again, and ends with the probe.
    looking: JoinSet<()>,
    /// What the first failing resource's own service says.
    asked: Option<JoinHandle<Vec<String>>>,
}

impl FailureProbe {
    /// `outputs` are those of the stack as it stands, if it does.
    pub(crate) fn new(aws: &Aws, outputs: Option<&BTreeMap<String, String>>) -> Self {
        let output = |key: &str| outputs.and_then(|outputs| outputs.get(key).cloned());
        Self {
            aws: aws.clone(),
            containers: Containers::new(aws, output("ClusterName")),
            runtime: output("RuntimeId"),
            looking: JoinSet::new(),
            asked: None,
        }
    }

    /// Takes in what happened to the stack. What fails after the first failure is mostly its consequence, and not asked about.
    pub(crate) fn observe(&mut self, event: &StackEvent) {
        match event.resource_type.as_str() {
            RUNTIME if event.physical_id.is_some() => {
                self.runtime.clone_from(&event.physical_id);
            }
            SERVICE if is_begun(&event.status) => {
                self.containers.begin(event);
                if self.looking.is_empty() {
                    let containers = self.containers.clone();
                    self.looking.spawn(async move { containers.watch().await });
                }
            }
            _ => self.containers.note(event),
        }
        if self.asked.is_none() && event.is_cause() {
            let asking = ask(
                self.aws.clone(),
                self.containers.clone(),
                self.runtime.clone(),
                event.clone(),
            );
            self.asked = Some(tokio::spawn(asking));
        }
    }

    /// What was found out about a failure, in lines for a person; nothing about a resource that has no more to say.
    pub(crate) async fn findings(mut self, failure: &StackFailure) -> Vec<String> {
        self.looking.abort_all();
        let told = match self.asked.take() {
            Some(asked) => asked.await.unwrap_or_default(),
            None => Vec::new(),
        };
        match failure.resource_type.as_str() {
            SERVICE => self.containers.words(),
            _ => told,
        }
    }
}

fn is_begun(status: &str) -> bool {
    matches!(status, "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS")
}

/// What cannot be asked is a line as well: an error here must not hide the one that is looked for.
async fn ask(
    aws: Aws,
    containers: Containers,
    runtime: Option<String>,
    event: StackEvent,
) -> Vec<String> {
    let found = match (event.resource_type.as_str(), event.physical_id.as_deref()) {
        (SERVICE, _) => {
            containers.begin(&event);
            containers.look_closely().await;
            Ok(Vec::new())
        }
        (FUNCTION, Some(id)) => {
            last_lines(
                &Logs::new(aws.config()),
                &[group(format!("/aws/lambda/{id}"))],
            )
            .await
        }
        (RUNTIME, Some(id)) => agents::ask(&aws, id, None).await,
        (ENDPOINT, id) => match (id.and_then(words::endpoint), runtime) {
            (Some((runtime, name)), _) => agents::ask(&aws, runtime, Some(name)).await,
            (None, Some(runtime)) => agents::ask(&aws, &runtime, None).await,
            (None, None) => Ok(Vec::new()),
        },
        _ => Ok(Vec::new()),
    };
    found.unwrap_or_else(|error| vec![words::unknown(&event.logical_id, &error)])
}

fn group(name: String) -> Group {
    Group {
        owner: String::new(),
        name,
        stream: None,
    }
}

/// The last lines of some groups together, waited for a little.
async fn last_lines(logs: &Logs, groups: &[Group]) -> anyhow::Result<Vec<String>> {
    for attempt in 1..=TRIES {
        let lines = look_up(logs, groups).await?;
        if !lines.is_empty() {
            return Ok(words::log(groups, &lines));
        }
        if attempt < TRIES && !groups.is_empty() {
            tokio::time::sleep(WAIT).await;
        }
    }
    Ok(words::silent(groups))
}

async fn look_up(logs: &Logs, groups: &[Group]) -> anyhow::Result<Vec<LogLine>> {
    let since = OffsetDateTime::now_utc() - LOG_SPAN;
    let mut lines = Vec::new();
    for group in groups {
        lines.extend(logs.last_lines(group, LINES_MAX, since).await?);
    }
    lines.sort_by_key(|line| line.timestamp);
    lines.drain(..lines.len().saturating_sub(LINES_MAX));
    Ok(lines)
}
