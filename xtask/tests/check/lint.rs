//! How many of the faults another judge of templates finds. It is not a requirement: the figure stands in docs/testing.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use assert_cmd::Command;

use super::fault::faults;
use super::workspace::Workspace;

/// `TURNPIKE_TEST_CFN_LINT` is the path of cfn-lint, as for the suite `templates`.
#[test]
#[expect(
    clippy::print_stdout,
    reason = "the figure is what the test is run for: --nocapture"
)]
#[ignore = "needs cfn-lint: cargo xtask test templates"]
fn another_judge_finds_fewer() {
    let cfn_lint = std::env::var("TURNPIKE_TEST_CFN_LINT").expect("TURNPIKE_TEST_CFN_LINT is set");
    let faults = faults();
    // Every fault would take a minute: a part of them tells that the count still works.
    let step = if std::env::var_os("TURNPIKE_TEST_THOROUGH").is_some() {
        1
    } else {
        8
    };
    let chosen: Vec<_> = faults.iter().step_by(step).collect();
    let workspace = Workspace::new();
    let rendered = tempfile::tempdir().unwrap();
    for (index, fault) in chosen.iter().enumerate() {
        let before = fault.apply(workspace.path());
        let folder = rendered.path().join(index.to_string());
        // What the facts alone already refuse is never rendered, and no judge of templates sees it.
        let out = folder.to_str().unwrap();
        drop(
            workspace
                .command(&["render", "--unchecked", "--stage", "dev", "--out", out])
                .output()
                .unwrap(),
        );
        fs::write(workspace.path().join(&fault.file), before).unwrap();
    }
    let files: Vec<String> = files_of(rendered.path());
    let output = Command::new(cfn_lint)
        .args(["--format", "parseable", "--regions", "us-west-2", "--"])
        .args(&files)
        .output()
        .unwrap();
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let found: BTreeSet<usize> = lines
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix(rendered.path().to_str()?)?;
            rest.trim_start_matches('/').split('/').next()?.parse().ok()
        })
        .collect();
    let (found, all) = (found.len(), chosen.len());
    println!("cfn-lint finds something in {found} of {all} one-fault versions; check finds all");
    assert!(found > 0, "cfn-lint found nothing at all: {lines}");
    assert!(
        found < all,
        "cfn-lint finds everything: its figure in docs/testing.md is out of date"
    );
}

fn files_of(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_of(&path));
        } else {
            files.push(path.to_str().unwrap().to_owned());
        }
    }
    files
}
