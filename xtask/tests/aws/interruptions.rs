//! A deploy that is killed, starved or cut off: running it again ends where it would have ended.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::runtime::{Builder, Runtime};

use crate::deploy::{WITHOUT_SMOKE, spawn};
use crate::emulator::Emulator;
use crate::fixture::{OWNERS, PROJECT, Workspace};
use crate::state::{Standing, State};

/// Without questions afterwards: whether those are answered is for other tests, and a fault there is no fault of the deploy.
const HELD_WITHIN: Duration = Duration::from_secs(90);
/// How many deploys are tried at once when the counts are whole.
const LANES: usize = 6;

fn thorough() -> bool {
    std::env::var_os("TURNPIKE_TEST_THOROUGH").is_some()
}

/// Numbers that look random and are the same in every run.
fn draw(seed: &mut u64, below: usize) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    usize::try_from(*seed % u64::try_from(below).unwrap()).unwrap()
}

/// The stacks as a deploy without interruption leaves them. Statuses differ between created and updated, and that is well.
fn settled(stacks: Standing) -> Vec<(String, Vec<String>)> {
    let ended = |(name, (status, resources)): (String, (String, Vec<String>))| {
        assert!(
            ["CREATE_COMPLETE", "UPDATE_COMPLETE"].contains(&status.as_str()),
            "{name}: {status}"
        );
        (name, resources)
    };
    stacks.into_iter().map(ended).collect()
}

/// Which calls of a deploy are interrupted: each in turn, or a few with a fixed seed.
fn points(calls: usize) -> Vec<(usize, &'static str)> {
    if thorough() {
        return (0..calls)
            .flat_map(|point| [(point, "before"), (point, "after")])
            .collect();
    }
    let mut seed = 0x7475_726e_7069_6b65;
    (0..4)
        .map(|number| {
            (
                draw(&mut seed, calls),
                if number % 2 == 0 { "before" } else { "after" },
            )
        })
        .collect()
}

