//! This very repository as a workspace that a test may change: its folders by links, and a root Cargo.toml of its own.
//!
//! It always lies in the same place. What is compiled for the cloud depends on the workspace's path, so the tests that use it
//! compile the services once between them, and nothing of it is in the way of what a person builds in the repository.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What is the repository's own and never written to.
const LINKED: [&str; 5] = [".cargo", "Cargo.lock", "services", "templates", "xtask"];

/// Makes it anew, and returns its root.
pub(crate) fn this_workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("workspace");
    fs::create_dir_all(&root).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for name in LINKED {
        let link = root.join(name);
        match fs::symlink_metadata(&link) {
            Ok(folder) if folder.is_dir() => fs::remove_dir_all(&link).unwrap(),
            Ok(_) => fs::remove_file(&link).unwrap(),
            Err(_) => {}
        }
        symlink(repository.join(name), link).unwrap();
    }
    fs::copy(repository.join("Cargo.toml"), root.join("Cargo.toml")).unwrap();
    root
}

/// Where it is compiled to: the target folder that the tests themselves come from.
pub(crate) fn target() -> PathBuf {
    let tests = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tests.parent().unwrap().to_owned()
}
