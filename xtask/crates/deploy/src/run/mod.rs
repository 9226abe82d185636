//! A deploy: decide, show, do. The truth is the stacks; nothing is kept of our own.

mod again;
mod builder;
mod carry;
mod confirm;
mod decide;
mod interrupt;
mod job;
mod report;
mod retire;
mod saved;
mod session;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use carry::DeployRun;
use confirm::Consent;
pub use report::Interrupted;
pub use saved::save;
use session::Session;

use crate::preview::{Preview, StackAction};
use crate::smoke;
use cloud::progress::{Event, Place, Reporter, Watching};
use cloud::{Cloud, Condition, DeployLock, Operation, Outputs, condition, lock_lost};
use facts::{Context, Stage};
use stacks::RenderedStack;
use words::error::UserError;

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub struct DeployRequest<'a> {
    /// Only these services; empty means all.
    pub only: &'a [String],
    /// A person has agreed to replacements and deletions beforehand.
    pub yes: bool,
    /// A plan that was saved: exactly that, or nothing.
    pub plan: Option<&'a Path>,
    /// Ask the services something afterwards.
    pub smoke: bool,
}

/// What a deploy came to.
#[derive(Debug)]
pub struct Deployed {
    pub outputs: Outputs,
    pub changed: bool,
    /// False when all stacks are deployed, but a smoke check failed.
    pub healthy: bool,
}

/// Where a deploy happens, and who hears of it.
#[derive(Clone, Copy)]
struct Scene<'a> {
    context: &'a Context,
    stage: &'a Stage,
    cloud: &'a Arc<dyn Cloud>,
    reporter: &'a Reporter,
    consent: &'a Arc<Consent>,
}

/// What a deploy would do, in the cloud's own words where it can be asked. Nothing is left behind unless `keep`.
///
/// # Errors
/// What `check` refuses, what the cloud refuses, and what cannot be built.
pub async fn preview(
    context: &Context,
    stage: &Stage,
    cloud: &Arc<dyn Cloud>,
    only: &[String],
    keep: bool,
    reporter: &Reporter,
) -> anyhow::Result<Preview> {
    let mut session = Session::open(context, stage, cloud, only, reporter).await?;
    let mut preview = session.decide(only).await?;
    session.prepare(&mut preview, reporter).await?;
    if !keep {
        session.discard(&preview).await?;
    }
    Ok(preview)
}

/// Brings the stage to what the repository says.
///
/// # Errors
/// What `check` refuses, what the cloud refuses, what cannot be built, a stack that failed, and a person who says no.
pub async fn deploy(
    context: &Context,
    stage: &Stage,
    cloud: &Arc<dyn Cloud>,
    request: DeployRequest<'_>,
    reporter: &Reporter,
) -> anyhow::Result<Deployed> {
    let yes = request.yes || !cloud.asks_before_loss();
    let consent = &Arc::new(Consent::new(yes, stage, &reporter.out));
    let scene = Scene {
        context,
        stage,
        cloud,
        reporter,
        consent,
    };
    let mut lock = None;
    let result = interrupt::until(
        &consent.interrupt,
        until_done(scene, request, &mut lock),
        |begun| report::interrupted(&**cloud, stage, begun),
    );
    let result = result.await;
    let released = release(&mut lock).await;
    let deployed = result?;
    released?;
    Ok(deployed)
}

/// The whole deploy; `held` has the lock as long as it is ours.
async fn until_done(
    scene: Scene<'_>,
    request: DeployRequest<'_>,
    held: &mut Option<DeployLock>,
) -> anyhow::Result<Deployed> {
    let begun = Instant::now();
    let (cloud, reporter) = (scene.cloud, scene.reporter);
    crate::account::is_named(scene.stage, &cloud.account(), request.yes)?;
    cloud.resume().await?;
    let mut session =
        Session::open(scene.context, scene.stage, cloud, request.only, reporter).await?;
    let saved = request
        .plan
        .map(|path| saved::load(path, &scene.stage.name))
        .transpose()?;
    let mut preview = session.decide(request.only).await?;
    if let (Some(saved), Some(path)) = (saved.clone(), request.plan) {
        saved::adopt(saved, &mut preview, path)?;
    }
    let mut changed = false;
    if preview.changes_anything() || session.anything_runs() {
        let shown = !cloud.can_lock(&session.outputs());
        if shown {
            // The lock lies in a stack, so that one comes first. The cloud itself lets nobody else in.
            first(&mut session, &preview, scene).await?;
        }
        let lock = cloud.lock(&session.outputs(), reporter).await?;
        let lost = held.insert(lock).lost();
        let work = locked(&mut session, request, preview, shown, saved, scene);
        let result = tokio::select! {
            result = work => result,
            () = lost.cancelled() => Err(lock_lost(scene.stage)),
        };
        let released = release(held).await;
        changed = result?;
        released?;
        session.look().await?;
    } else {
        session.settle(&preview.unchanged()).await?;
    }
    session.protect().await?;
    let outputs = session.outputs();
    cloud.finish(request.only.is_empty(), &outputs).await?;
    let asks = request.smoke && (changed || cloud.checks_unchanged());
    let healthy = !asks || smoke::passes(&**cloud, &outputs, reporter).await;
    reporter.report(&Event::Done {
        changed,
        seconds: begun.elapsed().as_secs_f64(),
        outputs: &outputs,
    });
    Ok(Deployed {
        outputs,
        changed,
        healthy,
    })
}

