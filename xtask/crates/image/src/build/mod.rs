//! The embedded builder: a Dockerfile, its ARGs and its files become an image, the same on every machine and day.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::authorities;
use super::context::{Context, ContextEntry};
use super::dockerfile::{FileChange, Image, interpret};
use super::ignore::Ignore;
use super::layer::{self, Entries, Entry, Layer};
use super::manifest::{self, Document, Event};
use super::tree::{Placement, Placements, Tree};

/// Reads a file of the build context.
pub(crate) type ReadFile<'a> = dyn Fn(&str) -> Result<Vec<u8>, String> + 'a;

/// Everything that an image depends on.
pub struct BuildInput<'a> {
    /// How errors name the Dockerfile.
    pub file: &'a str,
    pub dockerfile: &'a str,
    pub args: &'a BTreeMap<String, String>,
    /// As registries name it: `arm64`.
    pub architecture: &'a str,
    /// The text of the `.dockerignore`; empty when there is none.
    pub ignore: &'a str,
    /// The build context, in any order.
    pub entries: &'a [ContextEntry],
    /// Reads a file of the context; asked only for files that are copied.
    pub read: &'a ReadFile<'a>,
    /// Labels over and above the Dockerfile's, such as [`LABEL_SOURCE`]. They win.
    pub labels: &'a [(String, String)],
}

/// The label that says where the source is: a registry links the image to it.
pub const LABEL_SOURCE: &str = "org.opencontainers.image.source";
/// The label that says which commit an image is made of.
pub const LABEL_REVISION: &str = "org.opencontainers.image.revision";

/// An image, ready to be pushed or written down.
#[derive(Debug)]
pub struct BuiltImage {
    /// What the Dockerfile said.
    pub image: Image,
    pub config: Document,
    /// The certificate authorities first, then one for each instruction that adds files.
    pub layers: Vec<Arc<Layer>>,
    pub manifest: Document,
}

impl BuiltImage {
    /// The bytes that a registry keeps, as far as it has none of them yet.
    pub fn compressed_bytes(&self) -> u64 {
        let layers: usize = self.layers.iter().map(|layer| layer.bytes.len()).sum();
        (self.config.bytes.len() + self.manifest.bytes.len() + layers) as u64
    }
}

/// Builds an image.
///
/// # Errors
/// One line that names the Dockerfile, the line and the fix: what [`interpret`] refuses, a file that the context does not
/// have or `.dockerignore` keeps out, a file that cannot be read, a file in the way of a folder.
pub fn build(input: &BuildInput<'_>) -> Result<BuiltImage, String> {
    let mut image = interpret(input.file, input.dockerfile, input.args)?;
    image.config.labels.extend(input.labels.iter().cloned());
    let ignore = Ignore::parse(input.ignore)?;
    let context = Context::new(input.entries, &ignore)?;
    let mut tree = Tree::with_file(authorities::PATH);
    let mut layers = vec![authorities::layer()?];
    let mut events = vec![Event {
        text: format!("COPY ca-certificates.crt /{}", authorities::PATH),
        has_layer: true,
    }];
    for step in &image.steps {
        let at = |problem: String| format!("{}:{}: {problem}", input.file, step.line);
        let placements = place(&image, &step.change, &mut tree, &context).map_err(at)?;
        let entries = read_all(placements, input.read).map_err(at)?;
        let has_layer = !entries.is_empty();
        if has_layer {
            layers.push(Arc::new(layer::write(&entries).map_err(at)?));
        }
        events.push(Event {
            text: step.text.clone(),
            has_layer,
        });
    }
    let all = || layers.iter().map(AsRef::as_ref);
    let config = manifest::config(input.architecture, &image.config, &events, all())?;
    let manifest = manifest::manifest(&config, all())?;
    Ok(BuiltImage {
        image,
        config,
        layers,
        manifest,
    })
}

/// What one step puts into the image.
fn place(
    image: &Image,
    change: &FileChange,
    tree: &mut Tree,
    context: &Context<'_>,
) -> Result<Placements, String> {
    match change {
        FileChange::None => Ok(Placements::new()),
        FileChange::Folder { path, owner } => tree.folder(path, *owner),
        FileChange::Copy(index) => tree.copy(&image.copies[*index], context),
    }
}

fn read_all(placements: Placements, read: &ReadFile<'_>) -> Result<Entries, String> {
    let entry = |(path, placement): (String, Placement)| {
        let read =
            |source: String| read(&source).map_err(|problem| format!("COPY {source}: {problem}"));
        let entry = Entry {
            mode: placement.mode,
            owner: placement.owner,
            content: placement.source.map(read).transpose()?,
        };
        Ok((path, entry))
    };
    placements.into_iter().map(entry).collect()
}

/// A file of an image, and where in the build context it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedFile {
    /// Absolute, inside the image.
    pub path: String,
    pub source: String,
    /// Permission bits.
    pub mode: u32,
}

/// The files that an image's COPY lines put into it, sorted by path, for whoever runs it without packing it.
///
/// # Errors
/// As [`build`], as far as nothing is read.
pub fn files(
    file: &str,
    image: &Image,
    entries: &[ContextEntry],
    ignore: &str,
) -> Result<Vec<PlacedFile>, String> {
    let ignore = Ignore::parse(ignore)?;
    let context = Context::new(entries, &ignore)?;
    let mut tree = Tree::with_file(authorities::PATH);
    let mut placed = Placements::new();
    for step in &image.steps {
        let at = |problem: String| format!("{file}:{}: {problem}", step.line);
        placed.extend(place(image, &step.change, &mut tree, &context).map_err(at)?);
    }
    let file = |(path, placement): (String, Placement)| {
        Some(PlacedFile {
            path: format!("/{path}"),
            source: placement.source?,
            mode: placement.mode,
        })
    };
    Ok(placed.into_iter().filter_map(file).collect())
}

#[cfg(test)]
mod tests;
