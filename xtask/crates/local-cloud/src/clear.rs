//! Forgets a local cloud: everything that it kept but its logs, and what a person has put there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::existing_secrets;
use super::folder::Folder;

/// Removes stacks, images, secrets and volumes of a local cloud that has ended, and returns the folder of the logs, which
/// stay, as do the secrets that a person has made; `None` when there never was one.
pub fn clear(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let Some(folder) = Folder::find(folder) else {
        return Ok(None);
    };
    let logs = folder.logs();
    let root = folder.root();
    for entry in fs::read_dir(root).with_context(|| format!("cannot list {}", root.display()))? {
        let path = entry?.path();
        // The lock stays too: a file that somebody holds must not be replaced by another of its name.
        if path == logs || path == folder.lock() || path.ends_with(existing_secrets::FOLDER) {
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
