//! An image that the Docker engine built, in the form that the embedded builder gives one: the same checks, the same files.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::build::BuiltImage;
use super::dockerfile::Image;
use super::layer::{self, Layer};
use super::manifest::{self, Document, EPOCH};
use super::{authorities, elf, gzip, paths};

/// What the engine keeps of an image.
#[derive(Debug, Clone, Copy)]
pub struct EngineImage<'a> {
    /// The configuration, as JSON.
    pub config: &'a [u8],
    /// Tar files from the bottom up, gzipped or plain.
    pub layers: &'a [&'a [u8]],
}

#[derive(Deserialize)]
struct Found {
    architecture: String,
    os: String,
    #[serde(default)]
    config: Map<String, Json>,
    rootfs: RootFs,
    #[serde(default)]
    history: Vec<Map<String, Json>>,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

/// Takes the image over: the certificate authorities below it where it has no base, `labels` beside its own, and no time of
/// day. The digest is as stable as the engine's layers are: its cache keeps them, a RUN makes new ones.
///
/// # Errors
/// One sentence that names `file`, the Dockerfile: another platform, a damaged layer, a program for other processors.
pub fn adopt(
    file: &str,
    mut image: Image,
    found: EngineImage<'_>,
    labels: &[(String, String)],
) -> Result<BuiltImage, String> {
    let unreadable =
        |error| format!("{file}: the engine's image has no readable settings: {error}");
    let mut config: Found = serde_json::from_slice(found.config).map_err(unreadable)?;
    if (config.os.as_str(), config.architecture.as_str()) != ("linux", "arm64") {
        return Err(format!(
            "{file}: the engine built it for {}/{}, and it will run on linux/arm64; is a base image pinned to another platform?",
            config.os, config.architecture
        ));
    }
    let mut layers = Vec::new();
    if image
        .outside
        .as_ref()
        .is_none_or(|outside| outside.on_scratch)
    {
        layers.push(authorities::layer()?);
        let text = format!("COPY ca-certificates.crt /{}", authorities::PATH);
        let event = json!({ "created_by": text, "comment": "turnpike" });
        config
            .history
            .insert(0, event.as_object().cloned().unwrap_or_default());
    }
    if found.layers.len() != config.rootfs.diff_ids.len() {
        return Err(format!(
            "{file}: the engine's image is not whole; build it again"
        ));
    }
    let mut trees = Vec::new();
    for (bytes, diff_id) in found.layers.iter().zip(&config.rootfs.diff_ids) {
        let tar = unpacked(bytes).map_err(|problem| format!("{file}: {problem}"))?;
        let layer = layer::of_tar(&tar);
        if layer.diff_id != *diff_id {
            return Err(format!(
                "{file}: a layer of the engine's image is damaged; build it again"
            ));
        }
        layers.push(Arc::new(layer));
        trees.push(tar);
    }
    take_settings(&mut image, &config.config);
    check_entry_point(&image, &trees).map_err(|problem| format!("{file}: {problem}"))?;
    let config = document(config, &layers, labels)?;
    let manifest = manifest::manifest(&config, layers.iter().map(AsRef::as_ref))?;
    Ok(BuiltImage {
        image,
        config,
        layers,
        manifest,
    })
}

fn unpacked(layer: &[u8]) -> Result<Vec<u8>, String> {
    if layer.starts_with(&[0x1f, 0x8b]) {
        gzip::gunzip(layer).ok_or_else(|| "a layer of the engine's image is damaged".to_owned())
    } else {
        Ok(layer.to_vec())
    }
}

/// What the checks look at: a base image may have said it, not the Dockerfile.
fn take_settings(image: &mut Image, found: &Map<String, Json>) {
    let words = |key: &str| -> Vec<String> {
        let list = found.get(key).and_then(Json::as_array);
        let list = list.into_iter().flatten().filter_map(Json::as_str);
        list.map(str::to_owned).collect()
    };
    let config = &mut image.config;
    let user = found.get("User").and_then(Json::as_str);
    config.user = user.unwrap_or_default().to_owned();
    config.entrypoint = words("Entrypoint");
    config.command = words("Cmd");
    let ports = found.get("ExposedPorts").and_then(Json::as_object);
    config.exposed_ports = ports.into_iter().flat_map(Map::keys).cloned().collect();
    let volumes = found.get("Volumes").and_then(Json::as_object);
    config.volumes = volumes.into_iter().flat_map(Map::keys).cloned().collect();
    config.environment = words("Env")
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
}

/// The program that the image starts, where it stands in it under its own name: it must be one for 64-bit Arm.
fn check_entry_point(image: &Image, trees: &[Vec<u8>]) -> Result<(), String> {
    let words = image.config.entrypoint.iter().chain(&image.config.command);
    let Some(program) = words.take(1).find(|word| word.starts_with('/')) else {
        return Ok(());
    };
    let wanted = paths::clean(program);
    for tree in trees.iter().rev() {
        let mut archive = tar::Archive::new(tree.as_slice());
        let entries = archive
            .entries()
            .map_err(|error| format!("a layer is not a tar file: {error}"))?;
        for entry in entries {
            let entry = entry.map_err(|error| format!("a layer is not a tar file: {error}"))?;
            let here = paths::clean(&String::from_utf8_lossy(&entry.path_bytes())) == wanted;
            if here && entry.header().entry_type().is_file() {
                let mut start = Vec::new();
                let read = entry.take(64).read_to_end(&mut start);
                read.map_err(|error| format!("{program} cannot be read: {error}"))?;
                return elf::check_processor(program, &start);
            }
        }
    }
    Ok(())
}

/// The configuration without what differs from one build to the next.
fn document(
    found: Found,
    layers: &[Arc<Layer>],
    labels: &[(String, String)],
) -> Result<Document, String> {
    let mut config: BTreeMap<String, Json> = found.config.into_iter().collect();
    config.retain(|_, value| !value.is_null());
    let written = config
        .remove("Labels")
        .and_then(|labels| labels.as_object().cloned());
    let mut all: BTreeMap<String, Json> = written.into_iter().flatten().collect();
    all.extend(
        labels
            .iter()
            .map(|(name, value)| (name.clone(), Json::from(value.as_str()))),
    );
    if !all.is_empty() {
        config.insert("Labels".to_owned(), json!(all));
    }
    let history = found.history.into_iter().map(|event| {
        let mut event: BTreeMap<String, Json> = event.into_iter().collect();
        event.insert("created".to_owned(), EPOCH.into());
        event
    });
    let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
    let whole: BTreeMap<&str, Json> = BTreeMap::from([
        ("architecture", found.architecture.into()),
        ("config", json!(config)),
        ("created", EPOCH.into()),
        ("history", json!(history.collect::<Vec<_>>())),
        ("os", found.os.into()),
        ("rootfs", json!({ "type": "layers", "diff_ids": diff_ids })),
    ]);
    manifest::document(&whole)
}

#[cfg(test)]
mod tests;
