//! Reading and writing files, with the path in every error.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::render::Template;

/// The text of a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file and the folders that it is in.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Every template of the repository.
pub(crate) fn templates(root: &Path) -> anyhow::Result<Vec<Template>> {
    let folder = root.join("templates");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "tera")
        })
        .collect();
    paths.sort();
    let template = |path: &PathBuf| {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        Ok(Template {
            name,
            source: read(path)?,
        })
    };
    paths.iter().map(template).collect()
}

/// Tells one build of a program from another: its size and the time it was written.
pub(crate) fn build_id(program: &Path) -> anyhow::Result<String> {
    let found =
        std::fs::metadata(program).with_context(|| format!("cannot read {}", program.display()))?;
    let written = found.modified()?.duration_since(std::time::UNIX_EPOCH)?;
    Ok(format!("{}-{}", found.len(), written.as_nanos()))
}
