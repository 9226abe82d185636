use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};

use super::*;
use crate::read;

/// The first bytes of a program for a processor.
fn program(machine: u8) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    bytes[18] = machine;
    bytes
}

fn tar_of(path: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o755);
    header.set_mtime(1_700_000_000);
    archive.append_data(&mut header, path, content).unwrap();
    archive.into_inner().unwrap()
}

fn config_of(architecture: &str, layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|layer| layer::digest(layer)).collect();
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "created": "2026-01-02T03:04:05Z",
        "docker_version": "1",
        "config": {
            "User": "5", "Env": ["PATH=/bin"], "Entrypoint": ["/bin/app"], "Cmd": null,
            "ExposedPorts": { "8080/tcp": {} }, "Labels": { "a": "b" },
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": [{ "created": "2026-01-02T03:04:05Z", "created_by": "COPY app /bin/app" }],
    });
    serde_json::to_vec(&config).unwrap()
}

const BASED: &str = "FROM debian:12\nRUN true\nUSER 5\n";

fn adopted(dockerfile: &str, config: &[u8], layers: &[&[u8]]) -> Result<BuiltImage, String> {
    let image = read("Dockerfile", dockerfile, &BTreeMap::new()).unwrap();
    let labels = [("revision".to_owned(), "abc".to_owned())];
    adopt("Dockerfile", image, EngineImage { config, layers }, &labels)
}

#[test]
fn what_differs_from_build_to_build_goes() {
    let tar = tar_of("bin/app", &program(183));
    let built = adopted(BASED, &config_of("arm64", &[&tar]), &[&tar]).unwrap();
    let mut config: Json = serde_json::from_slice(&built.config.bytes).unwrap();
    config["rootfs"]["diff_ids"][0] = "...".into();
    expect![[r#"
        {"architecture":"arm64","config":{"Entrypoint":["/bin/app"],"Env":["PATH=/bin"],"ExposedPorts":{"8080/tcp":{}},"Labels":{"a":"b","revision":"abc"},"User":"5"},"created":"1970-01-01T00:00:00Z","history":[{"created":"1970-01-01T00:00:00Z","created_by":"COPY app /bin/app"}],"os":"linux","rootfs":{"diff_ids":["..."],"type":"layers"}}"#]]
    .assert_eq(&config.to_string());
    assert_eq!(built.image.config.exposed_ports, ["8080/tcp"]);
    assert_eq!(built.layers.len(), 1);
    // A compressed layer is the same layer.
    let packed = built.layers[0].bytes.clone();
    let again = adopted(BASED, &config_of("arm64", &[&tar]), &[&packed]).unwrap();
    assert_eq!(again.manifest.digest, built.manifest.digest);
}

#[test]
fn without_a_base_the_authorities_come_first() {
    let tar = tar_of("bin/app", &program(183));
    let built = adopted(
        "FROM scratch\nUSER 5\n",
        &config_of("arm64", &[&tar]),
        &[&tar],
    )
    .unwrap();
    assert_eq!(built.layers[0], authorities::layer().unwrap());
    let config: Json = serde_json::from_slice(&built.config.bytes).unwrap();
    assert_eq!(config["history"].as_array().unwrap().len(), 2);
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
}

#[track_caller]
fn check(config: &[u8], layers: &[&[u8]], expected: Expect) {
    expected.assert_eq(&adopted(BASED, config, layers).unwrap_err());
}

#[test]
fn what_would_not_run_is_refused() {
    let good = tar_of("bin/app", &program(183));
    let foreign = tar_of("./bin/app", &program(62));
    check(
        &config_of("amd64", &[&good]),
        &[&good],
        expect![
            "Dockerfile: the engine built it for linux/amd64, and it will run on linux/arm64; is a base image pinned to another platform?"
        ],
    );
    check(
        &config_of("arm64", &[&good, &foreign]),
        &[&good, &foreign],
        expect![
            "Dockerfile: /bin/app is for 64-bit Intel and AMD processors, and it will run on 64-bit Arm; build it for linux/arm64"
        ],
    );
    check(
        &config_of("arm64", &[&foreign]),
        &[&good],
        expect!["Dockerfile: a layer of the engine's image is damaged; build it again"],
    );
    check(
        &config_of("arm64", &[&good]),
        &[],
        expect!["Dockerfile: the engine's image is not whole; build it again"],
    );
    check(
        &config_of("arm64", &[&good]),
        &[&[0x1f, 0x8b, 8]],
        expect!["Dockerfile: a layer of the engine's image is damaged"],
    );
    check(
        b"{}",
        &[],
        expect![
            "Dockerfile: the engine's image has no readable settings: missing field `architecture` at line 1 column 2"
        ],
    );
}
