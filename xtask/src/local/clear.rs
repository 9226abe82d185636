//! Forgets a local cloud: everything that it kept but its logs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::folder::Folder;

/// Removes stacks, images, secrets and volumes of a local cloud that has ended, and returns the folder of the logs, which
/// stay; `None` when there never was one.
pub(crate) fn clear(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let Some(folder) = Folder::find(folder) else {
        return Ok(None);
    };
    let logs = folder.logs();
    let root = folder.root();
    for entry in fs::read_dir(root).with_context(|| format!("cannot list {}", root.display()))? {
        let path = entry?.path();
        // The lock stays too: a file that somebody holds must not be replaced by another of its name.
        if path == logs || path == folder.lock() {
            continue;
        }
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(Some(logs))
}