/// Both services run once. The agent runs too when it was asked something; the engine takes containers away in its own time.
fn assert_one_of_each(emulator: &Emulator, about: &str) {
    let began = Instant::now();
    loop {
        let running = emulator.running();
        let images: BTreeSet<String> = running
            .iter()
            .map(|container| container["Image"].to_string())
            .collect();
        if (2..=3).contains(&running.len()) && images.len() == running.len() {
            return;
        }
        assert!(began.elapsed() < HELD_WITHIN, "{about}: {running:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// An emulator and a workspace of their own, in which one deploy was left in peace.
struct Lane {
    emulator: Emulator,
    workspace: Workspace,
    state: State,
    /// How many calls that deploy made.
    calls: usize,
    /// What it left.
    wanted: Vec<(String, Vec<String>)>,
    runtime: Runtime,
}

impl Lane {
    fn open() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (emulator, workspace) = (Emulator::start(), Workspace::new());
        let state = runtime.block_on(State::of(&emulator));
        drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
        Self {
            calls: emulator.take_calls().len(),
            wanted: settled(runtime.block_on(state.stacks())),
            emulator,
            workspace,
            state,
            runtime,
        }
    }

    /// The next deploy ends where one without interruption ends.
    fn assert_finished(&self, about: &str) {
        let stacks = self.runtime.block_on(self.state.stacks());
        assert_eq!(settled(stacks), self.wanted, "{about}");
        let sets = self.runtime.block_on(self.state.change_sets());
        assert_eq!(sets, [] as [String; 0], "{about}");
        assert!(!self.runtime.block_on(self.state.is_locked()), "{about}");
    }
}

/// Tries every case and says how many there were. Most of the time is waiting for containers, so that whole counts go through
/// several lanes at once.
#[track_caller]
fn try_all<T: Sync + Debug>(first: Lane, cases: &[T], try_one: impl Fn(&Lane, &T) + Sync) -> usize {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let run = |lane: Lane| {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if catch_unwind(AssertUnwindSafe(|| try_one(&lane, case))).is_err() {
                failed.lock().unwrap().push(format!("{case:?}"));
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| run(first));
        for _ in 1..if thorough() { LANES } else { 1 } {
            scope.spawn(|| run(Lane::open()));
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {} failed, see above: {failed:#?}",
        failed.len(),
        cases.len()
    );
    cases.len()
}

#[test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
fn a_killed_deploy_is_finished_by_the_next_one() {
    let first = Lane::open();
    let calls = first.calls;
    let count = try_all(first, &points(calls), kill_at);
    report(&format!(
        "killed at {count} points of {calls} calls, before or after the call: {count} of {count} finished"
    ));
}

fn kill_at(lane: &Lane, (point, when): &(usize, &'static str)) {
    let Lane {
        emulator,
        workspace,
        ..
    } = lane;
    emulator.reset();
    emulator
        .fault(&json!([{"call": "", "skip": point, "when": when, "hold": true, "times": 1000}]));
    let mut deploy = spawn(workspace.command(emulator, &WITHOUT_SMOKE));
    let began = Instant::now();
    // A deploy that takes another way may have fewer calls, and then it is killed when it has ended.
    while emulator.calls().len() <= *point && deploy.try_wait().unwrap().is_none() {
        assert!(
            began.elapsed() < HELD_WITHIN,
            "{point} {when}: {:?}",
            emulator.calls().last()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    deploy.kill().unwrap();
    drop(deploy.wait_with_output().unwrap());
    emulator.fault(&json!([]));
    drop(workspace.succeed(emulator, &WITHOUT_SMOKE));
    let about = format!("{point} {when}");
    lane.assert_finished(&about);
    assert_one_of_each(emulator, &about);
}

#[test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
fn throttling_errors_and_lost_connections_are_overcome() {
    let first = Lane::open();
    let rounds = rounds(first.calls);
    let at_once = AtomicUsize::new(0);
    let count = try_all(first, &rounds, |lane, rules| {
        lane.emulator.reset();
        lane.emulator.fault(&json!(rules));
        let first = lane.workspace.run(&lane.emulator, &WITHOUT_SMOKE);
        if first.status.success() {
            at_once.fetch_add(1, Ordering::Relaxed);
        } else {
            let said = String::from_utf8_lossy(&first.stderr).into_owned();
            let error = said.find("error: ").map(|start| &said[start..]);
            let error = error.unwrap_or_else(|| panic!("{rules:?}: {said}"));
            report(error.lines().next().unwrap_or_default());
            lane.emulator.fault(&json!([]));
            drop(lane.workspace.succeed(&lane.emulator, &WITHOUT_SMOKE));
        }
        lane.assert_finished(&format!("{rules:?}"));
    });
    let at_once = at_once.into_inner();
    report(&format!(
        "{count} deploys with six faults each: {at_once} went through, the others on the second try"
    ));
}

/// The faults of each round, the same ones for the same number of calls.
fn rounds(calls: usize) -> Vec<Vec<Json>> {
    let faults = [
        json!({"status": 400, "code": "Throttling"}),
        json!({"status": 503, "code": "ServiceUnavailable"}),
        json!({"status": 500, "code": "InternalFailure", "when": "after"}),
        json!({"drop": true}),
        json!({"drop": true, "when": "after"}),
        json!({"delay_seconds": 1.0}),
    ];
    let mut seed = 0x6d61_7269_7465_0001;
    let mut rule = || {
        let mut rule = faults[draw(&mut seed, faults.len())].clone();
        rule["call"] = json!("");
        rule["skip"] = json!(draw(&mut seed, calls));
        rule
    };
    (0..if thorough() { 200 } else { 3 })
        .map(|_| (0..6).map(|_| rule()).collect())
        .collect()
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn expired_credentials_are_named_and_the_next_deploy_goes_on() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let state = State::of(&emulator).await;
    let expired = json!({"status": 403, "code": "ExpiredToken", "message": "The security token included in the request is expired"});
    for skip in [0, 25] {
        let mut rule = expired.clone();
        // Pushes have a password of their own.
        rule["call"] = json!("^(?!registry:)");
        rule["skip"] = json!(skip);
        rule["times"] = json!(10_000);
        emulator.fault(&json!([rule]));
        let said = workspace.fail(&emulator, &WITHOUT_SMOKE);
        let named = said.contains("expired") || said.contains("have run out");
        assert!(named, "after {skip} calls: {said}");
    }
    emulator.fault(&json!([]));
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    let stacks = settled(state.stacks().await);
    assert_eq!(stacks.len(), OWNERS.len(), "{PROJECT}: {stacks:?}");
}

/// Figures go to stderr, where the suite's output is read.
fn report(line: &str) {
    drop(std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("{line}\n").as_bytes(),
    ));
}
