//! The files that a COPY can name.

use std::collections::{BTreeMap, BTreeSet};

use super::glob;
use super::ignore::Ignore;
use super::paths;

/// One file or folder of a build context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextEntry {
    /// From the context, with slashes and without one at either end.
    pub path: String,
    pub kind: EntryKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Listed only if it should be in the image even when empty.
    Folder,
    File {
        /// Permission bits; an image keeps them as they are. Whoever lists the files gives 0755 or 0644, as git would:
        /// then no umask changes a digest.
        mode: u32,
    },
    /// A symbolic link, a socket, a device: an image takes none of them.
    Other,
}

/// What a `.dockerignore` leaves of a build context.
///
/// # Errors
/// A malformed pattern.
pub fn kept<'a>(
    entries: &'a [ContextEntry],
    ignore: &str,
) -> Result<Vec<&'a ContextEntry>, String> {
    let ignore = Ignore::parse(ignore)?;
    let kept = |entry: &&ContextEntry| !ignore.excludes(&entry.path);
    Ok(entries.iter().filter(kept).collect())
}

/// A build context after its `.dockerignore`.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    entries: BTreeMap<&'a str, EntryKind>,
    folders: BTreeSet<&'a str>,
    ignore: &'a Ignore,
    /// All paths, for the sake of an error that says why one is missing.
    listed: BTreeSet<&'a str>,
}

impl<'a> Context<'a> {
    /// # Errors
    /// A path that leads out of the context, or that is listed twice.
    pub(crate) fn new(entries: &'a [ContextEntry], ignore: &'a Ignore) -> Result<Self, String> {
        let mut context = Self {
            entries: BTreeMap::new(),
            folders: BTreeSet::from([""]),
            ignore,
            listed: BTreeSet::new(),
        };
        for entry in entries {
            let path = entry.path.as_str();
            if path.is_empty() || path.contains('\0') || paths::clean(path) != path {
                return Err(format!("`{path}` is not a path in a build context"));
            }
            if !context.listed.insert(path) {
                return Err(format!("{path} is in the build context twice"));
            }
            if ignore.excludes(path) {
                continue;
            }
            context.entries.insert(path, entry.kind);
            context.folders.extend(paths::parents(path));
            if entry.kind == EntryKind::Folder {
                context.folders.insert(path);
            }
        }
        for (path, kind) in &context.entries {
            if context.folders.contains(path) && *kind != EntryKind::Folder {
                return Err(format!(
                    "{path} is both a file and a folder in the build context"
                ));
            }
        }
        Ok(context)
    }

    /// The files and folders that a source of a COPY names, sorted; at least one.
    pub(crate) fn find(&self, source: &str) -> Result<Vec<&'a str>, String> {
        if glob::is_pattern(source) {
            let pattern = glob::compile(source, false)
                .map_err(|problem| format!("COPY {source}: {problem}"))?;
            let all: BTreeSet<&str> = self.entries.keys().chain(&self.folders).copied().collect();
            let found: Vec<&str> = all
                .into_iter()
                .filter(|path| !path.is_empty() && glob::matches(&pattern, path))
                .collect();
            if found.is_empty() {
                return Err(format!(
                    "COPY {source}: nothing in the build context matches"
                ));
            }
            return Ok(found);
        }
        let source = source.replace('\\', "");
        let known = self.entries.keys().chain(&self.folders);
        if let Some(path) = known.copied().find(|path| *path == source) {
            return Ok(vec![path]);
        }
        let below = format!("{source}/");
        let listed = |path: &&str| **path == source || path.starts_with(&below);
        if self.listed.iter().any(listed) && self.ignore.excludes(&source) {
            return Err(format!(
                "COPY {source}: .dockerignore keeps it out of the build context; add the line !{source}"
            ));
        }
        Err(format!(
            "COPY {source}: there is no such file in the build context"
        ))
    }

    pub(crate) fn is_folder(&self, path: &str) -> bool {
        self.folders.contains(path)
    }

    /// What a path is; a folder that is there only for what lies in it has no entry of its own.
    pub(crate) fn kind(&self, path: &str) -> EntryKind {
        self.entries.get(path).copied().unwrap_or(EntryKind::Folder)
    }

    /// Everything in a folder, at any depth: the path from the folder, and the path from the context.
    pub(crate) fn within(&self, folder: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let start = match folder {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        self.entries
            .keys()
            .filter_map(move |path| Some((path.strip_prefix(start.as_str())?, *path)))
    }
}
