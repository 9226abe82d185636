//! Git, asked which commit something is made of.

use std::path::Path;

use xshell::{Shell, cmd};

/// The last commit that changed one of these paths; none outside a repository, or where something is not committed.
pub fn revision(root: &Path, paths: &[String]) -> Option<String> {
    let shell = Shell::new().ok()?;
    shell.change_dir(root);
    let changed = cmd!(shell, "git status --porcelain -- {paths...}")
        .quiet()
        .ignore_stderr()
        .read()
        .ok()?;
    if !changed.is_empty() {
        return None;
    }
    let revision = cmd!(shell, "git log -1 --format=%H -- {paths...}")
        .quiet()
        .ignore_stderr()
        .read()
        .ok()?;
    (!revision.is_empty()).then_some(revision)
}
