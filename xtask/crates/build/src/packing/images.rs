//! Images, by one of two builders: the embedded one, or the Docker engine for Dockerfiles that need more.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;

use super::engine;
use facts::Context;
use facts::Service;
use files::Found;
use image::{self, BuildInput, BuiltImage, ContextEntry, EntryKind};
use words::error::UserError;

/// Who makes an image of a Dockerfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Builder {
    /// This tool, without a daemon; the same digest on any machine
    Embedded,
    /// The Docker engine, by `BuildKit`
    Docker,
}

/// What an image is made of.
pub(super) struct Ingredients<'a> {
    pub service: &'a Service,
    /// The compiled program's file and its bytes.
    #[cfg_attr(
        not(feature = "engine"),
        expect(dead_code, reason = "the engine is sent a file")
    )]
    pub program: &'a Path,
    pub program_bytes: &'a [u8],
    pub arguments: &'a BTreeMap<String, String>,
    pub revision: Option<&'a str>,
}

/// Builds the image with the builder that was asked for, else with the first one that can.
pub(super) async fn build(
    context: &Context,
    ingredients: &Ingredients<'_>,
    builder: Option<Builder>,
) -> anyhow::Result<BuiltImage> {
    let service = ingredients.service;
    let (path, shown) = facts::dockerfile_path(&context.repo, service);
    let source = Source {
        dockerfile: files::read(&path)?,
        ignore: files::read(&service.folder().join(".dockerignore")).unwrap_or_default(),
        entries: context_entries(&service.folder(), &service.name)?,
        shown,
        labels: labels(ingredients),
    };
    if builder == Some(Builder::Embedded) {
        return embedded(ingredients, &source);
    }
    let image = image::read(&source.shown, &source.dockerfile, ingredients.arguments)
        .map_err(UserError::new)?;
    if builder.is_none() && image.outside.is_none() {
        return embedded(ingredients, &source);
    }
    engine::build(context, ingredients, &source, image).await
}

pub(super) struct Source {
    pub dockerfile: String,
    pub ignore: String,
    pub entries: Vec<ContextEntry>,
    /// How people write the Dockerfile's path.
    pub shown: String,
    pub labels: Vec<(String, String)>,
}

fn embedded(ingredients: &Ingredients<'_>, source: &Source) -> anyhow::Result<BuiltImage> {
    let service = ingredients.service;
    let folder = service.folder();
    let read = |path: &str| {
        if path == service.name {
            return Ok(ingredients.program_bytes.to_vec());
        }
        files::read_bytes(&folder.join(path)).map_err(|error| format!("{error:#}"))
    };
    let input = BuildInput {
        file: &source.shown,
        dockerfile: &source.dockerfile,
        args: ingredients.arguments,
        architecture: "arm64",
        ignore: &source.ignore,
        entries: &source.entries,
        read: &read,
        labels: &source.labels,
    };
    image::build(&input).map_err(|problem| UserError::new(problem).into())
}

fn labels(ingredients: &Ingredients<'_>) -> Vec<(String, String)> {
    let known = [
        (
            image::LABEL_SOURCE,
            ingredients.service.repository.as_deref(),
        ),
        (image::LABEL_REVISION, ingredients.revision),
    ];
    let label = |(name, value): (&str, Option<&str>)| Some((name.to_owned(), value?.to_owned()));
    known.into_iter().filter_map(label).collect()
}

/// What the Dockerfile can copy: the files of its folder, and the built program under its own name. Modes are as git keeps
/// them, so that no umask changes an image.
pub fn context_entries(folder: &Path, program: &str) -> anyhow::Result<Vec<ContextEntry>> {
    let entry = |(path, found): (String, Found)| {
        let kind = match found {
            Found::Folder => EntryKind::Folder,
            Found::File { executable: false } => EntryKind::File { mode: 0o644 },
            Found::File { executable: true } => EntryKind::File { mode: 0o755 },
            Found::Other => EntryKind::Other,
        };
        ContextEntry { path, kind }
    };
    let files = files::below(folder)?
        .into_iter()
        .filter(|(path, _)| path != program);
    let program = (program.to_owned(), Found::File { executable: true });
    Ok(files.chain([program]).map(entry).collect())
}
