//! `check` before one-fault versions of this very system: each is found, at the right place, with a fix; and the system
//! without a fault passes on every stage.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod fault;
mod lint;
mod schemas;
mod variations;
mod workspace;

use expect_test::{expect, expect_file};

use fault::{Fault, faults};
use workspace::Workspace;

#[test]
fn the_system_without_a_fault_has_no_problem_on_any_stage() {
    let told = Workspace::new().check();
    assert_eq!(told.matches("no problem found").count(), 3, "{told}");
    assert!(told.starts_with("exit 0"), "{told}");
    // Lists want https, and both stages on AWS are told so.
    let notes = told.matches("its URL does not begin with https://");
    assert_eq!(notes.count(), 2, "{told}");
}

#[test]
fn every_fault_is_found_where_it_is() {
    let faults = faults();
    assert!(faults.len() >= 70, "only {} faults", faults.len());
    let half = faults.len().div_ceil(2);
    let told: Vec<(&Fault, String)> = std::thread::scope(|scope| {
        let workers: Vec<_> = faults
            .chunks(half)
            .map(|faults| {
                scope.spawn(move || {
                    let workspace = Workspace::new();
                    let told = |fault| (fault, workspace.check_with(fault));
                    faults.iter().map(told).collect::<Vec<_>>()
                })
            })
            .collect();
        let results = workers.into_iter();
        results.flat_map(|worker| worker.join().unwrap()).collect()
    });
    let wrong: Vec<String> = told
        .iter()
        .filter(|(fault, told)| !fault.is_found_by(told))
        .map(|(fault, told)| format!("{} ({})\n{told}", fault.title, fault.file))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} are not found where they are:\n{}",
        wrong.len(),
        faults.len(),
        wrong.join("\n")
    );
    let all: Vec<String> = told
        .iter()
        .map(|(fault, told)| format!("= {}\n{told}", fault.title))
        .collect();
    expect_file!["found.txt"].assert_eq(&all.join("\n"));
}

/// What makes a list miss something: the file, what stands there, and what then does.
const MISSING: &[(&str, &str, &str)] = &[
    (
        "services/x402-backend/Cargo.toml",
        "listing = \"listing.json\" #",
        "#",
    ),
    (
        "services/x402-backend/listing.json",
        "  \"description\": \"Weather of a city by name: temperature, conditions and source\",",
        "",
    ),
    (
        "Cargo.toml",
        "facilitator_url = \"https://www.x402.org/facilitator\"",
        "#",
    ),
    (
        "Cargo.toml",
        "network = \"eip155:84532\"",
        "network = \"eip155:11155111\"",
    ),
];

