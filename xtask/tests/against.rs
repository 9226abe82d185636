//! `plan --offline --against`: a stage rendered in one checkout, compared with another, without a cloud.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "terminal/small.rs"]
mod small;

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::Value as Json;
use small::{workspace, write, xtask};

/// A small workspace, rendered into `main` inside of it.
fn rendered() -> tempfile::TempDir {
    let workspace = workspace("one", 0);
    let output = xtask(workspace.path(), &["render", "--out", "main"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    workspace
}

/// What the comparison says, on stdout or, when it fails, on stderr.
fn said(folder: &Path, more: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["plan", "--offline", "--against", "main"], more].concat();
    let output = xtask(folder, &arguments).output().unwrap();
    let text = match output.status.success() {
        true => output.stdout,
        false => output.stderr,
    };
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn check(folder: &Path, code: i32, expected: Expect) {
    let (ended, text) = said(folder, &[]);
    assert_eq!(ended, Some(code), "{text}");
    expected.assert_eq(&text);
}

fn replace(folder: &Path, path: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(path)).unwrap();
    assert!(text.contains(from), "{path} has no `{from}`:\n{text}");
    write(folder, path, &text.replace(from, to));
}

#[test]
fn what_a_branch_changes_is_shown_resource_by_resource() {
    let workspace = rendered();
    let folder = workspace.path();
    check(
        folder,
        0,
        expect![[r#"
        = unchanged small-local-artifacts
        = unchanged small-local-network
        = unchanged small-local-page (its image is not compared)
        nothing to do beyond main, where images and zips are not compared
    "#]],
    );
    replace(
        folder,
        "Cargo.toml",
        "cloud = \"local\"",
        "cloud = \"local\"\nlog_retention_days = 90\nlevel = \"debug\"",
    );
    replace(
        folder,
        "services/page/Cargo.toml",
        "public = true",
        "public = true\n[package.metadata.service.args]\nLEVEL = { stage = \"level\" }",
    );
    replace(
        folder,
        "services/page/Dockerfile",
        "USER",
        "ARG LEVEL\nENV LEVEL=$LEVEL\nUSER",
    );
    check(
        folder,
        0,
        expect![[r#"
        = unchanged small-local-artifacts
        = unchanged small-local-network
        ~ update    small-local-page
              LEVEL: (none) -> debug -> the image is built again
            ~ LogGroup AWS::Logs::LogGroup: RetentionInDays
            ~ Service AWS::ECS::Service: TaskDefinition
            ~ TaskDefinition new version AWS::ECS::TaskDefinition: ContainerDefinitions
        1 of 3 stacks change: 0 resources created, 2 updated, 1 replaced, 0 deleted
    "#]],
    );
    let (_, json) = said(folder, &["--json"]);
    let plan: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(plan["against"], "main");
    let page = plan["stacks"].as_array().unwrap().last().unwrap();
    assert_eq!(page["inputChanges"][0]["name"], "LEVEL");
    let actions = page["changes"].as_array().unwrap().iter();
    let replaced = actions.filter(|change| change["action"] == "replace");
    assert_eq!(replaced.count(), 1, "{json}");
}

#[test]
fn a_folder_that_is_none_of_its_renderings_is_refused() {
    let workspace = rendered();
    let folder = workspace.path();
    let description = fs::read_to_string(folder.join("main/plan.json")).unwrap();
    fs::remove_file(folder.join("main/page.yaml")).unwrap();
    check(
        folder,
        2,
        expect![[r#"
        error: cannot read main/page.yaml: No such file or directory (os error 2)
        hint: in the checkout to compare with: cargo xtask render --stage local --out DIR
    "#]],
    );
    write(
        folder,
        "main/plan.json",
        &description.replace("\"local\"", "\"prod\""),
    );
    check(
        folder,
        2,
        expect![[r#"
        error: main has the stage prod, and this is a plan of local
        hint: in the checkout to compare with: cargo xtask render --stage local --out DIR
    "#]],
    );
    write(folder, "main/plan.json", "{}");
    check(
        folder,
        2,
        expect![[r#"
        error: main/plan.json cannot be read: missing field `stage` at line 1 column 2
        hint: in the checkout to compare with: cargo xtask render --stage local --out DIR
    "#]],
    );
    fs::remove_file(folder.join("main/plan.json")).unwrap();
    check(
        folder,
        2,
        expect![[r#"
        error: main was not written by `render`: there is no plan.json in it
        hint: in the checkout to compare with: cargo xtask render --stage local --out DIR
    "#]],
    );
    let alone = xtask(folder, &["plan", "--against", "main"])
        .output()
        .unwrap();
    assert_eq!(alone.status.code(), Some(2), "{alone:?}");
}
