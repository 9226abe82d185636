//! A defence that no test misses is a guess. Each is taken out of a copy of the repository, and its test has to go red.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]
#![expect(
    clippy::print_stdout,
    reason = "which test missed which line is the result"
)]
#![expect(clippy::disallowed_methods, reason = "it runs git and cargo")]

mod buyer;
mod deploy;
mod facilitator;
mod mutation;
mod seller;
mod services;

use mutation::Mutation;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DOCUMENT: &str = "docs/threats.md";
/// In a row of a defence that no mutation here can try.
const BY_HAND: &str = "(by hand)";

fn all() -> impl Iterator<Item = &'static Mutation> {
    let sections = [
        seller::MUTATIONS,
        buyer::MUTATIONS,
        facilitator::MUTATIONS,
        services::MUTATIONS,
        deploy::MUTATIONS,
    ];
    sections.into_iter().flatten()
}

fn repository() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.ancestors().nth(2).unwrap().to_owned()
}

/// The rows of all tables of the document, without their heads.
fn rows(document: &str) -> Vec<&str> {
    let is_row = |line: &&str| {
        line.starts_with("| ") && !line.starts_with("| attack |") && !line.starts_with("| --- |")
    };
    document.lines().filter(is_row).collect()
}

/// What the last column names.
fn tests(row: &str) -> impl Iterator<Item = &str> {
    let cell = row.rsplit(" | ").next().unwrap();
    cell.split('`').skip(1).step_by(2)
}

fn function(test: &str) -> &str {
    test.rsplit("::").next().unwrap()
}

#[test]
fn the_table_says_what_the_code_and_the_document_say() {
    let document = fs::read_to_string(repository().join(DOCUMENT)).unwrap();
    let rows = rows(&document);
    for mutation in all() {
        let source = fs::read_to_string(repository().join(mutation.path())).unwrap();
        let found = source.matches(mutation.line).count();
        assert_eq!(found, 1, "`{}` in {}", mutation.line, mutation.file);
        let named = format!("| {} |", mutation.attack);
        let row = rows.iter().find(|row| row.starts_with(&named));
        let row = row.unwrap_or_else(|| panic!("{DOCUMENT} does not name `{}`", mutation.attack));
        let file = format!("(`{}`)", mutation.file);
        assert!(row.contains(&file), "{file} is not in\n{row}");
        let test = function(mutation.test);
        let is_named = tests(row).any(|named| function(named) == test);
        assert!(is_named, "{test} is not in\n{row}");
    }
}

#[test]
fn each_row_of_the_document_can_be_tried_and_names_tests_that_are_there() {
    let document = fs::read_to_string(repository().join(DOCUMENT)).unwrap();
    let is_rust = |name: &String| name.ends_with(".rs");
    let sources: String = files()
        .into_iter()
        .filter(is_rust)
        .filter_map(|name| fs::read_to_string(repository().join(name)).ok())
        .collect();
    for row in rows(&document) {
        let tried = |mutation: &Mutation| row.starts_with(&format!("| {} |", mutation.attack));
        assert!(
            all().any(tried) || row.contains(BY_HAND),
            "nothing tries\n{row}"
        );
        assert!(tests(row).next().is_some(), "no test is named in\n{row}");
        for test in tests(row) {
            let written = format!("fn {}(", function(test));
            assert!(sources.contains(&written), "there is no test {test}");
        }
    }
    let count = format!("{} rows", rows(&document).len());
    assert!(document.contains(&count), "{DOCUMENT} has {count}");
}

/// Everything that git knows of, without what cargo has made.
fn files() -> Vec<String> {
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
    let names = String::from_utf8(listed.stdout).unwrap();
    let is_there = |name: &&str| !name.is_empty() && repository().join(name).is_file();
    names
        .split('\0')
        .filter(is_there)
        .map(str::to_owned)
        .collect()
}

fn copy(to: &Path) {
    for name in files() {
        let target = to.join(&name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(repository().join(&name), target).unwrap();
    }
}

/// Whether the mutation's test passes in the copy; the end of what cargo said otherwise.
fn run(copy: &Path, mutation: &Mutation) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(copy)
        .args(["test", "--package", mutation.tests.package])
        .args(mutation.tests.target.split(' '))
        .args(["--", "--include-ignored", "--exact", mutation.test]);
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
    // Compiling takes long, so a run that is not thorough shows only that the machinery works.
    let thorough = std::env::var_os("TURNPIKE_TEST_THOROUGH").is_some();
    let words = std::env::var("TURNPIKE_TEST_MUTATION").ok();
    let chosen: Vec<&Mutation> = match &words {
        Some(words) => all().filter(|one| one.attack.contains(words)).collect(),
        None => all().take(if thorough { usize::MAX } else { 1 }).collect(),
    };
    assert!(!chosen.is_empty(), "no row has the words {words:?}");
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let mut survived = Vec::new();
    for mutation in chosen {
        let path = folder.path().join(mutation.path());
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
