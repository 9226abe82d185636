//! The files that a Dockerfile's COPY lines name: the service's own folder, and the program that cargo built.

use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::error::UserError;

/// One file for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContextFile {
    /// Absolute, inside the image.
    pub(crate) path: String,
    pub(crate) source: PathBuf,
    /// Permission bits.
    pub(crate) mode: u32,
}

/// A build context: a folder, in which the built program stands under its own name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BuildContext<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) program_name: &'a str,
    pub(crate) program: &'a Path,
}

impl BuildContext<'_> {
    /// The files of one COPY, sorted by path.
    pub(crate) fn files(
        &self,
        sources: &[String],
        destination: &str,
        mode: Option<u32>,
    ) -> anyhow::Result<Vec<ContextFile>> {
        let mut files = Vec::new();
        for source in sources {
            if source.contains(['*', '?', '[']) {
                let problem = format!("COPY {source}: the local stage copies no patterns");
                return Err(UserError::new(problem)
                    .hint("name the files or their folder")
                    .into());
            }
            let name = source.trim_start_matches("./").trim_end_matches('/');
            let path = if name == self.program_name {
                self.program.to_owned()
            } else {
                self.folder.join(name)
            };
            let found = std::fs::metadata(&path).map_err(|_| {
                let hint = format!(
                    "the build context is {}, and the built program `{}`",
                    self.folder.display(),
                    self.program_name
                );
                UserError::new(format!(
                    "COPY {source}: there is no such file in the build context"
                ))
                .hint(hint)
            })?;
            if found.is_dir() {
                collect(&path, destination.trim_end_matches('/'), mode, &mut files)?;
            } else {
                let file_name = name.rsplit('/').next().unwrap_or(name);
                let target = if destination.ends_with('/') {
                    format!("{destination}{file_name}")
                } else {
                    destination.to_owned()
                };
                files.push(ContextFile {
                    path: target,
                    mode: mode.unwrap_or_else(|| permissions(&found)),
                    source: path,
                });
            }
        }
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(files)
    }
}

fn collect(
    folder: &Path,
    destination: &str,
    mode: Option<u32>,
    files: &mut Vec<ContextFile>,
) -> anyhow::Result<()> {
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let target = format!("{destination}/{name}");
        // A link that leads out of the context would bring in what nobody copied.
        let found = std::fs::symlink_metadata(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        if found.is_dir() {
            collect(&path, &target, mode, files)?;
        } else if found.is_file() {
            files.push(ContextFile {
                path: target,
                mode: mode.unwrap_or_else(|| permissions(&found)),
                source: path,
            });
        } else {
            anyhow::bail!(
                "{} is neither a file nor a folder; an image takes no links from the context",
                path.display()
            );
        }
    }
    Ok(())
}

fn permissions(metadata: &std::fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o777
}

/// The SHA-256 of a configuration and of files with their paths and modes, as 64 hexadecimal digits.
pub(crate) fn digest(config: &[u8], files: &[ContextFile]) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    hasher.update(Sha256::digest(config));
    for file in files {
        hasher.update(format!("{}\0{:o}\0", file.path, file.mode));
        hasher.update(digest_of_file(&file.source)?);
    }
    Ok(hex::encode(hasher.finalize()))
}

/// The SHA-256 of one file, as 64 hexadecimal digits.
pub(crate) fn digest_of_program(path: &Path) -> anyhow::Result<String> {
    Ok(hex::encode(digest_of_file(path)?))
}

fn digest_of_file(path: &Path) -> anyhow::Result<impl AsRef<[u8]> + use<>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_folders_and_the_program_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["words", "page/a.css", "page/deep/b.js"] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let context = BuildContext {
            folder: folder.path(),
            program_name: "words2",
            program: &folder.path().join("words"),
        };
        let paths = |source: &str, destination: &str| {
            let files = context.files(&[source.to_owned()], destination, Some(0o555))?;
            Ok::<_, anyhow::Error>(files.into_iter().map(|file| file.path).collect::<Vec<_>>())
        };
        assert_eq!(paths("words", "/words").unwrap(), ["/words"]);
        assert_eq!(paths("words2", "/bin/").unwrap(), ["/bin/words2"]);
        assert_eq!(
            paths("page", "/page/").unwrap(),
            ["/page/a.css", "/page/deep/b.js"]
        );
        assert!(
            paths("*.css", "/")
                .unwrap_err()
                .to_string()
                .contains("no patterns")
        );
        assert!(
            paths("none", "/")
                .unwrap_err()
                .to_string()
                .contains("no such file")
        );
    }
}
