//! The rendered stacks of a stage as the rules look at them.

use facts::{Repo, Service, Sources, Stage, dockerfile_path};
use image::{FileChange, Image, Step};
use stacks::{RenderedStack, Source};
use words::error::{Problem, UserError};

use crate::{Finding, ImageFacts, Origin, Stack, System};

/// Everything that is wrong with the stacks of a stage, and advice.
pub fn look(
    repo: &Repo,
    stage: &Stage,
    sources: &Sources,
    stacks: &[RenderedStack],
) -> Vec<Finding> {
    crate::find(&system(repo, stage, sources, stacks))
}

/// Everything that is wrong with the stacks of a stage.
pub fn findings(
    repo: &Repo,
    stage: &Stage,
    sources: &Sources,
    stacks: &[RenderedStack],
) -> Vec<Finding> {
    let mut found = look(repo, stage, sources, stacks);
    found.retain(|finding| finding.rule.is_none());
    found
}

/// What lists of paid APIs would miss. It is not wrong, and yet worth knowing.
pub fn listing_notes(
    repo: &Repo,
    stage: &Stage,
    sources: &Sources,
    stacks: &[RenderedStack],
) -> Vec<Problem> {
    crate::listing::notes(&system(repo, stage, sources, stacks))
}

fn system<'a>(
    repo: &'a Repo,
    stage: &'a Stage,
    sources: &'a Sources,
    stacks: &'a [RenderedStack],
) -> System<'a> {
    let texts = sources
        .templates
        .iter()
        .map(|template| (template.name.as_str(), template.source.as_str()));
    System {
        repo,
        stage,
        stacks: stacks.iter().map(|stack| given(repo, stack)).collect(),
        sources: texts.collect(),
    }
}

/// Refuses what has problems, with all of them.
pub fn refuse(findings: Vec<Finding>) -> Result<(), UserError> {
    let problems: Vec<Problem> = crate::problems(findings);
    if problems.is_empty() {
        return Ok(());
    }
    Err(UserError::all(
        "what would be deployed does not hold",
        &problems,
    ))
}

fn given<'a>(repo: &Repo, stack: &'a RenderedStack) -> Stack<'a> {
    let plan = &stack.plan;
    let inputs = plan.inputs.iter().map(|input| {
        let origin = match &input.source {
            Source::Image => Origin::Image,
            Source::CodeBucket => Origin::CodeBucket,
            Source::CodeKey => Origin::CodeKey,
            Source::Output { owner, key } => Origin::Output { owner, key },
        };
        (input.parameter.as_str(), origin)
    });
    let image = repo
        .service(&plan.owner)
        .zip(stack.image.as_ref())
        .map(|(service, image)| facts(repo, service, image));
    Stack {
        name: &plan.name,
        owner: &plan.owner,
        file: &plan.template,
        text: &stack.template,
        inputs: inputs.collect(),
        image,
    }
}

fn facts(repo: &Repo, service: &Service, image: &Image) -> ImageFacts {
    let config = &image.config;
    let ports = config.exposed_ports.iter();
    ImageFacts {
        file: dockerfile_path(repo, service).1,
        ports: ports
            .filter_map(|port| port.split('/').next()?.parse().ok())
            .collect(),
        user: config.user.clone(),
        environment: config.environment.clone(),
        health_check: config
            .health_check
            .as_ref()
            .map_or_else(Vec::new, |check| check.command.clone()),
        entrypoint: config.entrypoint.clone(),
        command: config.command.clone(),
        copied: image
            .copies
            .iter()
            .map(|copy| copy.destination.clone())
            .collect(),
        folders: image.steps.iter().filter_map(folder).collect(),
        volumes: config.volumes.iter().cloned().collect(),
        is_whole: image.outside.is_none(),
        args_used: image.args_used.clone(),
        steps: image
            .steps
            .iter()
            .map(|step| (step.line, step.text.clone()))
            .collect(),
    }
}

/// The folder that a WORKDIR makes, and its owner.
fn folder(step: &Step) -> Option<(String, u32)> {
    match &step.change {
        FileChange::Folder { path, owner } => Some((format!("/{path}"), owner.0)),
        FileChange::None | FileChange::Copy(_) => None,
    }
}
