//! The two JSON documents of an image: its configuration, and the manifest that a registry is asked for.
//!
//! Docker's own media types, one plain manifest and no index around it: that is what the most registries and runtimes take.

use serde::Serialize;

use super::config::{ImageConfig, RuntimeConfig};
use super::layer::{Layer, digest};

pub const MANIFEST_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const CONFIG_TYPE: &str = "application/vnd.docker.container.image.v1+json";
pub(crate) const LAYER_TYPE: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// The time of everything: an image is the same whenever it is built.
pub(crate) const EPOCH: &str = "1970-01-01T00:00:00Z";

/// A document with the digest that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub digest: String,
    pub bytes: Vec<u8>,
}

/// One line of an image's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub text: String,
    pub has_layer: bool,
}

#[derive(Serialize)]
struct Config<'a> {
    architecture: &'a str,
    config: RuntimeConfig<'a>,
    created: &'static str,
    history: Vec<History<'a>>,
    os: &'static str,
    rootfs: RootFs<'a>,
}

#[derive(Serialize)]
struct History<'a> {
    created: &'static str,
    created_by: &'a str,
    comment: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    empty_layer: bool,
}

#[derive(Serialize)]
struct RootFs<'a> {
    r#type: &'static str,
    diff_ids: Vec<&'a str>,
}

/// The configuration of an image for one architecture: `arm64`.
pub(crate) fn config<'a>(
    architecture: &str,
    config: &ImageConfig,
    events: &[Event],
    layers: impl Iterator<Item = &'a Layer>,
) -> Result<Document, String> {
    let history = events.iter().map(|event| History {
        created: EPOCH,
        created_by: &event.text,
        comment: "turnpike",
        empty_layer: !event.has_layer,
    });
    document(&Config {
        architecture,
        config: config.runtime(),
        created: EPOCH,
        history: history.collect(),
        os: "linux",
        rootfs: RootFs {
            r#type: "layers",
            diff_ids: layers.map(|layer| layer.diff_id.as_str()).collect(),
        },
    })
}

/// What a registry and a layout say about a blob.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    media_type: &'static str,
    size: usize,
    digest: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u32,
    media_type: &'static str,
    config: Descriptor<'a>,
    layers: Vec<Descriptor<'a>>,
}

/// The manifest of an image.
pub(crate) fn manifest<'a>(
    config: &Document,
    layers: impl Iterator<Item = &'a Layer>,
) -> Result<Document, String> {
    document(&Manifest {
        schema_version: 2,
        media_type: MANIFEST_TYPE,
        config: Descriptor {
            media_type: CONFIG_TYPE,
            size: config.bytes.len(),
            digest: &config.digest,
        },
        layers: layers
            .map(|layer| Descriptor {
                media_type: LAYER_TYPE,
                size: layer.bytes.len(),
                digest: &layer.digest,
            })
            .collect(),
    })
}

/// Writes a document as JSON.
pub(crate) fn document(content: &impl Serialize) -> Result<Document, String> {
    let bytes = serde_json::to_vec(content)
        .map_err(|error| format!("cannot write a document of the image: {error}"))?;
    let digest = digest(&bytes);
    Ok(Document { digest, bytes })
}
