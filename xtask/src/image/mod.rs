//! Pure: Dockerfile + ARGs + files -> what the image will be, down to its bytes. Files are read and written elsewhere.

mod adopted;
mod authorities;
mod build;
mod config;
mod context;
mod dockerfile;
mod elf;
mod glob;
mod gzip;
mod ignore;
mod layer;
mod layout;
mod limits;
mod manifest;
mod paths;
mod sbom;
mod tree;
mod words;
mod zip;

pub(crate) use adopted::{EngineImage, adopt};
pub(crate) use build::{
    BuildInput, BuiltImage, LABEL_REVISION, LABEL_SOURCE, PlacedFile, build, files,
};
pub(crate) use context::{ContextEntry, EntryKind, kept};
pub(crate) use dockerfile::{Image, Outside, read};
pub(crate) use elf::check_program;
pub(crate) use layer::digest;
pub(crate) use layout::layout;
pub(crate) use limits::{Platform, code_problems, environment_problems, image_problems};
pub(crate) use manifest::MANIFEST_TYPE;
pub(crate) use sbom::{Subject, cyclonedx};
pub(crate) use zip::{CodeArchive, lambda_code};
