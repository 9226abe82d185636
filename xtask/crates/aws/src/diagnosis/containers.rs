//! The containers of a stack's services: which of them stopped since the change began, why, and what the last one said.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{TRIES, WAIT, look_up, words};
use crate::Aws;
use crate::cloudformation::StackEvent;
use crate::ecs::{Ecs, StoppedTask};
use crate::logs::{Group, Logs};
use cloud::LogLine;

/// How often they are looked at: soon, since a rollback can be quick and takes the log along, and then ever less, since most
/// deploys go well. The wait is an eighth of what has passed. ECS refuses more than tens of these requests a second, and says how
/// many: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>.
const LOOK_FIRST: Duration = Duration::from_secs(1);
const LOOK_LONGEST: Duration = Duration::from_secs(10);

/// Two services tell the time, and one of them perhaps in whole seconds.
const SLACK: time::Duration = time::Duration::seconds(1);
/// A load balancer's verdict on a task.
const BALANCER: &str = "ELB health checks";

#[derive(Debug, Clone)]
pub(super) struct Containers {
    ecs: Ecs,
    logs: Logs,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) cluster: Option<String>,
    /// Cluster and name of a service whose ARN is known.
    pub(super) service: Option<(String, String)>,
    /// Tasks that had stopped by then are somebody else's failure.
    pub(super) since: Option<OffsetDateTime>,
    /// The last one first.
    pub(super) stopped: Vec<StoppedTask>,
    /// What ECS itself says of a service.
    pub(super) remarks: Vec<String>,
    pub(super) log: Option<(Vec<Group>, Vec<LogLine>)>,
    pub(super) trouble: Option<String>,
}

impl Containers {
    pub(super) fn new(aws: &Aws, cluster: Option<String>) -> Self {
        let seen = Seen {
            cluster,
            ..Seen::default()
        };
        Self {
            ecs: Ecs::new(aws.config()),
            logs: Logs::new(aws.config()),
            seen: Arc::new(Mutex::new(seen)),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A cluster of the stack's own is where its service will be.
    pub(super) fn note(&self, event: &StackEvent) {
        if event.resource_type == "AWS::ECS::Cluster" && event.physical_id.is_some() {
            self.seen().cluster.clone_from(&event.physical_id);
        }
    }

    /// A service is being made or changed.
    pub(super) fn begin(&self, event: &StackEvent) {
        let mut seen = self.seen();
        let found = event
            .physical_id
            .as_deref()
            .and_then(|id| words::service(id, seen.cluster.as_deref()));
        if let Some((cluster, name)) = found {
            seen.service = Some((cluster.to_owned(), name.to_owned()));
        }
        if seen.since.is_none() {
            seen.since = OffsetDateTime::parse(&event.at, &Rfc3339).ok();
        }
    }

    /// Looks again and again, without end.
    pub(super) async fn watch(&self) {
        let begun = Instant::now();
        loop {
            tokio::time::sleep((begun.elapsed() / 8).clamp(LOOK_FIRST, LOOK_LONGEST)).await;
            // What cannot be asked now can be asked the next time; the deploy itself goes on.
            drop(self.look().await);
        }
    }

    /// Looks until the last container's words have arrived, or are not to be expected any more.
    pub(super) async fn look_closely(&self) {
        for attempt in 1..=TRIES {
            let looked = self.look().await;
            let trouble = looked
                .err()
                .map(|error| words::unknown("the service", &error));
            self.seen().trouble = trouble;
            if attempt == TRIES || self.is_all_said() {
                return;
            }
            tokio::time::sleep(WAIT).await;
        }
    }

    fn is_all_said(&self) -> bool {
        let seen = self.seen();
        let speaks = seen.stopped.iter().any(|task| task.ran);
        seen.log.is_some() || (!speaks && !seen.stopped.is_empty())
    }

    async fn look(&self) -> anyhow::Result<()> {
        for (cluster, service) in self.services().await? {
            let stopped = self.ecs.stopped_tasks(&cluster, &service).await?;
            let stopped: Vec<StoppedTask> = {
                let since = self.seen().since;
                stopped
                    .into_iter()
                    .filter(|task| is_ours(task, since))
                    .collect()
            };
            if stopped.is_empty() {
                self.ask_service(&cluster, &service).await?;
                continue;
            }
            // Why a balancer found a target sick is known to the service alone.
            if stopped[0].reason.contains(BALANCER) {
                self.ask_service(&cluster, &service).await?;
            }
            let last = stopped.iter().find(|task| task.ran).cloned();
            // What has gone by now must not replace what was seen of it.
            self.seen().stopped = stopped;
            if let Some(last) = last {
                self.read(&last).await?;
            }
        }
        Ok(())
    }

    /// Where to look: the service itself once its ARN is known, or whatever is in the stack's cluster.
    async fn services(&self) -> anyhow::Result<Vec<(String, String)>> {
        let (service, cluster) = {
            let seen = self.seen();
            (seen.service.clone(), seen.cluster.clone())
        };
        if let Some(service) = service {
            return Ok(vec![service]);
        }
        let Some(cluster) = cluster else {
            return Ok(Vec::new());
        };
        let arns = self.ecs.services(&cluster).await?;
        let found = arns
            .iter()
            .filter_map(|arn| words::service(arn, Some(&cluster)));
        Ok(found
            .map(|(cluster, name)| (cluster.to_owned(), name.to_owned()))
            .collect())
    }

    /// What only the service can say: why it is not steady although no task has stopped.
    async fn ask_service(&self, cluster: &str, service: &str) -> anyhow::Result<()> {
        if let Some(state) = self.ecs.service(cluster, service).await? {
            let remarks = state.rollout.into_iter().chain(state.events);
            self.seen().remarks = remarks.collect();
        }
        Ok(())
    }

    async fn read(&self, task: &StoppedTask) -> anyhow::Result<()> {
        let groups = self.ecs.log_streams(task).await?;
        let lines = look_up(&self.logs, &groups).await?;
        if !lines.is_empty() {
            self.seen().log = Some((groups, lines));
        }
        Ok(())
    }

    pub(super) fn words(&self) -> Vec<String> {
        words::containers(&self.seen())
    }
}

/// True for what stopped in this change and was not merely making room for its successor.
fn is_ours(task: &StoppedTask, since: Option<OffsetDateTime>) -> bool {
    let stopped_at = OffsetDateTime::parse(&task.stopped_at, &Rfc3339).ok();
    let earlier = stopped_at
        .zip(since)
        .is_some_and(|(stopped_at, since)| stopped_at < since - SLACK);
    !earlier && !task.was_wanted
}
