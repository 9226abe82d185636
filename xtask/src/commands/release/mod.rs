//! A deploy to CloudFormation: decide, show, do. The truth is the stacks; nothing is kept of our own.

mod carry;
mod confirm;
mod decide;
mod interrupt;
mod job;
mod report;
mod retire;
mod saved;
mod session;
mod workshop;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;

use carry::Crew;
use confirm::Consent;
pub(crate) use saved::save;
use session::Session;

use super::preview::{self, Preview, StackAction};
use super::rollout;
use super::smoke;
use aws::cloudformation::{Condition, Operation, condition};
use aws::lock::LockGuard;
use cloud::Outputs;
use cloud::lock_lost;
use cloud::progress::{Event, Reporter, Watching};
use facts::Context;
use facts::Stage;
use stacks::RenderedStack;

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// Only these services; empty means all.
    pub(crate) only: &'a [String],
    pub(crate) yes: bool,
    /// A plan that was saved: exactly that, or nothing.
    pub(crate) plan: Option<&'a Path>,
    /// Ask the services something afterwards.
    pub(crate) smoke: bool,
}

/// What a deploy came to.
#[derive(Debug)]
pub(crate) struct Deployed {
    pub(crate) outputs: Outputs,
    pub(crate) changed: bool,
    /// False when everything was deployed, and yet something does not answer as it should.
    pub(crate) well: bool,
}

/// What a deploy would do, as CloudFormation says where it can be asked. Nothing is left behind unless `keep`.
pub(crate) async fn preview(
    context: &Context,
    stage: &Stage,
    only: &[String],
    keep: bool,
    reporter: &Reporter,
) -> anyhow::Result<Preview> {
    let mut session = Session::open(context, stage, reporter).await?;
    let mut preview = session.decide(only).await?;
    session.ask_cloudformation(&mut preview, reporter).await?;
    if !keep {
        session.discard(&preview).await?;
    }
    Ok(preview)
}

/// Brings the stage to what the repository says.
pub(crate) async fn deploy(
    context: &Context,
    stage: &Stage,
    wish: Wish<'_>,
    reporter: &Reporter,
) -> anyhow::Result<Deployed> {
    let consent = Arc::new(Consent::new(wish.yes, stage, &reporter.out));
    let mut lock = None;
    let work = until_done(context, stage, wish, &consent, reporter, &mut lock);
    let result = tokio::select! {
        result = work => result,
        begun = consent.interrupt.stops_waiting() => Err(report::detached(stage, begun)),
    };
    let released = release(&mut lock).await;
    let deployed = result?;
    released?;
    Ok(deployed)
}

/// The whole deploy; `held` has the lock as long as it is ours.
async fn until_done(
    context: &Context,
    stage: &Stage,
    wish: Wish<'_>,
    consent: &Arc<Consent>,
    reporter: &Reporter,
    held: &mut Option<LockGuard>,
) -> anyhow::Result<Deployed> {
    let begun = Instant::now();
    let mut session = Session::open(context, stage, reporter).await?;
    let saved = wish
        .plan
        .map(|path| saved::load(path, &stage.name))
        .transpose()?;
    let mut preview = session.decide(wish.only).await?;
    if let (Some(saved), Some(path)) = (saved.clone(), wish.plan) {
        saved::adopt(saved, &mut preview, path)?;
    }
    if !preview.changes_anything() && !session.anything_runs() {
        if let Some(bucket) = session.bucket() {
            // Whether that succeeds is nothing to fail for: the next deploy that changes something takes the lock over.
            drop(session.aws.sweep_lock(&bucket).await);
        }
        return Ok(done(&session, reporter, false, true, begun));
    }
    let shown = session.bucket().is_none();
    if shown {
        // The lock lies in the bucket, so the stack with the bucket comes first. CloudFormation itself lets nobody else in.
        first(&mut session, &preview, consent, reporter).await?;
    }
    let bucket = session
        .bucket()
        .context("the stack of artifacts has no bucket")?;
    let lock = held.insert(session.aws.lock(&reporter.out, &bucket).await?);
    let lost = lock.lost();
    let work = locked(&mut session, wish, preview, shown, saved, consent, reporter);
    let result = tokio::select! {
        result = work => result,
        () = lost.cancelled() => Err(lock_lost(stage)),
    };
    let released = release(held).await;
    let changed = result?;
    released?;
    session.look().await?;
    let well = !(changed && wish.smoke) || smoke(context, stage, &session, reporter).await;
    Ok(done(&session, reporter, changed, well, begun))
}

async fn release(held: &mut Option<LockGuard>) -> anyhow::Result<()> {
    match held.take() {
        Some(lock) => lock.release().await,
        None => Ok(()),
    }
}

