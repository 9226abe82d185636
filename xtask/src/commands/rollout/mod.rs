//! A deploy to the local cloud: build, then every stack in its order, each with the outputs of those before it.

mod inputs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;

use inputs::Inputs;

use super::smoke::paths;
use build::cargo;
use cloud::progress::{Event, Place, Reporter};
use cloud::{Outputs, StackState};
use facts::Context;
use facts::Stage;
use local_cloud::{ImageStore, LocalCloud, existing_secrets};
use stacks::RenderedStack;
use words::error::UserError;

/// What came of a deploy.
pub(crate) struct Rolled {
    pub(crate) outputs: Outputs,
    /// True when every service that was asked can do its work.
    pub(crate) well: bool,
}

/// Deploys the named services (none: all) to the local cloud and returns when they are healthy; with `smoke` they are asked
/// whether they can do their work.
pub(crate) async fn deploy(
    context: &Context,
    stage: &Stage,
    only: &[String],
    smoke: bool,
    reporter: &Reporter,
) -> anyhow::Result<Rolled> {
    let started = Instant::now();
    let stacks = deploy::desired(&context.repo, stage)?;
    let chosen = chosen(stage, &stacks, only)?;
    refuse_engine(&chosen)?;
    let folder = local_cloud::stage_folder(context, stage);
    has_secrets(&chosen, &folder)?;
    let programs = build(context, &chosen, reporter).await?;
    let _watching = reporter.watch(chosen.iter().map(|stack| place(stack)).collect());
    let executable = std::env::current_exe().context("cannot find this program")?;
    let cloud = LocalCloud::start(&folder, &executable, &files::build_id(&executable)?).await?;
    let standing = cloud.describe().await?;
    let outputs = standing
        .iter()
        .map(|state| (state.owner.clone(), state.outputs.clone()));
    let mut inputs = Inputs::new(
        context,
        stage,
        ImageStore::new(&folder)?,
        programs,
        outputs.collect(),
    );
    let mut changed = false;
    for stack in chosen {
        let begun = Instant::now();
        let existed = standing.iter().any(|state| state.name == stack.plan.name);
        let owner = &stack.plan.owner;
        reporter.work(owner, Some("packing"));
        let request = inputs.request(stack)?;
        reporter.work(owner, Some(if existed { "updating" } else { "creating" }));
        let applied = cloud.apply(&request).await?;
        changed |= applied.changed;
        let result = match (applied.changed, existed) {
            (false, _) => "unchanged",
            (true, false) => "created",
            (true, true) => "updated",
        };
        reporter.report(&Event::Stack {
            name: &stack.plan.name,
            result,
            changes: &applied.changes,
            seconds: begun.elapsed().as_secs_f64(),
        });
        inputs
            .outputs
            .insert(stack.plan.owner.clone(), applied.outputs);
    }
    if only.is_empty() {
        changed |= remove(&cloud, &standing, &stacks, &mut inputs, reporter).await?;
        inputs.prune()?;
    }
    // Also when nothing has changed: what was wrong before must not look well at the second look.
    let well = !smoke || ask(context, stage, &inputs.outputs, reporter).await;
    let seconds = started.elapsed().as_secs_f64();
    reporter.report(&Event::Done {
        changed,
        seconds,
        outputs: &inputs.outputs,
    });
    Ok(Rolled {
        outputs: inputs.outputs,
        well,
    })
}

/// Takes down the stacks that the stage no longer has; true when there was one.
async fn remove(
    cloud: &LocalCloud,
    standing: &[StackState],
    stacks: &[RenderedStack],
    inputs: &mut Inputs<'_>,
    reporter: &Reporter,
) -> anyhow::Result<bool> {
    let planned = |state: &&StackState| stacks.iter().any(|stack| stack.plan.name == state.name);
    let mut changed = false;
    for state in standing.iter().rev().filter(|state| !planned(state)) {
        cloud.delete(&state.name).await?;
        inputs.outputs.remove(&state.owner);
        changed = true;
        reporter.report(&Event::Removed { name: &state.name });
    }
    Ok(changed)
}

/// Asks the services whether they can do their work; true when all can.
async fn ask(context: &Context, stage: &Stage, outputs: &Outputs, reporter: &Reporter) -> bool {
    let checks = paths(context, stage, outputs).await;
    for check in &checks {
        reporter.report(&Event::Smoke {
            name: &check.name,
            passed: check.passed,
            detail: &check.detail,
        });
    }
    checks.iter().all(|check| check.passed)
}

/// The secrets that the stage names have values here, before anything is built.
fn has_secrets(stacks: &[&RenderedStack], folder: &Path) -> Result<(), UserError> {
    let services = stacks
        .iter()
        .filter_map(|stack| stack.plan.values.service.as_ref());
    for secret in services.flat_map(|service| &service.existing_secrets) {
        existing_secrets::read(folder, &secret.arn)?;
    }
    Ok(())
}

/// Where a stack stands among the others.
pub(crate) fn place(stack: &RenderedStack) -> Place {
    Place {
        name: stack.plan.name.clone(),
        owner: stack.plan.owner.clone(),
        after: stack.plan.after.clone(),
    }
}

/// The stacks to deploy, in their order.
fn chosen<'a>(
    stage: &Stage,
    stacks: &'a [RenderedStack],
    only: &[String],
) -> anyhow::Result<Vec<&'a RenderedStack>> {
    stacks::check_part_of_stage(stage, stacks, only)?;
    Ok(stacks::chosen(stacks, only).collect())
}

/// Refuses an image that this machine could only run in a container: a base image, or what a RUN makes.
fn refuse_engine(stacks: &[&RenderedStack]) -> Result<(), UserError> {
    let Some(why) = stacks.iter().find_map(|stack| stack.needs_engine.as_ref()) else {
        return Ok(());
    };
    let hint = "a Dockerfile of FROM scratch, COPY and settings runs on every stage; `cargo xtask build` and stages on AWS take this one as well";
    let problem = format!("{why}, and the local stage runs the programs themselves, without one");
    Err(UserError::new(problem).hint(hint))
}

/// Compiles the services of these stacks in one cargo call. Ctrl-C is heard meanwhile, by cargo too.
async fn build(
    context: &Context,
    stacks: &[&RenderedStack],
    reporter: &Reporter,
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let begun = Instant::now();
    let services = stacks.iter().filter(|stack| stack.plan.kind.is_some());
    let services: Vec<&str> = services.map(|stack| stack.plan.owner.as_str()).collect();
    reporter.report(&Event::Build {
        services: &services,
    });
    let context = context.clone();
    let programs: Vec<String> = services.iter().map(|name| (*name).to_owned()).collect();
    let work = tokio::task::spawn_blocking(move || {
        let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
        cargo::build(&context.repo.root, &context.repo.service_names(), &programs)
    });
    let programs = work.await??;
    reporter.report(&Event::Built {
        seconds: begun.elapsed().as_secs_f64(),
    });
    Ok(programs)
}
