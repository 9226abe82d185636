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

pub use adopted::{EngineImage, adopt};
pub use build::{BuildInput, BuiltImage, LABEL_REVISION, LABEL_SOURCE, PlacedFile, build, files};
pub use context::{ContextEntry, EntryKind, kept};
pub use dockerfile::{FileChange, Image, Outside, Step, read};
pub use elf::check_program;
pub use layer::{digest, short_digest};
pub use layout::layout;
pub use limits::{code_problems, environment_problems, image_problems};
pub use manifest::MANIFEST_TYPE;
pub use sbom::{Subject, cyclonedx};
pub use zip::{CodeArchive, lambda_code};

/// How often a property is tried: the same sample each time, or a hundred thousand others with `--thorough`.
#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "who runs the tests says how long"
)]
fn executions(sample: u32) -> proptest::test_runner::Config {
    let thorough = std::env::var_os("TURNPIKE_TEST_THOROUGH").is_some();
    let mut config = proptest::test_runner::Config::with_cases(sample);
    if thorough {
        config.cases = 100_000;
    } else {
        config.rng_seed = proptest::test_runner::RngSeed::Fixed(7);
    }
    config.failure_persistence = None;
    config
}
