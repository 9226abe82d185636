//! The tool and the services are compiled by two cargo calls, and share nearly two hundred crates. Each crate is compiled
//! once only if both ask for the same features of it.
#![expect(
    clippy::disallowed_methods,
    reason = "cargo is asked as a user asks it"
)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

type Features = BTreeMap<String, BTreeSet<String>>;

/// By crate and version, the sets of features that it is compiled with for this machine.
fn features(selection: &[&str]) -> Features {
    let output = Command::new(env!("CARGO"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
        .args(["tree", "--locked", "--edges=normal,build", "--prefix=none"])
        .args(["--no-dedupe", "--format={p}|{f}"])
        .args(selection)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let mut found = Features::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let Some((name, features)) = line.split_once('|') else {
            continue;
        };
        let words: Vec<&str> = name.split(' ').take(2).collect();
        // A path is a package of our own.
        if !name.contains("(/") {
            let features = features.trim_end_matches(" (*)").to_owned();
            found.entry(words.join(" ")).or_default().insert(features);
        }
    }
    found
}

/// The crates of both that would be compiled twice.
fn apart(one: &Features, other: &Features) -> Vec<String> {
    let shared = one.iter().filter_map(|(name, first)| {
        let second = other.get(name)?;
        (first != second).then(|| format!("{name}: {first:?} and {second:?}"))
    });
    shared.collect()
}

#[test]
fn what_the_tool_and_the_services_share_is_compiled_once() {
    let services = [
        "--package=agent",
        "--package=facilitator",
        "--package=frontend",
        "--package=mcp-server",
        "--package=x402-backend",
    ];
    let services = features(&services);
    let local = features(&["--package=xtask", "--no-default-features"]);
    let whole = features(&["--package=xtask"]);
    let tests = features(&["--workspace"]);
    assert!(
        services
            .keys()
            .filter(|name| local.contains_key(*name))
            .count()
            > 100,
        "`cargo tree` does not say what it said"
    );
    let fix = "name the missing feature in services/shared/features/Cargo.toml";
    assert_eq!(apart(&local, &services), Vec::<String>::new(), "{fix}");
    assert_eq!(apart(&whole, &tests), Vec::<String>::new(), "{fix}");
    // Only a stage on AWS needs to sign in with a browser.
    let both = apart(&local, &whole);
    let allowed = |text: &String| text.starts_with("aws-config ");
    assert!(both.iter().all(allowed), "{fix}: {both:#?}");
}
