//! The rendered templates of every stage, before the judge that AWS maintains.

use std::path::Path;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;

/// The stages that the root `Cargo.toml` names.
fn stages() -> Vec<String> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .no_deps()
        .exec()
        .expect("cargo reads the workspace");
    let stages = metadata.workspace_metadata["stages"]
        .as_object()
        .expect("the workspace has stages");
    stages.keys().cloned().collect()
}

/// The templates that are written. What lies beside them is for `plan`.
fn render(stage: &str, folder: &Path) -> Vec<std::path::PathBuf> {
    Command::new(cargo_bin!("xtask"))
        .args(["render", "--stage", stage, "--out"])
        .arg(folder)
        .assert()
        .success();
    let entries = folder.read_dir().expect("the folder has been written");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_stage_renders_a_file_per_stack() {
    for stage in stages() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = render(&stage, folder.path());
        for owner in [
            "agent",
            "artifacts",
            "frontend",
            "mcp-server",
            "network",
            "x402-backend",
        ] {
            let file = folder.path().join(format!("{owner}.yaml"));
            assert!(files.contains(&file), "stage {stage} has no {owner}.yaml");
        }
    }
}

#[test]
fn rendering_twice_gives_the_same_bytes() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let [first, second] = folders.each_ref().map(|folder| {
        let files = render("dev", folder.path());
        files
            .iter()
            .map(|file| std::fs::read_to_string(file).expect("a text"))
            .collect::<Vec<_>>()
    });
    assert_eq!(first, second);
}

/// `TURNPIKE_TEST_CFN_LINT` is the path of cfn-lint: `python3 -m venv V && V/bin/pip install cfn-lint`, then
/// `V/bin/cfn-lint`.
#[test]
#[ignore = "needs cfn-lint"]
fn cfn_lint_finds_nothing_at_any_level() {
    let cfn_lint = std::env::var("TURNPIKE_TEST_CFN_LINT").expect("TURNPIKE_TEST_CFN_LINT is set");
    for stage in stages() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = render(&stage, folder.path());
        // Regions that have every type the templates use. A region without AgentCore is an error of its own (E3006).
        Command::new(&cfn_lint)
            .args([
                "--include-checks",
                "I",
                "--regions",
                "us-east-1",
                "us-west-2",
                "eu-west-1",
                "--",
            ])
            .args(files)
            .assert()
            .success()
            .stdout("");
    }
}

/// `TURNPIKE_TEST_CFN_LINT` as above: the schemas that say what a deploy needs are in its package.
#[test]
#[ignore = "needs cfn-lint"]
fn the_policies_are_what_their_script_makes_of_schemas_and_templates() {
    let cfn_lint = std::env::var("TURNPIKE_TEST_CFN_LINT").expect("TURNPIKE_TEST_CFN_LINT is set");
    Command::new(Path::new(&cfn_lint).with_file_name("python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/make.py"))
        .arg("--compare")
        .assert()
        .success();
}
