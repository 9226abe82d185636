//! A deploy to AWS at a terminal: where every stack is, a question that Ctrl-C says no to, and Ctrl-C that stops waiting.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::deploy::count;
use crate::emulator::Emulator;
use crate::fixture::Workspace;
use crate::pty::{CTRL_C, Terminal};
use crate::state::State;

const DEPLOY: [&str; 4] = ["deploy", "--stage", "dev", "--no-smoke"];
/// No and goodbye: a few calls that tidy up, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(10);

fn deploy(emulator: &Emulator, workspace: &Workspace, rows: u16, columns: u16) -> Terminal {
    Terminal::run(workspace.command(emulator, &DEPLOY), rows, columns)
}

/// The rows below the lines.
fn rows(screen: &str) -> Vec<&str> {
    let lines = screen.lines();
    lines
        .skip_while(|line| !line.contains(" of 6 stacks, "))
        .collect()
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn every_stack_has_a_row_that_says_what_it_is_at() {
    let (emulator, workspace) = (Emulator::instant(), Workspace::new());
    emulator.pace(
        &json!({"by_type": {"AWS::ECS::Service": 2.0, "AWS::BedrockAgentCore::Runtime": 2.0}}),
    );
    let mut terminal = deploy(&emulator, &workspace, 400, 120);
    let has = |screen: &str, owner: &str, words: &[&str]| {
        let mut rows = rows(screen).into_iter();
        rows.any(|row| {
            row.trim_start().starts_with(owner) && words.iter().all(|word| row.contains(word))
        })
    };
    let during = terminal.wait_until("the backend's service is made", |screen| {
        has(screen, "x402-backend", &["creating", "/", "Service"])
            && has(screen, "mcp-server", &["waiting for x402-backend"])
    });
    // They were made before the others, while the programs were compiled.
    assert!(has(&during, "artifacts", &["unchanged"]), "{during}");
    assert!(has(&during, "network", &["unchanged"]), "{during}");
    assert!(has(&during, "agent", &["waiting for mcp-server"]));
    assert!(has(&during, "frontend", &["waiting for agent"]));
    let indent = |owner: &str| {
        let found = rows(&during).into_iter().find_map(|row| row.find(owner));
        found.unwrap_or_else(|| panic!("{owner}: {during}"))
    };
    assert!(indent("network") < indent("x402-backend"), "{during}");
    drop(terminal.wait_until("the agent is made", |screen| {
        has(screen, "agent", &["creating", "Runtime"])
    }));
    let ended = terminal.end();
    assert!(ended.status.success(), "{}", ended.screen);
    assert!(rows(&ended.screen).is_empty(), "{}", ended.screen);
    assert_eq!(ended.escapes(), "AJ");
    let created = ended.screen.matches("  created small-dev-").count();
    assert_eq!(created, 6, "{}", ended.screen);

    // The second time it is known how long it takes; and a terminal may be as small as it likes.
    workspace.change_price("0.01", "0.02");
    let mut terminal = deploy(&emulator, &workspace, 8, 60);
    let during = terminal.wait_until("an expected time", |screen| {
        has(screen, "x402-backend", &["updating", " of about "])
    });
    assert!(rows(&during).len() <= 6, "{during}");
    let ended = terminal.end();
    assert!(ended.status.success(), "{}", ended.screen);
    assert!(rows(&ended.screen).is_empty(), "{}", ended.screen);
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn ctrl_c_at_the_question_changes_nothing() {
    let (emulator, workspace) = (Emulator::instant(), Workspace::new());
    let state = State::of(&emulator).await;
    drop(workspace.succeed(&emulator, &DEPLOY));
    workspace.name_target_groups();
    let before = state.stacks().await;
    drop(emulator.take_calls());
    let mut terminal = deploy(&emulator, &workspace, 100, 120);
    let asked = terminal.wait_for("Go on? [y/N]");
    assert!(asked.contains("TargetGroup"), "{asked}");
    assert!(asked.trim_end().ends_with("Go on? [y/N]"), "{asked}");
    // Rows would have been painted again meanwhile.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(terminal.screen(), asked);
    let pressed = Instant::now();
    terminal.press(CTRL_C);
    let ended = terminal.end();
    assert!(pressed.elapsed() < AT_ONCE, "{:?}", pressed.elapsed());
    assert_eq!(ended.status.code(), Some(2), "{}", ended.screen);
    assert!(rows(&ended.screen).is_empty(), "{}", ended.screen);
    let last = ended.screen.trim_end().lines().last().unwrap_or_default();
    assert!(last.starts_with("error: not confirmed"), "{}", ended.screen);
    let calls = emulator.take_calls();
    assert_eq!(count(&calls, "Execute"), 0, "{calls:?}");
    assert_eq!(state.stacks().await, before);
    assert_eq!(state.change_sets().await, [] as [String; 0]);
    assert!(!state.is_locked().await);

    let mut terminal = deploy(&emulator, &workspace, 100, 120);
    drop(terminal.wait_for("Go on? [y/N]"));
    terminal.press(b"y\r");
    let ended = terminal.end();
    assert!(ended.status.success(), "{}", ended.screen);
    let updated = ended.screen.matches("  updated small-dev-").count();
    assert_eq!(updated, 2, "{}", ended.screen);
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn ctrl_c_stops_waiting_and_the_next_deploy_goes_on() {
    let (emulator, workspace) = (Emulator::instant(), Workspace::new());
    let state = State::of(&emulator).await;
    drop(workspace.succeed(&emulator, &DEPLOY));
    emulator.pace(&json!({"by_type": {"AWS::ECS::Service": 5.0}}));
    workspace.change_price("0.01", "0.02");
    let mut terminal = deploy(&emulator, &workspace, 100, 120);
    drop(terminal.wait_until("the update", |screen| {
        rows(screen).iter().any(|row| row.contains("updating"))
    }));
    terminal.press(CTRL_C);
    let ended = terminal.end();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.screen);
    assert!(rows(&ended.screen).is_empty(), "{}", ended.screen);
    for words in [
        "warning: stopped waiting; what has been started goes on",
        "hint: `cargo xtask deploy --stage dev` attaches to it",
        "deploy --cancel --stage dev` cancels the updates",
    ] {
        let text = ended.screen.replace('\n', " ");
        assert!(text.contains(words), "no `{words}`:\n{}", ended.screen);
    }
    assert!(!state.is_locked().await);
    let status = |stacks: &crate::state::Standing| stacks["small-dev-x402-backend"].0.clone();
    assert_eq!(status(&state.stacks().await), "UPDATE_IN_PROGRESS");

    let mut terminal = deploy(&emulator, &workspace, 100, 120);
    drop(terminal.wait_for("attached small-dev-x402-backend"));
    let ended = terminal.end();
    assert!(ended.status.success(), "{}", ended.screen);
    assert_eq!(status(&state.stacks().await), "UPDATE_COMPLETE");
}
