//! One run of a process, from its start to its end.

use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::launcher::Launcher;
use super::supervised::{Phase, Shared};
use super::{health, log_file};
use crate::http_client::Client;
use crate::resources::ProcessPlan;

/// How often a running process is asked whether it is still well, and how often it may fail.
const CHECK_EVERY: Duration = Duration::from_secs(10);
const CHECKS_FAILED_MAX: u32 = 3;

/// How one run of the process came to its end.
pub(super) enum Life {
    Stopped,
    Ended {
        healthy_for: Option<Duration>,
        how: String,
    },
}

/// Starts the process, waits until it is healthy, and stays until it ends or is stopped.
pub(super) async fn live(
    shared: &Shared,
    launcher: &Launcher,
    client: &Client,
    stop: &CancellationToken,
) -> Life {
    let plan = &shared.plan;
    let unstarted = |error: anyhow::Error| Life::Ended {
        healthy_for: None,
        how: format!("{} cannot start: {error:#}", plan.name),
    };
    let port = match launcher.ports.take() {
        Ok(port) => port,
        Err(error) => return unstarted(error),
    };
    let log = launcher.folder.log(&plan.owner);
    let log_start = log_file::length(&log);
    let started = launcher
        .environment(plan, &[("PORT".to_owned(), port.to_string())])
        .and_then(|environment| Ok((launcher.start(plan, &environment)?, environment)));
    let (child, environment) = match started {
        Ok(started) => started,
        Err(error) => return unstarted(error),
    };
    shared.set(|status| {
        status.pid = Some(child.id());
        status.started_at = Some(OffsetDateTime::now_utc());
    });
    let problem = tokio::select! {
        ready = health::ready(client, plan, &environment, port) => ready.err(),
        exit = child.wait() => Some(exit),
        () = stop.cancelled() => {
            child.end().await;
            return Life::Stopped;
        }
    };
    if let Some(problem) = problem {
        child.end().await;
        let how = format!(
            "{} did not become healthy: {problem}{}",
            plan.name,
            log_file::tail_since(&log, log_start)
        );
        return Life::Ended {
            healthy_for: None,
            how,
        };
    }
    let healthy_since = Instant::now();
    shared.target.send_replace(Some(health::address(port)));
    shared.set(|status| status.phase = Phase::Running);
    let how = tokio::select! {
        exit = child.wait() => exit,
        problem = sickness(client, plan, port) => {
            shared.target.send_replace(None);
            child.end().await;
            problem
        }
        () = stop.cancelled() => {
            shared.target.send_replace(None);
            child.end().await;
            return Life::Stopped;
        }
    };
    Life::Ended {
        healthy_for: Some(healthy_since.elapsed()),
        how,
    }
}

/// Returns when a running process has failed its health check several times in a row.
async fn sickness(client: &Client, plan: &ProcessPlan, port: u16) -> String {
    let mut failed = 0;
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        match health::answers(client, &plan.health, port).await {
            Ok(()) => failed = 0,
            Err(problem) => {
                failed += 1;
                if failed >= CHECKS_FAILED_MAX {
                    return format!("unhealthy: {problem}");
                }
            }
        }
    }
}
