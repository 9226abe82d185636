//! Instances of a Lambda function: how they are started, and a trial that finds a broken `bootstrap` at deploy.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::child::Child;
use super::launcher::Launcher;
use super::log_file;
use crate::aws::{Instance, StartInstance};
use crate::resources::FunctionPlan;
use cloud::ProcessState;

/// Starts instances of one version of a function, and knows those that run.
#[derive(Debug)]
pub(crate) struct FunctionStarter {
    plan: FunctionPlan,
    launcher: Launcher,
    children: Mutex<Vec<Child>>,
    started: Mutex<u32>,
}

impl FunctionStarter {
    pub(crate) fn new(plan: FunctionPlan, launcher: Launcher) -> Arc<Self> {
        Arc::new(Self {
            plan,
            launcher,
            children: Mutex::default(),
            started: Mutex::new(0),
        })
    }

    pub(crate) fn plan(&self) -> &FunctionPlan {
        &self.plan
    }

    fn spawn(&self, environment: &[(String, String)]) -> anyhow::Result<Child> {
        let environment = self.launcher.environment(&self.plan.process, environment)?;
        self.launcher.start(&self.plan.process, &environment)
    }

    /// Starts one instance against a Runtime API of its own and waits until it asks for its first event. Then the
    /// instance ends: the ones that serve are started by the local AWS.
    pub(crate) async fn trial(&self) -> anyhow::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no port for the function's trial")?;
        let address = listener
            .local_addr()
            .context("no address for the function's trial")?;
        let (sender, mut first_word) = mpsc::channel(4);
        let server = tokio::spawn(async move { axum::serve(listener, trial_router(sender)).await });
        let log = self.launcher.folder.log(&self.plan.process.owner);
        let log_start = log_file::length(&log);
        let result = match self.spawn(&trial_environment(address, &self.plan)) {
            Err(error) => Err(format!("{error:#}")),
            Ok(child) => {
                let limit =
                    Duration::from_secs(u64::from(self.plan.process.health.timeout_seconds));
                let outcome = tokio::select! {
                    word = first_word.recv() => word.unwrap_or_else(|| Err("the trial ended early".to_owned())),
                    exit = child.wait() => Err(exit),
                    () = tokio::time::sleep(limit) => Err(format!("it did not ask for its first event within {} s", limit.as_secs())),
                };
                child.end().await;
                outcome
            }
        };
        server.abort();
        result.map_err(|problem| {
            anyhow::anyhow!(
                "the function {} does not start: {problem}{}",
                self.plan.name,
                log_file::tail_since(&log, log_start)
            )
        })
    }

    /// The instances that run now; one idle entry when none does.
    pub(crate) fn states(&self) -> Vec<ProcessState> {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain(Child::is_running);
        let started = *self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let state = |pid: Option<u32>, state: &str, name: String| ProcessState {
            name,
            pid,
            state: state.to_owned(),
            restarts: started.saturating_sub(u32::try_from(children.len()).unwrap_or(u32::MAX)),
            started_at: None,
            last_exit: None,
        };
        match children.as_slice() {
            [] => vec![state(None, "idle", self.plan.process.name.clone())],
            running => running
                .iter()
                .enumerate()
                .map(|(index, child)| {
                    state(
                        Some(child.id()),
                        "running",
                        instance_name(&self.plan.process.name, index),
                    )
                })
                .collect(),
        }
    }
}

fn instance_name(name: &str, index: usize) -> String {
    if index == 0 {
        name.to_owned()
    } else {
        format!("{name}/{}", index + 1)
    }
}

impl StartInstance for FunctionStarter {
    fn start(
        &self,
        _runtime_api: SocketAddr,
        environment: Vec<(String, String)>,
    ) -> BoxFuture<'_, anyhow::Result<Box<dyn Instance>>> {
        Box::pin(async move {
            let child = self.spawn(&environment)?;
            self.children
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(child.clone());
            *self.started.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            let instance: Box<dyn Instance> = Box::new(child);
            Ok(instance)
        })
    }
}

/// What Lambda sets for every instance.
fn trial_environment(runtime_api: SocketAddr, plan: &FunctionPlan) -> Vec<(String, String)> {
    [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", plan.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            plan.memory_mib.to_string(),
        ),
        (
            "AWS_LAMBDA_LOG_GROUP_NAME",
            format!("/aws/lambda/{}", plan.name),
        ),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "trial".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// The part of the Runtime API that an instance meets first: it asks for an event, or says why it can't start.
fn trial_router(sender: mpsc::Sender<Result<(), String>>) -> Router {
    let asked = sender.clone();
    Router::new()
        .route(
            "/{version}/runtime/invocation/next",
            get(move |Path(_): Path<String>| async move {
                // Only the first word counts, and the channel has room for it.
                drop(asked.try_send(Ok(())));
                std::future::pending::<()>().await;
            }),
        )
        .route(
            "/{version}/runtime/init/error",
            post(move |Path(_): Path<String>, body: String| async move {
                drop(sender.try_send(Err(format!("it reports {body}"))));
                axum::http::StatusCode::ACCEPTED
            }),
        )
}