async fn release(held: &mut Option<DeployLock>) -> anyhow::Result<()> {
    match held.take() {
        Some(lock) => lock.release().await,
        None => Ok(()),
    }
}

/// The stacks that need no other, that of artifacts among them, while the programs compile.
async fn first(session: &mut Session, preview: &Preview, scene: Scene<'_>) -> anyhow::Result<()> {
    let (reporter, consent) = (scene.reporter, scene.consent);
    report::plan(reporter, preview);
    consent.ask_all(&preview.losses()).await?;
    let builder = session.builder.clone();
    // Whether it compiles is told when its result is asked for.
    let compiling = tokio::spawn(async move { builder.compile().await });
    let alone =
        |stack: &&RenderedStack| stack.plan.after.is_empty() && stack.plan.inputs.is_empty();
    let roots = session.rendered.iter().filter(alone);
    let roots: Vec<String> = roots.map(|stack| stack.plan.owner.clone()).collect();
    let mut begun = preview.clone();
    begun.stacks.retain(|stack| roots.contains(&stack.owner));
    let later = preview
        .stacks
        .iter()
        .filter(|stack| stack.action != StackAction::Nothing && !roots.contains(&stack.owner));
    let later = later.map(|stack| stack.owner.clone());
    consent.interrupt.begin();
    session.cloud.begin().await?;
    let _watching = watch(session, &roots, reporter);
    let run = run(session, scene);
    let mut outcome = carry::carry_out(&run, begun, &session.rendered).await?;
    outcome.skipped.extend(later);
    report::outcome(reporter, &session.stage, outcome)?;
    drop(compiling);
    session.look().await
}

/// Everything that must not be done by two at once. `shown` says that a person has seen the preview already.
async fn locked(
    session: &mut Session,
    request: DeployRequest<'_>,
    mut preview: Preview,
    shown: bool,
    saved: Option<Preview>,
    scene: Scene<'_>,
) -> anyhow::Result<bool> {
    let (reporter, consent) = (scene.reporter, scene.consent);
    session.look().await?;
    let _watching = watch(session, request.only, reporter);
    if session.anything_runs() {
        consent.interrupt.begin();
    }
    session.attach(reporter).await?;
    if session.has_moved_since(&preview) {
        preview = session.decide(request.only).await?;
        if let (Some(saved), Some(path)) = (saved, request.plan) {
            saved::adopt(saved, &mut preview, path)?;
        }
    }
    if request.plan.is_none() {
        session.prepare(&mut preview, reporter).await?;
    }
    if !preview.changes_anything() {
        session.settle(&preview.unchanged()).await?;
        return Ok(false);
    }
    if !shown {
        report::plan(reporter, &preview);
    }
    if let Err(refusal) = consent.ask_all(&preview.losses()).await {
        session.discard(&preview).await?;
        return Err(refusal);
    }
    if session.builds(&preview) {
        // What does not compile changes nothing.
        session.builder.compile().await?;
    }
    consent.interrupt.begin();
    session.cloud.begin().await?;
    let unchanged = preview.unchanged();
    let run = run(session, scene);
    let outcome = carry::carry_out(&run, preview, &session.rendered).await?;
    report::outcome(reporter, &session.stage, outcome)?;
    session.settle(&unchanged).await?;
    Ok(true)
}

/// Shows where the stacks of this deploy are.
fn watch(session: &Session, only: &[String], reporter: &Reporter) -> Watching {
    let stacks = stacks::chosen(&session.rendered, only);
    let place = |stack: &RenderedStack| Place {
        name: stack.plan.name.clone(),
        owner: stack.plan.owner.clone(),
        after: stack.plan.after.clone(),
    };
    reporter.watch(stacks.map(place).collect())
}

fn run(session: &Session, scene: Scene<'_>) -> DeployRun {
    DeployRun {
        cloud: session.cloud.clone(),
        builder: session.builder.clone(),
        reporter: scene.reporter.clone(),
        consent: scene.consent.clone(),
        stage: session.stage.clone(),
        deployed: Arc::new(session.deployed.clone()),
    }
}

/// Cancels the updates that run on the stage. A stack that is being created cannot be cancelled, only deleted.
///
/// # Errors
/// What `check` refuses, and what the cloud refuses.
pub async fn cancel(
    context: &Context,
    stage: &Stage,
    cloud: &Arc<dyn Cloud>,
    reporter: &Reporter,
) -> anyhow::Result<()> {
    if !cloud.cancels_updates() {
        let problem = format!("the stage {} has no updates to cancel", stage.name);
        let hint = "a stack that fails there goes back by itself; --cancel is for stages on AWS";
        return Err(UserError::new(problem).hint(hint).into());
    }
    let mut session = Session::open(context, stage, cloud, &[], reporter).await?;
    let mut cancelled = false;
    for stack in session.deployed.values() {
        match condition(&stack.status) {
            Condition::InProgress(Operation::Update) => {
                cloud.cancel(stack).await?;
                reporter.out.step("cancelled", &stack.name);
                cancelled = true;
            }
            Condition::InProgress(operation) => {
                let words = operation.words();
                reporter.out.note(&format!(
                    "{} {words}; only an update can be cancelled",
                    stack.name
                ));
            }
            _ => {}
        }
    }
    if !cancelled {
        reporter.out.note("no update runs on this stage");
    }
    session.attach(reporter).await
}
