//! The folder of a local cloud: what lies where, and files that are never half-written.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

/// Paths inside `target/local/<stage>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes the folder, for its user alone. The path becomes absolute, since processes run elsewhere.
    pub fn create(root: &Path) -> anyhow::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .with_context(|| format!("cannot make the local cloud's folder {}", root.display()))?;
        let root = root
            .canonicalize()
            .with_context(|| format!("cannot find {}", root.display()))?;
        let folder = Self { root };
        for path in [
            folder.stacks(),
            folder.images(),
            folder.code(),
            folder.logs(),
            folder.processes(),
        ] {
            fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        Ok(folder)
    }

    /// The folder when it is there already.
    pub fn find(root: &Path) -> Option<Self> {
        root.canonicalize().ok().map(|root| Self { root })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn lock(&self) -> PathBuf {
        self.root.join("supervisor.lock")
    }

    pub fn supervisor(&self) -> PathBuf {
        self.root.join("supervisor.json")
    }

    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets.json")
    }

    /// The items of all tables.
    pub fn tables(&self) -> PathBuf {
        self.root.join("tables.redb")
    }

    pub fn stacks(&self) -> PathBuf {
        self.root.join("stacks")
    }

    pub fn stack(&self, name: &str) -> PathBuf {
        self.stacks().join(format!("{name}.json"))
    }

    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    pub fn code(&self) -> PathBuf {
        self.root.join("code")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The log of one service, or of the supervisor.
    pub fn log(&self, owner: &str) -> PathBuf {
        self.logs().join(format!("{owner}.ndjson"))
    }

    /// What a supervisor's start has to say before it can log.
    pub fn start_log(&self) -> PathBuf {
        self.logs().join("supervisor.log")
    }

    /// One file per process that the supervisor started and has not yet seen end.
    pub fn processes(&self) -> PathBuf {
        self.root.join("processes")
    }

    pub fn volumes(&self, owner: &str) -> PathBuf {
        self.root.join("volumes").join(owner)
    }
}

/// Replaces a file as a whole: after a power cut there is the old content or the new. Only its user can read it.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let bytes = serde_json::to_vec_pretty(value)
        .with_context(|| format!("cannot put {} into JSON", path.display()))?;
    write_file(path, &bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    // The rename itself lasts only once the folder is on disk.
    path.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Removes a file that may have gone already.
pub(crate) fn remove_file(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes a folder that may have gone already.
pub(crate) fn remove_folder(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
