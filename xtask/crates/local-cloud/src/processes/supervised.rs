//! Keeps one process running: starts it, waits until it is healthy, starts it again when it ends, ever more slowly.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::launcher::Launcher;
use super::life::{Life, live};
use super::log_file;
use crate::http_client::Client;
use crate::resources::ProcessPlan;
use cloud::ProcessState;

const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// After this long in health, the next failure counts as the first.
const STEADY: Duration = Duration::from_secs(60);

/// What to do when the very first start fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstFailure {
    /// A deploy: tell, and leave it.
    GiveUp,
    /// After a restart of the supervisor: it ran before, so it may again.
    Retry,
}

/// A process that is kept running until [`SupervisedProcess::stop`].
#[derive(Debug)]
pub(crate) struct SupervisedProcess {
    shared: Arc<Shared>,
    run: Mutex<Option<Run>>,
}

#[derive(Debug)]
struct Run {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// What the task that supervises a process and its handle both look at.
#[derive(Debug)]
pub(super) struct Shared {
    pub plan: ProcessPlan,
    status: watch::Sender<Status>,
    pub target: watch::Sender<Option<SocketAddr>>,
    hurry: Notify,
}

#[derive(Debug, Clone)]
pub(super) struct Status {
    pub phase: Phase,
    pub pid: Option<u32>,
    restarts: u32,
    pub started_at: Option<OffsetDateTime>,
    last_exit: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    Starting,
    Running,
    Restarting { at: Instant },
    Failed(String),
    Stopped,
}

impl SupervisedProcess {
    pub(crate) fn start(
        launcher: Launcher,
        client: Client,
        plan: ProcessPlan,
        first: FirstFailure,
    ) -> Self {
        let status = Status {
            phase: Phase::Starting,
            pid: None,
            restarts: 0,
            started_at: None,
            last_exit: None,
        };
        let shared = Shared {
            plan,
            status: watch::Sender::new(status),
            target: watch::Sender::new(None),
            hurry: Notify::new(),
        };
        let supervised = Self {
            shared: Arc::new(shared),
            run: Mutex::new(None),
        };
        supervised.start_again(launcher, client, first);
        supervised
    }

    /// Starts a process that was stopped.
    pub(crate) fn start_again(&self, launcher: Launcher, client: Client, first: FirstFailure) {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if run.is_none() {
            self.shared.set(|status| status.phase = Phase::Starting);
            let stop = CancellationToken::new();
            let task = tokio::spawn(keep(
                self.shared.clone(),
                launcher,
                client,
                stop.clone(),
                first,
            ));
            *run = Some(Run { stop, task });
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.run
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }

    pub(crate) fn plan(&self) -> &ProcessPlan {
        &self.shared.plan
    }

    /// Where the process answers; `None` while it does not.
    pub(crate) fn target(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.shared.target.subscribe()
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.shared.status.borrow().phase == Phase::Running
    }

    /// Waits until the process is healthy. One that waits for its next start is started now.
    pub(crate) async fn healthy(&self, patience: Duration) -> anyhow::Result<()> {
        self.shared.hurry.notify_waiters();
        let mut status = self.shared.status.subscribe();
        let waiting = status.wait_for(|status| {
            matches!(
                status.phase,
                Phase::Running | Phase::Failed(_) | Phase::Stopped
            )
        });
        let phase = match tokio::time::timeout(patience, waiting).await {
            Ok(Ok(status)) => status.phase.clone(),
            Ok(Err(_)) => Phase::Stopped,
            Err(_) => {
                let status = self.shared.status.borrow().clone();
                let exit = status
                    .last_exit
                    .map(|exit| format!("; it last ended with {exit}"))
                    .unwrap_or_default();
                anyhow::bail!(
                    "{} is not healthy after {} s{exit}",
                    self.shared.plan.name,
                    patience.as_secs()
                )
            }
        };
        match phase {
            Phase::Running => Ok(()),
            Phase::Failed(problem) => anyhow::bail!("{problem}"),
            _ => anyhow::bail!("{} was stopped", self.shared.plan.name),
        }
    }

    /// Stops the process for good; returns when it has gone.
    pub(crate) async fn stop(&self) {
        let run = self
            .run
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(run) = run {
            run.stop.cancel();
            // The task ends only once its process has; that it panicked changes nothing here.
            drop(run.task.await);
        }
    }

    pub(crate) fn state(&self) -> ProcessState {
        let status = self.shared.status.borrow().clone();
        let state = match &status.phase {
            Phase::Starting => "starting".to_owned(),
            Phase::Running => "running".to_owned(),
            Phase::Restarting { at } => {
                format!(
                    "restarting in {} s",
                    at.saturating_duration_since(Instant::now())
                        .as_secs_f32()
                        .ceil()
                )
            }
            Phase::Failed(problem) => {
                format!("failed: {}", problem.lines().next().unwrap_or_default())
            }
            Phase::Stopped => "stopped".to_owned(),
        };
        ProcessState {
            name: self.shared.plan.name.clone(),
            pid: status.pid,
            state,
            restarts: status.restarts,
            started_at: status.started_at.and_then(|at| at.format(&Rfc3339).ok()),
            last_exit: status.last_exit,
        }
    }
}

async fn keep(
    shared: Arc<Shared>,
    launcher: Launcher,
    client: Client,
    stop: CancellationToken,
    first: FirstFailure,
) {
    let mut pause = PAUSE_MIN;
    let mut give_up = first == FirstFailure::GiveUp;
    loop {
        shared.set(|status| status.phase = Phase::Starting);
        let begun = Instant::now();
        let life = live(&shared, &launcher, &client, &stop).await;
        shared.target.send_replace(None);
        let (healthy_for, problem) = match life {
            Life::Stopped => break,
            Life::Ended { healthy_for, how } => (healthy_for, how),
        };
        shared.set(|status| {
            status.pid = None;
            status.last_exit = Some(problem.lines().next().unwrap_or_default().to_owned());
        });
        if give_up && healthy_for.is_none() {
            shared.set(|status| status.phase = Phase::Failed(problem));
            return;
        }
        give_up = false;
        if healthy_for.is_some_and(|lasted| lasted >= STEADY) {
            pause = PAUSE_MIN;
        }
        tell(&launcher, &shared, &problem, begun.elapsed(), pause);
        shared.set(|status| {
            status.restarts += 1;
            status.phase = Phase::Restarting {
                at: Instant::now() + pause,
            };
        });
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSE_MAX),
            () = shared.hurry.notified() => {}
            () = stop.cancelled() => break,
        }
    }
    shared.set(|status| {
        status.pid = None;
        status.phase = Phase::Stopped;
    });
}

impl Shared {
    pub(super) fn set(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(change);
    }
}

fn tell(launcher: &Launcher, shared: &Shared, problem: &str, lasted: Duration, pause: Duration) {
    let fields = [
        ("service", shared.plan.name.clone()),
        (
            "ended",
            problem.lines().next().unwrap_or_default().to_owned(),
        ),
        ("lasted_seconds", lasted.as_secs().to_string()),
        ("restart_in_ms", pause.as_millis().to_string()),
    ];
    log_file::note(
        &launcher.folder,
        "WARN",
        "a process ended and is started again",
        &fields,
    );
}
