//! Images by the Docker engine.

use std::path::Path;

use anyhow::Context as _;
use docker_engine::{ContextFile, Engine};
use facts::Context;
use image::{BuiltImage, ContextEntry, EngineImage, EntryKind, Image};
use words::error::UserError;

use super::images::{Ingredients, Source};

/// Builds the image with the Docker engine, and takes it over.
pub(super) async fn build(
    context: &Context,
    ingredients: &Ingredients<'_>,
    source: &Source,
    image: Image,
) -> anyhow::Result<BuiltImage> {
    let service = ingredients.service;
    let why = match &image.outside {
        Some(outside) => outside.sentence(&source.shown),
        None => asked_for(&source.shown),
    };
    let engine = Engine::connect().await.context(why)?;
    // Whoever sends the context leaves out what `.dockerignore` says; the engine itself never looks at it.
    let kept = image::kept(&source.entries, &source.ignore).map_err(UserError::new)?;
    let folder = service.folder();
    let files: Vec<ContextFile> = kept
        .into_iter()
        .filter(|entry| entry.path != "Dockerfile")
        .map(|entry| context_file(&folder, ingredients, entry))
        .collect();
    let build = docker_engine::Build {
        name: format!("{}/{}:build", context.repo.project, service.name),
        place: source.shown.clone(),
        dockerfile: source.dockerfile.clone(),
        files,
        arguments: ingredients.arguments.clone(),
        platform: "linux/arm64".to_owned(),
    };
    let title = format!("{} with the Docker engine {}", service.name, engine.version);
    context.out.step("image", &title);
    let id = engine.build(&build, |line| context.out.note(line)).await?;
    let saved = engine.save(&id).await?;
    // The engine keeps what it cached; the image itself is written elsewhere.
    engine.remove(&build.name).await?;
    let layers: Vec<&[u8]> = saved.layers.iter().map(AsRef::as_ref).collect();
    let found = EngineImage {
        config: &saved.config,
        layers: &layers,
    };
    image::adopt(&source.shown, image, found, &source.labels)
        .map_err(|problem| UserError::new(problem).into())
}

/// That the command line asks for the engine.
pub(super) fn asked_for(dockerfile: &str) -> String {
    format!("{dockerfile}: `--builder docker` needs the Docker engine")
}

/// What is wrong when no engine answers; `why` says who needs it.
pub(super) async fn missing(why: String) -> Option<anyhow::Error> {
    Some(Engine::connect().await.err()?.context(why))
}

fn context_file(folder: &Path, ingredients: &Ingredients<'_>, entry: &ContextEntry) -> ContextFile {
    let source = if entry.path == ingredients.service.name {
        ingredients.program.to_owned()
    } else {
        folder.join(&entry.path)
    };
    ContextFile {
        path: entry.path.clone(),
        source,
        mode: match entry.kind {
            EntryKind::File { mode } => Some(mode),
            EntryKind::Folder | EntryKind::Other => None,
        },
    }
}
