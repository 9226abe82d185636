//! The local stand-in for a registry and a bucket: images and function code, unpacked and ready to run.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};

use super::folder::{Folder, remove_folder};

/// One file of an image.
#[derive(Debug, Clone)]
pub(crate) struct StoredFile {
    /// Absolute path inside the image: `/x402-backend`.
    pub path: String,
    pub source: Source,
    /// Permission bits: `0o755`.
    pub mode: u32,
}

/// Where a file's content comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    File(PathBuf),
    /// Tests have no files lying about.
    #[cfg(test)]
    Bytes(Vec<u8>),
}

/// The images and code of one local cloud.
#[derive(Debug, Clone)]
pub(crate) struct ImageStore {
    folder: Folder,
}

impl ImageStore {
    /// Makes the local cloud's folder when there is none.
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            folder: Folder::create(folder)?,
        })
    }

    pub(crate) fn of(folder: &Folder) -> Self {
        Self {
            folder: folder.clone(),
        }
    }

    /// Stores an image under its digest (64 hex digits). An image that is there already stays as it is.
    pub(crate) fn put_image(
        &self,
        config_json: &[u8],
        files: &[StoredFile],
        digest_hex: &str,
    ) -> anyhow::Result<()> {
        if self.has_image(digest_hex) {
            return Ok(());
        }
        let target = self.folder.images().join(digest_hex);
        put(&target, |folder| {
            let root = folder.join("rootfs");
            fs::create_dir_all(&root)?;
            for file in files {
                put_file(&root, file)
                    .with_context(|| format!("cannot store {} of an image", file.path))?;
            }
            fs::write(folder.join("config.json"), config_json)?;
            Ok(())
        })
    }

    pub(crate) fn has_image(&self, digest_hex: &str) -> bool {
        self.image(digest_hex).join("config.json").is_file()
    }

    /// The folder of an image, with `config.json` and `rootfs`.
    pub(crate) fn image(&self, digest_hex: &str) -> PathBuf {
        self.folder.images().join(digest_hex)
    }

    /// Stores a function's `bootstrap` under the key of its zip: `code/mcp-server-<hex>.zip`.
    pub(crate) fn put_code(&self, key: &str, bootstrap: &Path) -> anyhow::Result<()> {
        if self.has_code(key) {
            return Ok(());
        }
        put(&self.code(key), |folder| {
            let file = StoredFile {
                path: "/bootstrap".to_owned(),
                source: Source::File(bootstrap.to_owned()),
                mode: 0o755,
            };
            put_file(folder, &file).with_context(|| format!("cannot store {}", bootstrap.display()))
        })
    }

    pub(crate) fn has_code(&self, key: &str) -> bool {
        self.bootstrap(key).is_file()
    }

    pub(crate) fn bootstrap(&self, key: &str) -> PathBuf {
        self.code(key).join("bootstrap")
    }

    /// The unpacked code of a key; the `code/` in front and the `.zip` behind are the bucket's, not the folder's.
    fn code(&self, key: &str) -> PathBuf {
        let name = key.strip_prefix("code/").unwrap_or(key);
        let name = name.strip_suffix(".zip").unwrap_or(name);
        self.folder.code().join(name.replace('/', "_"))
    }

    /// Removes every image and code that is not in `keep`, which holds digests (hex) and code keys.
    pub(crate) fn prune(&self, keep: &BTreeSet<String>) -> anyhow::Result<()> {
        let kept: BTreeSet<PathBuf> = keep
            .iter()
            .flat_map(|key| [self.image(key), self.code(key)])
            .collect();
        for parent in [self.folder.images(), self.folder.code()] {
            for entry in fs::read_dir(&parent)
                .with_context(|| format!("cannot list {}", parent.display()))?
            {
                let path = entry?.path();
                if !kept.contains(&path) {
                    remove_folder(&path)?;
                }
            }
        }
        Ok(())
    }
}

/// Fills a folder beside its place and then moves it there, so that nobody sees half of it.
fn put(target: &Path, fill: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let temporary = target.with_file_name(format!(".{name}.{}", std::process::id()));
    remove_folder(&temporary)?;
    fs::create_dir_all(&temporary)
        .with_context(|| format!("cannot make {}", temporary.display()))?;
    fill(&temporary)?;
    // What stands there is half an image of an older version of this tool; a whole one would have been kept.
    remove_folder(target)?;
    fs::rename(&temporary, target)
        .with_context(|| format!("cannot move {} into place", target.display()))
}

fn put_file(root: &Path, file: &StoredFile) -> anyhow::Result<()> {
    let path = inside(root, &file.path)?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match &file.source {
        Source::File(source) => {
            fs::copy(source, &path).with_context(|| format!("cannot copy {}", source.display()))?;
        }
        #[cfg(test)]
        Source::Bytes(bytes) => fs::write(&path, bytes)?,
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?;
    Ok(())
}

/// A path of the image inside `root`. A path that would lead out of it is refused.
pub(crate) fn inside(root: &Path, path: &str) -> anyhow::Result<PathBuf> {
    let mut result = root.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => result.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                bail!("the path {path} leads out of the image")
            }
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_there_and_what_is_not_kept_goes() {
        let folder = tempfile::tempdir().unwrap();
        let store = ImageStore::new(folder.path()).unwrap();
        let file = |path: &str| StoredFile {
            path: path.to_owned(),
            source: Source::Bytes(b"x".to_vec()),
            mode: 0o755,
        };
        store
            .put_image(b"{}", &[file("/bin/a"), file("/b")], "aa")
            .unwrap();
        assert!(store.has_image("aa") && !store.has_image("bb"));
        assert!(store.put_image(b"{}", &[file("/../out")], "bb").is_err());
        assert!(!store.has_image("bb"));
        let bootstrap = folder.path().join("built");
        fs::write(&bootstrap, "x").unwrap();
        store.put_code("code/f-12.zip", &bootstrap).unwrap();
        assert!(store.has_code("code/f-12.zip"));
        store
            .prune(&BTreeSet::from(["code/f-12.zip".to_owned()]))
            .unwrap();
        assert!(!store.has_image("aa") && store.has_code("code/f-12.zip"));
    }
}
