//! A deploy that is killed, starved or cut off: running it again ends where it would have ended.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::deploy::spawn;
use crate::emulator::Emulator;
use crate::fixture::{OWNERS, PROJECT, Workspace};
use crate::state::{Standing, State};

/// Without questions afterwards: whether those are answered is for other tests, and a fault there is no fault of the deploy.
const DEPLOY: [&str; 5] = ["deploy", "--stage", "dev", "--yes", "--no-smoke"];
const HELD_WITHIN: Duration = Duration::from_secs(90);

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
async fn assert_one_of_each(emulator: &Emulator, about: &str) {
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
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn a_killed_deploy_is_finished_by_the_next_one() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let state = State::of(&emulator).await;
    drop(workspace.succeed(&emulator, &DEPLOY));
    let calls = emulator.take_calls().len();
    let wanted = settled(state.stacks().await);
    let points = points(calls);
    for (point, when) in &points {
        emulator.reset();
        emulator.fault(
            &json!([{"call": "", "skip": point, "when": when, "hold": true, "times": 1000}]),
        );
        let mut deploy = spawn(workspace.command(&emulator, &DEPLOY));
        let began = Instant::now();
        // A deploy that takes another way may have fewer calls, and then it is killed when it has ended.
        while emulator.calls().len() <= *point && deploy.try_wait().unwrap().is_none() {
            assert!(
                began.elapsed() < HELD_WITHIN,
                "{point} {when}: {:?}",
                emulator.calls().last()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        deploy.kill().unwrap();
        drop(deploy.wait_with_output().unwrap());
        emulator.fault(&json!([]));
        drop(workspace.succeed(&emulator, &DEPLOY));
        assert_eq!(settled(state.stacks().await), wanted, "{point} {when}");
        assert_eq!(
            state.change_sets().await,
            [] as [String; 0],
            "{point} {when}"
        );
        assert!(!state.is_locked().await, "{point} {when}");
        assert_one_of_each(&emulator, &format!("{point} {when}")).await;
    }
    report(&format!(
        "killed at {} of {calls} calls, before or after it: {0} of {0} finished",
        points.len()
    ));
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn throttling_errors_and_lost_connections_are_overcome() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let state = State::of(&emulator).await;
    drop(workspace.succeed(&emulator, &DEPLOY));
    let calls = emulator.take_calls().len();
    let wanted = settled(state.stacks().await);
    let faults = [
        json!({"status": 400, "code": "Throttling"}),
        json!({"status": 503, "code": "ServiceUnavailable"}),
        json!({"status": 500, "code": "InternalFailure", "when": "after"}),
        json!({"drop": true}),
        json!({"drop": true, "when": "after"}),
        json!({"delay_seconds": 1.0}),
    ];
    let (mut seed, rounds) = (0x6d61_7269_7465_0001, if thorough() { 200 } else { 3 });
    let mut at_once = 0;
    for round in 0..rounds {
        emulator.reset();
        let rules: Vec<serde_json::Value> = (0..6)
            .map(|_| {
                let mut rule = faults[draw(&mut seed, faults.len())].clone();
                rule["call"] = json!("");
                rule["skip"] = json!(draw(&mut seed, calls));
                rule
            })
            .collect();
        emulator.fault(&json!(rules));
        let first = workspace.run(&emulator, &DEPLOY);
        if first.status.success() {
            at_once += 1;
        } else {
            let said = String::from_utf8_lossy(&first.stderr).into_owned();
            assert!(said.contains("error:"), "round {round} {rules:?}: {said}");
            emulator.fault(&json!([]));
            drop(workspace.succeed(&emulator, &DEPLOY));
        }
        assert_eq!(
            settled(state.stacks().await),
            wanted,
            "round {round}: {rules:?}"
        );
    }
    report(&format!(
        "{rounds} deploys with six faults each: {at_once} went through, the others on the second try"
    ));
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
        let said = workspace.fail(&emulator, &DEPLOY);
        let named = said.contains("expired") || said.contains("have run out");
        assert!(named, "after {skip} calls: {said}");
    }
    emulator.fault(&json!([]));
    drop(workspace.succeed(&emulator, &DEPLOY));
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
