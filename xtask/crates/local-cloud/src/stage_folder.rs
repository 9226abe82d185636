//! Where a local stage is on disk.

use std::path::PathBuf;

use facts::{Context, Stage};

/// Where the local cloud of a stage keeps everything.
pub fn stage_folder(context: &Context, stage: &Stage) -> PathBuf {
    match std::env::var_os("TURNPIKE_LOCAL_DIR") {
        Some(folder) => PathBuf::from(folder).join(&stage.name),
        None => context.repo.target.join("local").join(&stage.name),
    }
}