/// It breaks nothing, so it is told beside the stages' lines; and the local stage is on no list.
#[test]
fn what_a_list_would_miss_is_a_note() {
    let workspace = Workspace::new();
    let notes = MISSING.iter().map(|(file, before, after)| {
        let told = workspace.check_with(&Fault::new(file, before, after));
        assert!(told.starts_with("exit 0"), "{told}");
        let of_sale = |line: &&str| {
            !line.contains("templates/") && !line.contains("fix: give its load balancer")
        };
        let lines = told.lines().filter(of_sale).map(str::trim);
        format!("= {file}\n{}", lines.collect::<Vec<_>>().join("\n"))
    });
    let notes: Vec<String> = notes.collect();
    expect![[r#"
        = services/x402-backend/Cargo.toml
        exit 0
        stage dev: 4 services, 6 stacks, no problem found
        stage local: 5 services, 7 stacks, no problem found
        stage prod: 4 services, 6 stacks, no problem found
        services/x402-backend/Cargo.toml:9: no list of paid APIs shows x402-backend of dev: its manifest names no `listing`
        fix: write a file beside the manifest and add listing = "listing.json" (docs/payments.md, "Being found")
        services/x402-backend/Cargo.toml:9: no list of paid APIs shows x402-backend of prod: its manifest names no `listing`
        fix: write a file beside the manifest and add listing = "listing.json" (docs/payments.md, "Being found")
        = services/x402-backend/listing.json
        exit 0
        stage dev: 4 services, 6 stacks, no problem found
        stage local: 5 services, 7 stacks, no problem found
        stage prod: 4 services, 6 stacks, no problem found
        services/x402-backend/listing.json: no list of paid APIs shows x402-backend of dev: it has no description
        fix: add it to services/x402-backend/listing.json
        services/x402-backend/listing.json: no list of paid APIs shows x402-backend of prod: it has no description
        fix: add it to services/x402-backend/listing.json
        = Cargo.toml
        exit 0
        stage dev: 5 services, 7 stacks, no problem found
        stage local: 5 services, 7 stacks, no problem found
        stage prod: 5 services, 7 stacks, no problem found
        Cargo.toml:168: no list of paid APIs shows x402-backend of dev: facilitator settles its payments, and only hosted facilitators keep lists
        fix: set `facilitator_url` to a hosted facilitator
        Cargo.toml:261: no list of paid APIs shows x402-backend of prod: facilitator settles its payments, and only hosted facilitators keep lists
        fix: set `facilitator_url` to a hosted facilitator
        = Cargo.toml
        exit 0
        stage dev: 4 services, 6 stacks, no problem found
        stage local: 5 services, 7 stacks, no problem found
        stage prod: 4 services, 6 stacks, no problem found
        Cargo.toml:168: x402-backend of dev may not start: x402.org settled on eip155:84532 when it was looked up, not on eip155:11155111 (https://github.com/x402-foundation/x402/blob/main/typescript/site/app/facilitator/index.ts)
        fix: ask the facilitator's /supported, or sell on a network of its list
        Cargo.toml:261: x402-backend of prod may not start: x402.org settled on eip155:84532 when it was looked up, not on eip155:11155111 (https://github.com/x402-foundation/x402/blob/main/typescript/site/app/facilitator/index.ts)
        fix: ask the facilitator's /supported, or sell on a network of its list"#]].assert_eq(&notes.join("\n"));
}

/// Advice is told beside the stages' lines, with the name of its rule; allowed with a reason, it is listed and not told.
#[test]
fn advice_can_be_allowed_with_a_reason() {
    let workspace = Workspace::new();
    let open = Fault::new(
        "templates/ecs.tera",
        "ReadonlyRootFilesystem: true",
        "ReadonlyRootFilesystem: false",
    );
    let told = workspace.check_with(&open);
    assert!(
        told.starts_with("exit 0") && told.contains("[read-only-files]"),
        "{told}"
    );
    let manifest = workspace.path().join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let allow = "[workspace.metadata.allow]\nread-only-files = \"the cache is on disk\"\nlog-retention = \"an old reason\"\n";
    std::fs::write(&manifest, format!("{text}\n{allow}")).unwrap();
    open.apply(workspace.path());
    let output = workspace.command(&["check", "--all"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let of_rules = |line: &&str| line.contains("read-only-files") || line.contains("log-retention");
    let notes: Vec<&str> = said.lines().filter(of_rules).map(str::trim).collect();
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let listed = listed.lines().filter(|line| line.contains("; "));
    let lines: Vec<&str> = listed.chain(notes).collect();
    expect![[r#"
        data-left-behind: a stage without protection deletes everything of it when it is destroyed; followed
        listens-for-all: an image says on which address its program listens; followed
        log-retention: logs are deleted after a time; allowed: an old reason
        managed-policy: a role has the permissions that its service needs, and no policy of AWS's own; followed
        read-only-files: a container cannot write to its own files; allowed: the cache is on disk
        wide-permissions: a policy names actions and resources one by one; followed
        Cargo.toml:263: nothing needs the advice `log-retention` to be allowed: remove the line"#]].assert_eq(&lines.join("\n"));
}
