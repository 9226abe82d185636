use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::deploy::welcome;
use super::logs;
use crate::clouds;
use cloud::progress::Reporter;
use deploy::{DeployRequest, Deployed, DestroyRequest};
use facts::Context;
use facts::{CloudKind, Stage};
use local_cloud::LocalCloud;
use words::error::UserError;

/// Run the local stage, rebuild and restart what changes, and show the logs, until Ctrl-C
///
/// Ctrl-C stops what this command started; what ran before goes on running.
#[derive(Debug, Args)]
#[command(after_help = concat!("Source: ", file!()))]
pub(crate) struct Dev {
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
}

impl Dev {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        if stage.cloud != CloudKind::Local {
            let problem = format!(
                "`dev` rebuilds on this machine, and the stage {} is on AWS",
                stage.name
            );
            let hint = "leave --stage away; for AWS there are `deploy` and `logs --follow`";
            return Err(UserError::new(problem).hint(hint).into());
        }
        let folder = local_cloud::stage_folder(context, stage);
        let ran_before = LocalCloud::connect(&folder).await?.is_some();
        let (watcher, mut changes) = watch(&context.repo.root)?;
        tokio::select! {
            // A deploy hears the same Ctrl-C, and would only say that it stops waiting.
            biased;
            signal = tokio::signal::ctrl_c() => signal.context("cannot wait for Ctrl-C")?,
            result = rebuild_forever(context, stage, &mut changes) => result?,
        }
        drop(watcher);
        match LocalCloud::connect(&folder).await? {
            Some(_) if !ran_before => stop(context, stage).await?,
            _ => context
                .out
                .note("still running, as before; to stop it: cargo xtask destroy"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn rebuild_forever(
    context: &Context,
    stage: &Stage,
    changes: &mut mpsc::Receiver<()>,
) -> anyhow::Result<()> {
    let reporter = Reporter::new(&context.out, false);
    let mut first = true;
    loop {
        // The manifests are facts too: they are read again, and a mistake in them is shown like one in the code.
        let result = match Context::load(context.out.clone()) {
            Ok(fresh) => match fresh.stage(&stage.name) {
                Ok(stage) => rebuild(&fresh, stage, &reporter).await,
                Err(error) => Err(error.into()),
            },
            Err(error) => Err(error),
        };
        match result {
            Ok(deployed) if std::mem::take(&mut first) => {
                welcome(context, stage, &deployed.outputs)
            }
            Ok(_) => {}
            Err(error) => {
                words::error::report(&error, &context.out);
                context
                    .out
                    .note("what ran before goes on running; save a file to try again");
            }
        }
        tokio::select! {
            result = logs::follow(context, stage) => result?,
            _ = changes.recv() => {}
        }
        // An editor saves in several steps, and a checkout changes many files.
        while tokio::time::timeout(Duration::from_millis(150), changes.recv())
            .await
            .is_ok()
        {}
    }
}

async fn rebuild(
    context: &Context,
    stage: &Stage,
    reporter: &Reporter,
) -> anyhow::Result<Deployed> {
    let cloud = clouds::connect(context, stage).await?;
    let request = DeployRequest {
        only: &[],
        yes: true,
        plan: None,
        smoke: false,
    };
    deploy::deploy(context, stage, &cloud, request, reporter).await
}

/// At the end, what was done at the start.
async fn stop(context: &Context, stage: &Stage) -> anyhow::Result<()> {
    let cloud = clouds::connect(context, stage).await?;
    let request = DestroyRequest {
        yes: true,
        json: false,
        forget: false,
    };
    deploy::destroy(context, stage, &cloud, request).await
}

/// One message per burst of changes to what a deploy reads.
fn watch(root: &Path) -> anyhow::Result<(notify::RecommendedWatcher, mpsc::Receiver<()>)> {
    let (sender, changes) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // A full channel already says that something changed.
            sender.try_send(()).ok();
        }
    })
    .context("cannot watch files")?;
    for (path, mode) in [
        ("services", RecursiveMode::Recursive),
        ("templates", RecursiveMode::Recursive),
        ("Cargo.toml", RecursiveMode::NonRecursive),
    ] {
        watcher
            .watch(&root.join(path), mode)
            .with_context(|| format!("cannot watch {path}"))?;
    }
    Ok((watcher, changes))
}
