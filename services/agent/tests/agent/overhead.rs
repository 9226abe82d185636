//! What a turn costs beyond the model and the tools. Run it alone, on an optimised build:
//! `cargo test --release -p agent -- --ignored --nocapture overhead`

use std::time::{Duration, Instant};

use crate::bedrock::{calls, says};
use crate::process::Rig;

const TURNS: u32 = 200;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, which wants a quiet machine"]
#[expect(clippy::print_stdout, reason = "the number is what this is for")]
async fn overhead_of_a_turn() {
    let rig = Rig::start(&[]).await;
    let mut times = Vec::new();
    // The first turn pays for connections; what counts is the rest.
    turn(&rig, 0).await;
    let before = cpu_seconds(&rig);
    for number in 1..=TURNS {
        times.push(turn(&rig, number).await);
    }
    let cpu_ms = (cpu_seconds(&rig) - before) * 1e3 / f64::from(TURNS);
    times.sort();
    let percentile = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e3;
    println!(
        "a turn with two answers and one tool call: {cpu_ms:.2} ms of the agent's CPU; with both neighbours, \
         fastest {:.2} ms, median {:.2} ms, p90 {:.2} ms",
        percentile(0),
        percentile(50),
        percentile(90),
    );
}

async fn turn(rig: &Rig, number: u32) -> Duration {
    rig.bedrock.then([
        calls(&[("t1", "get_weather", r#"{"city":"Tokyo"}"#)]),
        says("11.6 °C."),
    ]);
    let started = Instant::now();
    let document = rig
        .agent
        .ask(&format!("s-{number}"), "Weather in Tokyo?")
        .await;
    assert_eq!(document["stopReason"], "endTurn");
    started.elapsed()
}

/// User and system time of the agent so far. Linux counts both in hundredths of a second.
fn cpu_seconds(rig: &Rig) -> f64 {
    let stat =
        std::fs::read_to_string(format!("/proc/{}/stat", rig.agent.child.id().unwrap())).unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11..13]
        .iter()
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum();
    ticks / 100.0
}
