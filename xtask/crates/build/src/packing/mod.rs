//! What `build` and `verify` share: values for the ARGs, programs for 64-bit Arm, and their images and zips as bytes.

#[cfg(test)]
#[cfg(feature = "engine")]
mod differential;
#[cfg(feature = "engine")]
mod engine;
#[cfg(not(feature = "engine"))]
#[path = "no_engine.rs"]
mod engine;
mod images;
mod ready;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;

use crate::registry::{self, Blob};
use crate::{cross, git};
use facts::Context;
use facts::Service;
use image::{self, BuiltImage, CodeArchive, Subject};
use images::Ingredients;
pub use images::{Builder, context_entries};
pub use ready::ready;
use words::error::UserError;

/// The services' programs, compiled for the cloud.
pub struct Programs {
    paths: BTreeMap<String, PathBuf>,
}

/// A service, ready to be shipped.
pub struct Packed<'a> {
    pub service: &'a Service,
    pub artifact: Artifact,
    pub program_bytes: u64,
    /// `sha256:...`
    program_digest: String,
    /// The commit that the program is of, if git knows.
    revision: Option<String>,
    pub seconds: f64,
}

/// What is shipped of a service.
pub enum Artifact {
    Image(Box<BuiltImage>),
    Code(CodeArchive),
}

impl Artifact {
    /// `sha256:...`
    pub fn digest(&self) -> &str {
        match self {
            Self::Image(built) => &built.manifest.digest,
            Self::Code(code) => &code.digest,
        }
    }

    /// The bytes that are uploaded.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Image(built) => built.compressed_bytes(),
            Self::Code(code) => code.bytes.len() as u64,
        }
    }
}

/// Compiles the programs of these services in one cargo call, with what [`ready`] has found.
pub fn compile(
    context: &Context,
    tools: cross::Tools,
    services: &[&str],
) -> anyhow::Result<Programs> {
    let repo = &context.repo;
    // For cargo, no program is every program.
    let paths = match services {
        [] => BTreeMap::new(),
        some => cross::build(&repo.root, &repo.target, tools, &repo.service_names(), some)?,
    };
    Ok(Programs { paths })
}

/// Packs one service: an image with these values for its ARGs, or a function's zip.
///
/// # Errors
/// What is wrong with the program, the Dockerfile or the ARGs, and what the platform would refuse.
pub async fn pack_one<'a>(
    context: &Context,
    programs: &Programs,
    service: &'a Service,
    arguments: &BTreeMap<String, String>,
) -> anyhow::Result<Packed<'a>> {
    pack_with(context, programs, service, arguments, None).await
}

/// [`pack_one`], with the builder that was asked for; none is the first one that can.
pub async fn pack_with<'a>(
    context: &Context,
    programs: &Programs,
    service: &'a Service,
    arguments: &BTreeMap<String, String>,
    builder: Option<Builder>,
) -> anyhow::Result<Packed<'a>> {
    let begun = Instant::now();
    let program = programs
        .paths
        .get(&service.name)
        .with_context(|| format!("{} was not built", service.name))?;
    let bytes = files::read_bytes(program)?;
    let bytes_max = service.kind.program_bytes_max;
    image::check_program(&service.name, &bytes, bytes_max).map_err(UserError::new)?;
    let (program_bytes, program_digest) = (bytes.len() as u64, image::digest(&bytes));
    let revision = revision(context, service);
    let (artifact, problems) = match service.kind.artifact {
        kinds::Artifact::Zip => {
            let problems = image::code_problems(&service.name, &bytes);
            (
                Artifact::Code(image::lambda_code(&service.name, &bytes).map_err(UserError::new)?),
                problems,
            )
        }
        kinds::Artifact::Image => {
            let ingredients = Ingredients {
                service,
                program,
                program_bytes: &bytes,
                arguments,
                revision: revision.as_deref(),
            };
            let built = images::build(context, &ingredients, builder).await?;
            let problems = image::image_problems(&service.name, service.kind, &built);
            (Artifact::Image(Box::new(built)), problems)
        }
    };
    if !problems.is_empty() {
        return Err(UserError::new(problems.join("\n")).into());
    }
    Ok(Packed {
        service,
        artifact,
        program_bytes,
        program_digest,
        revision,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// The list of what is in the program, as CycloneDX.
pub fn sbom(context: &Context, packed: &Packed<'_>) -> anyhow::Result<Vec<u8>> {
    let lock = files::read(&context.repo.root.join("Cargo.lock"))?;
    let subject = Subject {
        package: &packed.service.name,
        digest: &packed.program_digest,
        revision: packed.revision.as_deref().unwrap_or_default(),
    };
    let stays_out = |package: &str, dependency: &str| context.repo.stays_out(package, dependency);
    Ok(image::cyclonedx(&lock, subject, &stays_out).map_err(UserError::new)?)
}

/// An image as a registry takes it.
pub fn for_registry(built: &BuiltImage) -> registry::Image {
    let layers = built.layers.iter().map(|layer| &layer.bytes);
    registry::Image {
        manifest: built.manifest.bytes.clone().into(),
        media_type: image::MANIFEST_TYPE.to_owned(),
        blobs: std::iter::once(&built.config.bytes)
            .chain(layers)
            .map(|bytes| Blob::new(bytes.clone()))
            .collect(),
    }
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
