//! `check` before one-fault versions of this very system: each is found, at the right place, with a fix; and the system
//! without a fault passes on every stage.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod fault;
mod lint;
mod workspace;

use expect_test::expect_file;

use fault::{Fault, faults};
use workspace::Workspace;

#[test]
fn the_system_without_a_fault_has_no_problem_on_any_stage() {
    let told = Workspace::new().check();
    assert_eq!(told.matches("no problem found").count(), 3, "{told}");
    assert!(told.starts_with("exit 0"), "{told}");
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