/// Asks the services something; true when every answer was right.
async fn smoke(context: &Context, stage: &Stage, session: &Session, reporter: &Reporter) -> bool {
    let checks = smoke::check(context, stage, session.aws.aws.config(), &session.outputs()).await;
    for check in &checks {
        reporter.report(&Event::Smoke {
            name: &check.name,
            passed: check.passed,
            detail: &check.detail,
        });
    }
    checks.iter().all(|check| check.passed)
}

fn done(
    session: &Session,
    reporter: &Reporter,
    changed: bool,
    well: bool,
    begun: Instant,
) -> Deployed {
    let outputs = session.outputs();
    reporter.report(&Event::Done {
        changed,
        seconds: begun.elapsed().as_secs_f64(),
        outputs: &outputs,
    });
    Deployed {
        outputs,
        changed,
        well,
    }
}

/// The stacks that need no other, that of artifacts among them, while the programs compile.
async fn first(
    session: &mut Session,
    preview: &Preview,
    consent: &Arc<Consent>,
    reporter: &Reporter,
) -> anyhow::Result<()> {
    report::plan(reporter, preview);
    consent.ask_all(&preview.losses()).await?;
    let workshop = session.workshop.clone();
    // Whether it compiles is told when its result is asked for.
    let compiling = tokio::spawn(async move { workshop.compile().await.map(drop) });
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
    let _watching = watch(session, &roots, reporter);
    let crew = crew(session, consent, reporter);
    let mut outcome = carry::carry_out(&crew, begun, &session.rendered).await?;
    outcome.skipped.extend(later);
    report::outcome(reporter, &session.stage, outcome)?;
    drop(compiling);
    session.look().await
}

/// Everything that must not be done by two at once. `shown` says that a person has seen the preview already.
async fn locked(
    session: &mut Session,
    wish: Wish<'_>,
    mut preview: Preview,
    shown: bool,
    saved: Option<Preview>,
    consent: &Arc<Consent>,
    reporter: &Reporter,
) -> anyhow::Result<bool> {
    session.look().await?;
    let _watching = watch(session, wish.only, reporter);
    if session.anything_runs() {
        consent.interrupt.begin();
    }
    session.attach(reporter).await?;
    if session.has_moved_since(&preview) {
        preview = session.decide(wish.only).await?;
        if let (Some(saved), Some(path)) = (saved, wish.plan) {
            saved::adopt(saved, &mut preview, path)?;
        }
    }
    if wish.plan.is_none() {
        session.ask_cloudformation(&mut preview, reporter).await?;
    }
    if !preview.changes_anything() {
        return Ok(false);
    }
    if !shown {
        report::plan(reporter, &preview);
    }
    if let Err(refusal) = consent.ask_all(&preview.losses()).await {
        session.discard(&preview).await?;
        return Err(refusal);
    }
    consent.interrupt.begin();
    let crew = crew(session, consent, reporter);
    let outcome = carry::carry_out(&crew, preview, &session.rendered).await?;
    report::outcome(reporter, &session.stage, outcome)?;
    Ok(true)
}

/// Shows where the stacks of this deploy are.
fn watch(session: &Session, only: &[String], reporter: &Reporter) -> Watching {
    let stacks = stacks::chosen(&session.rendered, only);
    reporter.watch(stacks.map(rollout::place).collect())
}

fn crew(session: &Session, consent: &Arc<Consent>, reporter: &Reporter) -> Crew {
    Crew {
        cloud: session.aws.cloudformation.clone(),
        workshop: session.workshop.clone(),
        depot: session.depot.clone(),
        reporter: reporter.clone(),
        consent: consent.clone(),
        stage: session.stage.clone(),
        standing: Arc::new(session.standing.clone()),
        aws: session.aws.aws.clone(),
    }
}

/// Cancels the updates that run on the stage. A stack that is being created cannot be cancelled, only deleted.
pub(crate) async fn cancel(
    context: &Context,
    stage: &Stage,
    reporter: &Reporter,
) -> anyhow::Result<ExitCode> {
    let mut session = Session::open(context, stage, reporter).await?;
    let mut cancelled = false;
    for standing in session.standing.values() {
        match condition(&standing.status) {
            Condition::InProgress(Operation::Update) => {
                session
                    .aws
                    .cloudformation
                    .cancel(&standing.stack_id)
                    .await?;
                reporter.out.step("cancelled", &standing.name);
                cancelled = true;
            }
            Condition::InProgress(operation) => {
                let words = operation.words();
                reporter.out.note(&format!(
                    "{} {words}; only an update can be cancelled",
                    standing.name
                ));
            }
            _ => {}
        }
    }
    if !cancelled {
        reporter.out.note("no update runs on this stage");
    }
    session.attach(reporter).await?;
    Ok(ExitCode::SUCCESS)
}
