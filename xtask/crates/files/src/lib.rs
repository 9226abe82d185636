//! Reading and writing files, with the path in every error.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use sha2::{Digest as _, Sha256};

/// The text of a file.
pub fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The bytes of a file.
pub fn read_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The SHA-256 of a file.
pub fn sha256(path: &Path) -> anyhow::Result<[u8; 32]> {
    Ok(Sha256::digest(read_bytes(path)?).into())
}

/// Removes a folder with everything in it; one that is not there is fine.
pub fn remove_folder(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Writes a file and the folders that it is in.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    std::fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

/// Tells one build of a program from another: its size and the time it was written.
pub fn build_id(program: &Path) -> anyhow::Result<String> {
    let found =
        std::fs::metadata(program).with_context(|| format!("cannot read {}", program.display()))?;
    let written = found.modified()?.duration_since(std::time::UNIX_EPOCH)?;
    Ok(format!("{}-{}", found.len(), written.as_nanos()))
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Folder,
    File {
        executable: bool,
    },
    /// A symbolic link, a socket, a device.
    Other,
}

/// Everything below a folder, by its path from there.
pub fn below(folder: &Path) -> anyhow::Result<Vec<(String, Found)>> {
    let mut entries = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(&current)
            .with_context(|| format!("cannot read {}", current.display()))?
        {
            let path = entry?.path();
            let metadata = std::fs::symlink_metadata(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let shown = path
                .strip_prefix(folder)
                .unwrap_or(&path)
                .display()
                .to_string();
            let found = if metadata.is_dir() {
                folders.push(path);
                Found::Folder
            } else if metadata.is_file() {
                Found::File {
                    executable: metadata.permissions().mode() & 0o100 != 0,
                }
            } else {
                Found::Other
            };
            entries.push((shown, found));
        }
    }
    Ok(entries)
}
