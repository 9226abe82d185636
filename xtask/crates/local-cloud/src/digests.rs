//! Digests of files that were read before: programs are large, and a deploy that finds nothing to do must not read all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::folder::write_json;

/// Beside the stacks; a file that is damaged or gone only costs the reading.
const FILE: &str = "digests.json";

/// SHA-256 by path, each as long as the file has the size and the time that it had then.
#[derive(Debug, Default)]
pub(crate) struct Digests {
    known: BTreeMap<PathBuf, Known>,
    has_changed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    /// Size and time of writing.
    build: String,
    /// In hex.
    sha256: String,
}

impl Digests {
    pub(crate) fn read(folder: &Path) -> Self {
        let bytes = std::fs::read(folder.join(FILE)).unwrap_or_default();
        Self {
            known: serde_json::from_slice(&bytes).unwrap_or_default(),
            has_changed: false,
        }
    }

    /// The digest of a file, in hex.
    pub(crate) fn sha256(&mut self, path: &Path) -> anyhow::Result<String> {
        let build = files::build_id(path)?;
        if let Some(known) = self.known.get(path).filter(|known| known.build == build) {
            return Ok(known.sha256.clone());
        }
        let sha256 = hex::encode(files::sha256(path)?);
        let known = Known {
            build,
            sha256: sha256.clone(),
        };
        self.known.insert(path.to_owned(), known);
        self.has_changed = true;
        Ok(sha256)
    }

    pub(crate) fn write(&mut self, folder: &Path) -> anyhow::Result<()> {
        if std::mem::take(&mut self.has_changed) {
            write_json(&folder.join(FILE), &self.known)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_was_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("program");
        let told = |digests: &mut Digests| digests.sha256(&file).unwrap()[..8].to_owned();
        std::fs::write(&file, "a").unwrap();
        let mut digests = Digests::read(folder.path());
        assert_eq!(told(&mut digests), "ca978112");
        digests.write(folder.path()).unwrap();

        let mut digests = Digests::read(folder.path());
        assert_eq!(told(&mut digests), "ca978112");
        assert!(!digests.has_changed, "it was remembered");
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
        std::fs::write(&file, "b").unwrap();
        let opened = std::fs::File::options().write(true).open(&file).unwrap();
        opened.set_modified(later).unwrap();
        assert_eq!(told(&mut digests), "3e23e816");
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(told(&mut Digests::read(folder.path())), "3e23e816");
    }
}
