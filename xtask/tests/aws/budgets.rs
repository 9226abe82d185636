//! What a deploy costs this machine, on an emulator without containers: figures for docs/performance.md, no limits.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::deploy::WITHOUT_SMOKE;
use crate::emulator::{Call, Emulator};
use crate::fixture::Workspace;
use crate::processor_time::children_seconds;

const ROUNDS: usize = 5;

pub(crate) struct Round {
    wall_seconds: f64,
    processor_seconds: f64,
    calls: Vec<Call>,
}

impl Round {
    /// What one command costs, which `run` waits for.
    pub(crate) fn of(emulator: &Emulator, run: impl FnOnce()) -> Self {
        drop(emulator.take_calls());
        let (began, before) = (Instant::now(), children_seconds());
        run();
        Self {
            wall_seconds: began.elapsed().as_secs_f64(),
            processor_seconds: children_seconds() - before,
            calls: emulator.take_calls(),
        }
    }
}

pub(crate) fn measure(emulator: &Emulator, workspace: &Workspace) -> Round {
    Round::of(emulator, || {
        drop(workspace.succeed(emulator, &WITHOUT_SMOKE));
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn report(what: &str, rounds: &[Round]) {
    let wall = median(rounds.iter().map(|round| round.wall_seconds).collect());
    let processor = median(rounds.iter().map(|round| round.processor_seconds).collect());
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &rounds[rounds.len() - 1].calls {
        let name = call.call.split([' ', '/']).next().unwrap();
        *names.entry(name).or_default() += 1;
    }
    let calls = rounds[rounds.len() - 1].calls.len();
    let text = format!(
        "{what}: {wall:.2} s wall, {processor:.2} s CPU, {calls} calls {names:?}; n = {}\n",
        rounds.len()
    );
    drop(std::io::Write::write_all(
        &mut std::io::stderr(),
        text.as_bytes(),
    ));
}

#[test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
fn a_first_deploy_and_one_with_nothing_to_do() {
    let (emulator, workspace) = (Emulator::instant(), Workspace::new());
    // Compiles and packs, which is not what is measured.
    drop(measure(&emulator, &workspace));
    let first: Vec<Round> = (0..ROUNDS)
        .map(|_| {
            emulator.reset();
            measure(&emulator, &workspace)
        })
        .collect();
    let nothing: Vec<Round> = (0..ROUNDS)
        .map(|_| measure(&emulator, &workspace))
        .collect();
    report("a first deploy, programs compiled", &first);
    report("a deploy with nothing to do", &nothing);
    let uploads =
        |call: &&Call| call.call.starts_with("s3:PUT") || call.call.starts_with("registry:P");
    for round in &nothing {
        assert_eq!(
            round.calls.iter().filter(uploads).count(),
            0,
            "{:?}",
            round.calls
        );
    }
}
