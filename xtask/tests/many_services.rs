//! Facts, plan and check stay linear: four times as many services take some four times as long.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;

#[path = "shared/processor_time.rs"]
mod processor_time;
#[path = "shared/templates.rs"]
mod templates;

use processor_time::children_seconds;
use templates::copy_templates;

const ROOT: &str = r#"[workspace]
resolver = "3"
members = ["services/*"]

[workspace.metadata]
project = "many"

[workspace.metadata.stages.local]
cloud = "local"

[workspace.metadata.stages.dev]
region = "us-west-2"
"#;
const DOCKERFILE: &str = "FROM scratch\nCOPY --chmod=0555 NAME /NAME\nENV PORT=8080\nUSER 65532:65532\nEXPOSE 8080\n\
    HEALTHCHECK --interval=10s --timeout=2s --start-period=5s --retries=3 CMD [\"/NAME\", \"health\"]\nENTRYPOINT [\"/NAME\"]\n";

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Each links to the one before and to one that is halfway to the first, so that the longest chain has all of them. Every fourth
/// is a container, the others are functions.
fn workspace(root: &Path, count: usize) {
    write(root, "Cargo.toml", ROOT);
    copy_templates(root);
    for number in 0..count {
        let name = format!("s{number}");
        let kind = if number % 4 == 0 { "fargate" } else { "lambda" };
        let mut facts = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[package.metadata.service]\nkind = \"{kind}\"\n\
             [package.metadata.service.env]\n"
        );
        if number > 0 {
            facts += &format!("BEFORE_URL = {{ link = \"s{}.url\" }}\n", number - 1);
        }
        if number > 2 {
            facts += &format!("HALFWAY_URL = {{ link = \"s{}.url\" }}\n", number / 2);
        }
        let folder = format!("services/{name}");
        write(root, &format!("{folder}/Cargo.toml"), &facts);
        write(root, &format!("{folder}/src/main.rs"), "fn main() {}\n");
        if kind == "fargate" {
            write(
                root,
                &format!("{folder}/Dockerfile"),
                &DOCKERFILE.replace("NAME", &name),
            );
        }
    }
}

/// What `plan` costs for so many services: processor and wall seconds.
fn plan(count: usize) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    workspace(folder.path(), count);
    let run = || {
        let (began, before) = (std::time::Instant::now(), children_seconds());
        let mut command = Command::cargo_bin("xtask").unwrap();
        let words = ["plan", "--stage", "dev", "--offline", "--json"];
        let output = command
            .args(words)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let seconds = (children_seconds() - before, began.elapsed().as_secs_f64());
        assert!(output.status.success(), "{output:?}");
        let planned: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let stacks = planned["stacks"].as_array().unwrap();
        assert_eq!(stacks.len(), count + 2, "network and artifacts besides");
        seconds
    };
    // The first run writes the lock file.
    run();
    run()
}

#[test]
fn planning_is_linear() {
    let (few, many) = (plan(100).0, plan(400).0);
    assert!(
        many < 8.0 * few + 0.2,
        "100 services: {few:.2} s of CPU, 400 services: {many:.2} s"
    );
}

#[test]
#[ignore = "for figures: see docs/performance.md"]
#[expect(clippy::print_stderr, reason = "it is run for its figures")]
fn planning_a_thousand() {
    let (processor_seconds, wall_seconds) = plan(1_000);
    eprintln!("1,000 services: {processor_seconds:.2} s of CPU, {wall_seconds:.2} s");
}
