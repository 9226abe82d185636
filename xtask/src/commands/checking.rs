//! Hands the rendered stacks of a stage to `check`.

use super::rendering::{self, RenderedStack};
use crate::check::{self, Finding, ImageFacts, Origin, Stack, System};
use crate::error::{Problem, UserError};
use crate::image::{FileChange, Image, Step};
use crate::plan::Source;
use crate::render::Template;
use crate::repo::{Repo, Service, Stage};

/// Everything that is wrong with the stacks of a stage.
pub(crate) fn findings(
    repo: &Repo,
    stage: &Stage,
    templates: &[Template],
    stacks: &[RenderedStack],
) -> Vec<Finding> {
    check::find(&system(repo, stage, templates, stacks))
}

/// What is not wrong and yet worth knowing.
pub(crate) fn notes(
    repo: &Repo,
    stage: &Stage,
    templates: &[Template],
    stacks: &[RenderedStack],
) -> Vec<Problem> {
    check::notes(&system(repo, stage, templates, stacks))
}

fn system<'a>(
    repo: &'a Repo,
    stage: &'a Stage,
    templates: &'a [Template],
    stacks: &'a [RenderedStack],
) -> System<'a> {
    let sources = templates
        .iter()
        .map(|template| (template.name.as_str(), template.source.as_str()));
    System {
        repo,
        stage,
        stacks: stacks.iter().map(|stack| given(repo, stack)).collect(),
        sources: sources.collect(),
    }
}

/// Refuses what has problems, with all of them.
pub(crate) fn refuse(findings: Vec<Finding>) -> Result<(), UserError> {
    let problems: Vec<Problem> = check::problems(findings);
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
        file: rendering::dockerfile(repo, service).1,
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
