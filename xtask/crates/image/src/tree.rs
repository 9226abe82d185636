//! The file tree of an image: what each COPY and WORKDIR adds to what is there already.

use std::collections::BTreeMap;

use super::context::{Context, EntryKind};
use super::dockerfile::Copied;
use super::paths;

/// What one instruction puts into an image, by path without a leading slash; nothing is read yet.
pub(crate) type Placements = BTreeMap<String, Placement>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement {
    /// Permission bits.
    pub mode: u32,
    pub owner: (u32, u32),
    /// The file of the build context; none is a folder.
    pub source: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    File,
}

/// What is in the image so far, by path without a leading slash.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: BTreeMap<String, Node>,
}

/// What one instruction says about all that it makes.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    /// `--chmod`: for what is copied, not for the folders that it has to lie in.
    mode: Option<u32>,
    owner: (u32, u32),
}

/// Folders that nobody said anything about.
const FOLDER_MODE: u32 = 0o755;

impl Tree {
    /// Takes note of a file that is there before the first instruction.
    pub(crate) fn with_file(path: &str) -> Self {
        let mut nodes: BTreeMap<String, Node> = paths::parents(path)
            .map(|folder| (folder.to_owned(), Node::Folder))
            .collect();
        nodes.insert(path.to_owned(), Node::File);
        Self { nodes }
    }

    /// What a WORKDIR adds.
    pub(crate) fn folder(&mut self, path: &str, owner: (u32, u32)) -> Result<Placements, String> {
        let mut entries = Placements::new();
        self.make_folders(path, FOLDER_MODE, owner, &mut entries)?;
        Ok(entries)
    }

    /// What a COPY adds.
    pub(crate) fn copy(
        &mut self,
        copied: &Copied,
        context: &Context<'_>,
    ) -> Result<Placements, String> {
        let mut entries = Placements::new();
        let stamp = Stamp {
            mode: copied.mode,
            owner: copied.owner.unwrap_or((0, 0)),
        };
        let destination = paths::clean(&copied.destination);
        // `COPY app /bin/` makes the folder, even if it copies nothing into it.
        if copied.destination.ends_with('/') {
            self.make_folders(&destination, FOLDER_MODE, stamp.owner, &mut entries)?;
        }
        for source in &copied.sources {
            for path in context.find(source)? {
                if context.is_folder(path) {
                    self.copy_folder(path, &destination, context, stamp, &mut entries)?;
                    continue;
                }
                let target = if self.is_folder(&destination) {
                    paths::join(&destination, paths::name(path))
                } else {
                    destination.clone()
                };
                self.copy_file(path, target, context, stamp, &mut entries)?;
            }
        }
        Ok(entries)
    }

    /// A folder gives its contents, not itself.
    fn copy_folder(
        &mut self,
        folder: &str,
        destination: &str,
        context: &Context<'_>,
        stamp: Stamp,
        entries: &mut Placements,
    ) -> Result<(), String> {
        self.make_folders(destination, FOLDER_MODE, stamp.owner, entries)?;
        let mode = stamp.mode.unwrap_or(FOLDER_MODE);
        for (name, path) in context.within(folder) {
            let target = paths::join(destination, name);
            if context.kind(path) == EntryKind::Folder {
                self.make_folders(&target, mode, stamp.owner, entries)?;
                continue;
            }
            if let Some((above, _)) = target.rsplit_once('/') {
                self.make_folders(above, mode, stamp.owner, entries)?;
            }
            self.copy_file(path, target, context, stamp, entries)?;
        }
        Ok(())
    }

    fn copy_file(
        &mut self,
        path: &str,
        target: String,
        context: &Context<'_>,
        stamp: Stamp,
        entries: &mut Placements,
    ) -> Result<(), String> {
        let EntryKind::File { mode } = context.kind(path) else {
            return Err(format!(
                "COPY: {path} is neither a file nor a folder; an image takes no links from the build context"
            ));
        };
        if self.is_folder(&target) {
            return Err(format!(
                "COPY {path}: /{target} is a folder already, and a file does not replace one"
            ));
        }
        if let Some((above, _)) = target.rsplit_once('/') {
            self.make_folders(above, FOLDER_MODE, stamp.owner, entries)?;
        }
        let entry = Placement {
            mode: stamp.mode.unwrap_or(mode & 0o777),
            owner: stamp.owner,
            source: Some(path.to_owned()),
        };
        entries.insert(target.clone(), entry);
        self.nodes.insert(target, Node::File);
        Ok(())
    }

    /// A folder and those above it, as far as they are missing.
    fn make_folders(
        &mut self,
        path: &str,
        mode: u32,
        owner: (u32, u32),
        entries: &mut Placements,
    ) -> Result<(), String> {
        if path.is_empty() {
            return Ok(());
        }
        for folder in paths::parents(path).chain([path]) {
            match self.nodes.get(folder) {
                Some(Node::Folder) => continue,
                Some(Node::File) => {
                    return Err(format!(
                        "/{folder} is a file already, and nothing can lie in it"
                    ));
                }
                None => {}
            }
            self.nodes.insert(folder.to_owned(), Node::Folder);
            let entry = Placement {
                mode,
                owner,
                source: None,
            };
            entries.insert(folder.to_owned(), entry);
        }
        Ok(())
    }

    fn is_folder(&self, path: &str) -> bool {
        path.is_empty() || self.nodes.get(path) == Some(&Node::Folder)
    }
}
