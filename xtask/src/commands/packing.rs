//! What `build` and `verify` share: values for the ARGs, programs for 64-bit Arm, and their images and zips as bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;

use super::arguments::{Values, arguments};
use super::rendering;
use crate::context::Context;
use crate::error::UserError;
use crate::image::{
    self, BuildInput, BuiltImage, CodeArchive, ContextEntry, EntryKind, Platform, Subject,
};
use crate::plan::{self, StackPlan};
use crate::repo::{Kind, Service};
use crate::tools::files::Found;
use crate::tools::{cross, files, git};

/// The largest program that a service may be, in bytes: an image this small starts before anybody waits.
const PROGRAM_BYTES_MAX: u64 = 12_000_000;

/// Every service's program, compiled for the cloud.
pub(crate) struct Programs {
    paths: BTreeMap<String, PathBuf>,
}

/// A service, ready to be shipped.
pub(crate) struct Packed<'a> {
    pub(crate) service: &'a Service,
    pub(crate) artifact: Artifact,
    /// The list of what is in the program, as CycloneDX.
    pub(crate) sbom: Vec<u8>,
    pub(crate) program_bytes: u64,
    pub(crate) seconds: f64,
}

/// What is shipped of a service.
pub(crate) enum Artifact {
    Image(Box<BuiltImage>),
    Code(CodeArchive),
}

impl Artifact {
    /// `sha256:...`
    pub(crate) fn digest(&self) -> &str {
        match self {
            Self::Image(built) => &built.manifest.digest,
            Self::Code(code) => &code.digest,
        }
    }

    /// The bytes that are uploaded.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Image(built) => built.compressed_bytes(),
            Self::Code(code) => code.bytes.len() as u64,
        }
    }
}

/// Builds the programs of these services in one cargo call and packs each.
pub(crate) async fn pack<'a>(
    context: &'a Context,
    values: &Values,
    services: &[String],
) -> anyhow::Result<Vec<Packed<'a>>> {
    let stage = context.stage(&values.stage)?;
    context.check_services(services)?;
    let stacks = plan::stacks(&context.repo, stage);
    let chosen: Vec<&StackPlan> = stacks
        .iter()
        .filter(|stack| {
            stack.kind.is_some() && (services.is_empty() || services.contains(&stack.owner))
        })
        .collect();
    let arguments = arguments(context, stage, &chosen, &values.set).await?;
    let programs = compile(context)?;
    let mut packed = Vec::new();
    for stack in chosen {
        let service = context
            .repo
            .service(&stack.owner)
            .context("a stack without its service")?;
        packed.push(pack_one(context, &programs, service, &arguments[&service.name]).await?);
    }
    Ok(packed)
}

/// Compiles every service of the repository in one cargo call, whichever are packed: features are shared, so fewer
/// packages would be other programs.
pub(crate) fn compile(context: &Context) -> anyhow::Result<Programs> {
    let all: Vec<&str> = context
        .repo
        .services
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    let paths = cross::build(&context.repo.root, &context.repo.target, &all)?;
    Ok(Programs { paths })
}

/// Packs one service: an image with these values for its ARGs, or a function's zip.
///
/// # Errors
/// What is wrong with the program, the Dockerfile or the ARGs, and what the platform would refuse.
pub(crate) async fn pack_one<'a>(
    context: &Context,
    programs: &Programs,
    service: &'a Service,
    arguments: &BTreeMap<String, String>,
) -> anyhow::Result<Packed<'a>> {
    let begun = Instant::now();
    let program = programs
        .paths
        .get(&service.name)
        .with_context(|| format!("{} was not built", service.name))?;
    let bytes = files::read_bytes(program)?;
    image::check_program(&service.name, &bytes, PROGRAM_BYTES_MAX).map_err(UserError::new)?;
    let (program_bytes, program_digest) = (bytes.len() as u64, image::digest(&bytes));
    let revision = revision(context, service);
    let (artifact, problems) = match service.kind {
        Kind::Lambda => {
            let problems = image::code_problems(&service.name, &bytes);
            (
                Artifact::Code(image::lambda_code(&service.name, &bytes).map_err(UserError::new)?),
                problems,
            )
        }
        Kind::Fargate | Kind::Agentcore => {
            let built = build_image(context, service, bytes, arguments, revision.as_deref())?;
            let platform = if service.kind == Kind::Agentcore {
                Platform::AgentCore
            } else {
                Platform::Fargate
            };
            let problems = image::image_problems(&service.name, platform, &built);
            (Artifact::Image(Box::new(built)), problems)
        }
    };
    if !problems.is_empty() {
        return Err(UserError::new(problems.join("\n")).into());
    }
    let lock = files::read(&context.repo.root.join("Cargo.lock"))?;
    let subject = Subject {
        package: &service.name,
        digest: &program_digest,
        revision: revision.as_deref().unwrap_or_default(),
    };
    let tests_only =
        |package: &str, dependency: &str| context.repo.is_for_tests_only(package, dependency);
    let sbom = image::cyclonedx(&lock, subject, &tests_only).map_err(UserError::new)?;
    Ok(Packed {
        service,
        artifact,
        sbom,
        program_bytes,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

fn build_image(
    context: &Context,
    service: &Service,
    program: Vec<u8>,
    arguments: &BTreeMap<String, String>,
    revision: Option<&str>,
) -> anyhow::Result<BuiltImage> {
    let folder = service.folder();
    let (dockerfile, shown) = rendering::dockerfile(&context.repo, service);
    let entries = context_entries(&folder, &service.name)?;
    let ignore = files::read(&folder.join(".dockerignore")).unwrap_or_default();
    let read = |path: &str| {
        if path == service.name {
            return Ok(program.clone());
        }
        files::read_bytes(&folder.join(path)).map_err(|error| format!("{error:#}"))
    };
    let known = [
        (image::LABEL_SOURCE, service.repository.as_deref()),
        (image::LABEL_REVISION, revision),
    ];
    let label = |(name, value): (&str, Option<&str>)| Some((name.to_owned(), value?.to_owned()));
    let labels: Vec<(String, String)> = known.into_iter().filter_map(label).collect();
    let input = BuildInput {
        file: &shown,
        dockerfile: &files::read(&dockerfile)?,
        args: arguments,
        architecture: "arm64",
        ignore: &ignore,
        entries: &entries,
        read: &read,
        labels: &labels,
    };
    image::build(&input).map_err(|problem| UserError::new(problem).into())
}

/// What the Dockerfile can copy: the files of its folder, and the built program under its own name. Modes are as git keeps
/// them, so that no umask changes an image.
fn context_entries(folder: &Path, program: &str) -> anyhow::Result<Vec<ContextEntry>> {
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

/// The last commit that changed what the service is made of, so that a commit elsewhere makes no new image.
fn revision(context: &Context, service: &Service) -> Option<String> {
    let folder = service.folder();
    let folder = folder
        .strip_prefix(&context.repo.root)
        .unwrap_or(&folder)
        .display()
        .to_string();
    let shared = ["services/shared", "Cargo.toml", "Cargo.lock"].map(str::to_owned);
    git::revision(&context.repo.root, &[&[folder], &shared[..]].concat())
}
