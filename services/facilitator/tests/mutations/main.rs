//! A defence that no test misses is a guess. Each is taken out of a copy of the repository, and its test has to go red.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]
#![expect(
    clippy::print_stdout,
    reason = "which test missed which line is the result"
)]
#![expect(clippy::disallowed_methods, reason = "it runs cargo in the copy")]

mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use table::MUTATIONS;

pub(crate) struct Mutation {
    /// As docs/payments.md names it.
    attack: &'static str,
    file: &'static str,
    /// Stands in the file exactly once.
    line: &'static str,
    without: &'static str,
    package: &'static str,
    /// `--lib`, or the name of a file under `tests/`.
    target: &'static str,
    test: &'static str,
}

fn repository() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.ancestors().nth(2).unwrap().to_owned()
}

#[test]
fn the_table_says_what_the_code_and_the_document_say() {
    let document = fs::read_to_string(repository().join("docs/payments.md")).unwrap();
    for mutation in MUTATIONS {
        let source = fs::read_to_string(repository().join(mutation.file)).unwrap();
        let found = source.matches(mutation.line).count();
        assert_eq!(found, 1, "`{}` in {}", mutation.line, mutation.file);
        let test = mutation.test.rsplit("::").next().unwrap();
        let row = document
            .lines()
            .find(|row| row.starts_with(&format!("| {} |", mutation.attack)));
        let row =
            row.unwrap_or_else(|| panic!("docs/payments.md does not name `{}`", mutation.attack));
        assert!(row.contains(test), "{test} is not in\n{row}");
    }
}

/// Everything that git knows of, without what cargo has made.
fn copy(to: &Path) {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(listed.status.success());
    for name in listed.stdout.split(|byte| *byte == 0) {
        let name = String::from_utf8_lossy(name).into_owned();
        let source = repository().join(&name);
        if name.is_empty() || !source.is_file() {
            continue;
        }
        let target = to.join(&name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(source, target).unwrap();
    }
}

/// Whether the mutation's test passes in the copy; the end of what cargo said otherwise.
fn run(copy: &Path, mutation: &Mutation) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(copy)
        .args(["test", "--package", mutation.package]);
    match mutation.target {
        "--lib" => command.arg("--lib"),
        other => command.args(["--test", other]),
    };
    command.args(["--", "--include-ignored", "--exact", mutation.test]);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let target =
        std::env::var_os("TURNPIKE_TEST_MUTATIONS_TARGET").map_or(target.to_owned(), PathBuf::from);
    let output = command.env("CARGO_TARGET_DIR", target).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        said.contains("running 1 test\n"),
        "`{}` did not compile, or there is no such test:\n{said}",
        mutation.attack
    );
    if output.status.success() {
        Ok(())
    } else {
        Err(said)
    }
}

#[test]
#[ignore = "compiles the services once for each defence: cargo xtask test payments --thorough"]
fn without_its_defence_each_attack_succeeds() {
    // Compiling takes minutes, so a run that is not thorough shows only that the machinery works.
    let thorough = std::env::var_os("TURNPIKE_TEST_THOROUGH").is_some();
    let chosen = if thorough { MUTATIONS } else { &MUTATIONS[..1] };
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let mut survived = Vec::new();
    for mutation in chosen {
        let path = folder.path().join(mutation.file);
        let source = fs::read_to_string(&path).unwrap();
        fs::write(&path, source.replacen(mutation.line, mutation.without, 1)).unwrap();
        let verdict = match run(folder.path(), mutation) {
            Ok(()) => {
                survived.push(mutation.attack);
                "NOT SEEN"
            }
            Err(_) => "red",
        };
        fs::write(&path, source).unwrap();
        println!(
            "{verdict:<8} {} | {} | {}",
            mutation.attack, mutation.file, mutation.test
        );
    }
    assert!(
        survived.is_empty(),
        "no test missed the defence against: {survived:#?}"
    );
}
