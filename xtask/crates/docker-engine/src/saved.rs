//! What `docker save` writes: a tar with a list, a configuration and the layers.

use std::collections::BTreeMap;
use std::io::Read;

use anyhow::Context;
use bytes::Bytes;
use serde::Deserialize;

/// An image out of the engine.
#[derive(Debug, Clone)]
pub struct Saved {
    /// The image's configuration, byte for byte: its SHA-256 is the image's id, except with the containerd store.
    pub config: Bytes,
    /// From the bottom up; each a tar, or with the containerd store a compressed one.
    pub layers: Vec<Bytes>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    layers: Vec<String>,
}

impl Saved {
    /// Reads the archive of one image.
    pub fn read(archive: &[u8]) -> anyhow::Result<Self> {
        let mut files: BTreeMap<String, Bytes> = BTreeMap::new();
        let mut links: BTreeMap<String, String> = BTreeMap::new();
        for entry in tar::Archive::new(archive).entries()? {
            let mut entry = entry.context("the saved image is not a tar")?;
            let path = entry.path()?.to_string_lossy().into_owned();
            if let Some(target) = entry.link_name()? {
                links.insert(path.clone(), resolve(&path, &target.to_string_lossy()));
            } else {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                files.insert(path, bytes.into());
            }
        }
        let file = |name: &str| {
            // The same layer twice is a link the second time.
            let name = links.get(name).map_or(name, String::as_str);
            files
                .get(name)
                .cloned()
                .with_context(|| format!("the saved image has no {name}"))
        };
        let list: Vec<Entry> = serde_json::from_slice(&file("manifest.json")?)
            .context("the saved image's manifest.json is unreadable")?;
        let first = list.first().context("the saved image is none")?;
        Ok(Self {
            config: file(&first.config)?,
            layers: first
                .layers
                .iter()
                .map(|layer| file(layer))
                .collect::<anyhow::Result<_>>()?,
        })
    }
}

/// `../b/layer.tar` seen from `a/layer.tar`.
fn resolve(path: &str, target: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}
