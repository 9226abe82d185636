//! An image as files: an OCI layout, which `docker load`, containerd, skopeo and the registries' own tools read.

use serde::Serialize;
use serde_json::json;

use super::build::BuiltImage;
use super::manifest::MANIFEST_TYPE;

/// One file of a layout. The path begins at the layout's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutFile<'a> {
    pub path: String,
    pub bytes: std::borrow::Cow<'a, [u8]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u32,
    media_type: &'static str,
    manifests: [Reference<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference<'a> {
    media_type: &'static str,
    size: usize,
    digest: &'a str,
    platform: Platform<'a>,
    annotations: Annotations<'a>,
}

#[derive(Serialize)]
struct Platform<'a> {
    architecture: &'a str,
    os: &'static str,
}

#[derive(Serialize)]
struct Annotations<'a> {
    /// The whole name, for containerd.
    #[serde(rename = "io.containerd.image.name")]
    name: String,
    /// The tag alone, for everybody else.
    #[serde(rename = "org.opencontainers.image.ref.name")]
    tag: &'a str,
}

/// What `docker load` of an engine without containerd's store reads.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Archive {
    config: String,
    repo_tags: [String; 1],
    layers: Vec<String>,
}

/// The files of a layout that holds one image, sorted by path. Packed into a tar file they are what `docker load` takes.
///
/// The blobs keep Docker's media types: the digest is the one that the image has in a registry.
///
/// # Errors
/// None that can happen: what is written has no keys but texts.
pub fn layout<'a>(
    image: &'a BuiltImage,
    architecture: &str,
    repository: &str,
    tag: &str,
) -> Result<Vec<LayoutFile<'a>>, String> {
    let name = format!("{repository}:{tag}");
    let index = Index {
        schema_version: 2,
        media_type: "application/vnd.oci.image.index.v1+json",
        manifests: [Reference {
            media_type: MANIFEST_TYPE,
            size: image.manifest.bytes.len(),
            digest: &image.manifest.digest,
            platform: Platform {
                architecture,
                os: "linux",
            },
            annotations: Annotations {
                name: name.clone(),
                tag,
            },
        }],
    };
    let archive = [Archive {
        config: blob(&image.config.digest),
        repo_tags: [name],
        layers: image
            .layers
            .iter()
            .map(|layer| blob(&layer.digest))
            .collect(),
    }];
    let json = |path: &str, content: serde_json::Result<Vec<u8>>| {
        let bytes = content.map_err(|error| format!("cannot write {path}: {error}"))?;
        Ok::<_, String>(LayoutFile {
            path: path.to_owned(),
            bytes: bytes.into(),
        })
    };
    let mut files = vec![
        json("index.json", serde_json::to_vec(&index))?,
        json("manifest.json", serde_json::to_vec(&archive))?,
        json(
            "oci-layout",
            serde_json::to_vec(&json!({ "imageLayoutVersion": "1.0.0" })),
        )?,
    ];
    let documents = [&image.config, &image.manifest]
        .map(|document| (&document.digest, document.bytes.as_slice()));
    let layers = image
        .layers
        .iter()
        .map(|layer| (&layer.digest, layer.bytes.as_slice()));
    for (digest, bytes) in layers.chain(documents) {
        files.push(LayoutFile {
            path: blob(digest),
            bytes: bytes.into(),
        });
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    // Two layers with the same files are one blob.
    files.dedup_by(|left, right| left.path == right.path);
    Ok(files)
}

/// `blobs/sha256/...`
fn blob(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}
