//! The house has floors: a crate of the tool uses what lies below it and nothing above or beside. Cargo refuses circles, and
//! clippy what a pure crate must not call; what neither can say is here. See docs/ARCHITECTURE.md.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// From the top down. Crates on one floor do not use each other.
const FLOORS: &[&[&str]] = &[
    &["xtask"],
    &["aws", "local-cloud", "deploy"],
    &["build", "check", "smoke"],
    &["docker-engine", "tables"],
    &["stacks", "cloud", "agentcore-client", "sign-in"],
    &["image", "facts", "template"],
    &["files", "kinds", "resource-types", "words"],
];

/// Crates that compute and touch nothing.
const PURE: &[&str] = &[
    "check",
    "stacks",
    "image",
    "template",
    "kinds",
    "resource-types",
];

/// What a pure crate never depends on.
const EFFECTS: &[&str] = &[
    "bollard", "duct", "files", "notify", "reqwest", "rustix", "tokio", "which", "xshell",
];

#[test]
fn every_crate_uses_lower_floors_only() {
    let mut broken = Vec::new();
    for (name, dependencies) in crates() {
        let floor = floor_of(&name)
            .unwrap_or_else(|| panic!("{name} has no floor: give it one in {}", file!()));
        for used in dependencies {
            if floor_of(&used).is_some_and(|other| other <= floor) {
                broken.push(format!("{name} uses {used}"));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "a crate may use lower floors only:\n{}",
        broken.join("\n")
    );
}

#[test]
fn pure_crates_touch_nothing() {
    let crates = crates();
    let mut broken = Vec::new();
    for name in PURE {
        for used in &crates[*name] {
            if EFFECTS.contains(&used.as_str()) || used.starts_with("aws-") {
                broken.push(format!("{name} uses {used}"));
            }
        }
        let link = folder(name).join("clippy.toml");
        let target = fs::read_link(&link).unwrap_or_else(|_| panic!("{name} has no clippy.toml"));
        assert_eq!(target, Path::new("../pure.clippy.toml"), "{name}");
    }
    assert!(
        broken.is_empty(),
        "a pure crate touches no file, process, environment or network:\n{}",
        broken.join("\n")
    );
}

fn floor_of(name: &str) -> Option<usize> {
    FLOORS.iter().position(|crates| crates.contains(&name))
}

fn folder(name: &str) -> std::path::PathBuf {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR"));
    match name {
        "xtask" => tool.to_owned(),
        name => tool.join("crates").join(name),
    }
}

/// Every crate of the tool with what it depends on, tests aside.
fn crates() -> BTreeMap<String, Vec<String>> {
    let entries = fs::read_dir(folder("xtask").join("crates")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.push("xtask".to_owned());
    names
        .into_iter()
        .map(|name| {
            let manifest = fs::read_to_string(folder(&name).join("Cargo.toml")).unwrap();
            let dependencies = manifest
                .lines()
                .skip_while(|line| *line != "[dependencies]")
                .skip(1)
                .take_while(|line| !line.starts_with('['))
                .filter_map(|line| Some(line.split([' ', '.', '=']).next()?.to_owned()))
                .filter(|name| !name.is_empty() && !name.starts_with('#'))
                .collect();
            (name, dependencies)
        })
        .collect()
}
