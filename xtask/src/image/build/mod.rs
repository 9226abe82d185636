//! The embedded builder: a Dockerfile, its ARGs and its files become an image, the same on every machine and day.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::authorities;
use super::context::{Context, ContextEntry};
use super::dockerfile::{FileChange, Image, interpret};
use super::ignore::Ignore;
use super::layer::{self, Entries, Layer};
use super::manifest::{self, Document, Event};
use super::tree::{ReadFile, Tree};

/// Everything that an image depends on.
pub(crate) struct BuildInput<'a> {
    /// How errors name the Dockerfile.
    pub(crate) file: &'a str,
    pub(crate) dockerfile: &'a str,
    pub(crate) args: &'a BTreeMap<String, String>,
    /// As registries name it: `arm64`.
    pub(crate) architecture: &'a str,
    /// The text of the `.dockerignore`; empty when there is none.
    pub(crate) ignore: &'a str,
    /// The build context, in any order.
    pub(crate) entries: &'a [ContextEntry],
    /// Reads a file of the context; asked only for files that are copied.
    pub(crate) read: &'a ReadFile<'a>,
    /// Labels over and above the Dockerfile's, such as [`LABEL_SOURCE`]. They win.
    pub(crate) labels: &'a [(String, String)],
}

/// The label that says where the source is: a registry links the image to it.
pub(crate) const LABEL_SOURCE: &str = "org.opencontainers.image.source";
/// The label that says which commit an image is made of.
pub(crate) const LABEL_REVISION: &str = "org.opencontainers.image.revision";

/// An image, ready to be pushed or written down.
#[derive(Debug)]
pub(crate) struct BuiltImage {
    /// What the Dockerfile said.
    pub(crate) image: Image,
    pub(crate) config: Document,
    /// The certificate authorities first, then one for each instruction that adds files.
    pub(crate) layers: Vec<Arc<Layer>>,
    pub(crate) manifest: Document,
}

impl BuiltImage {
    /// The bytes that a registry keeps, as far as it has none of them yet.
    pub(crate) fn compressed_bytes(&self) -> u64 {
        let layers: usize = self.layers.iter().map(|layer| layer.bytes.len()).sum();
        (self.config.bytes.len() + self.manifest.bytes.len() + layers) as u64
    }
}

/// Builds an image.
///
/// # Errors
/// One line that names the Dockerfile, the line and the fix: what [`interpret`] refuses, a file that the context does not
/// have or `.dockerignore` keeps out, a file that cannot be read, a file in the way of a folder.
pub(crate) fn build(input: &BuildInput<'_>) -> Result<BuiltImage, String> {
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
        let entries = match &step.change {
            FileChange::None => Entries::new(),
            FileChange::Folder { path, owner } => tree.folder(path, *owner).map_err(at)?,
            FileChange::Copy(index) => tree
                .copy(&image.copies[*index], &context, input.read)
                .map_err(at)?,
        };
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

#[cfg(test)]
mod tests;
