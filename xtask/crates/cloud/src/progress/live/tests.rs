use expect_test::{Expect, expect};

use super::board::{Board, Place};
use super::rows::rows;
use super::*;
use words::output::Size;

const WIDE: Size = Size {
    columns: 100,
    rows: 24,
};

fn place(owner: &str, after: &[&str]) -> Place {
    Place {
        name: format!("t-dev-{owner}"),
        owner: owner.to_owned(),
        after: after.iter().map(|owner| (*owner).to_owned()).collect(),
    }
}

fn chain() -> Board {
    Board::new(vec![
        place("artifacts", &[]),
        place("network", &[]),
        place("x402-backend", &["artifacts", "network"]),
        place("mcp-server", &["artifacts", "x402-backend"]),
        place("agent", &["artifacts", "mcp-server"]),
        place("frontend", &["agent", "artifacts", "network"]),
    ])
}

fn second(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn started(name: &str, resources: usize, expected_seconds: Option<f64>) -> Event<'_> {
    Event::Started {
        name,
        action: if expected_seconds.is_some() {
            "update"
        } else {
            "create"
        },
        resources,
        expected_seconds,
    }
}

fn resource<'a>(stack: &'a str, logical_id: &'a str, status: &'a str) -> Event<'a> {
    Event::Resource {
        stack,
        logical_id,
        resource_type: "T",
        status,
        reason: None,
    }
}

fn ended<'a>(name: &'a str, result: &'static str, seconds: f64) -> Event<'a> {
    Event::Stack {
        name,
        result,
        changes: &[],
        seconds,
    }
}

fn check(board: &Board, now: u64, size: Size, expected: Expect) {
    let rows = rows(board, second(now), size);
    assert!(rows.len() <= size.rows.saturating_sub(2), "{rows:?}");
    assert!(rows.iter().all(|row| row.columns() < size.columns.max(1)));
    // Bars, since spaces at both ends would be trimmed.
    let lines: Vec<String> = rows
        .iter()
        .map(|row| format!("|{}|\n", row.plain()))
        .collect();
    expected.assert_eq(&lines.concat());
}

/// A deploy in its middle: two stand, one is updated, one is packed.
fn middle() -> Board {
    let mut board = chain();
    board.note(&ended("t-dev-artifacts", "unchanged", 0.0), second(0));
    board.note(&ended("t-dev-network", "created", 12.34), second(12));
    board.note(&started("t-dev-x402-backend", 5, Some(61.2)), second(12));
    for (id, status) in [
        ("t-dev-x402-backend", "UPDATE_IN_PROGRESS"),
        ("TaskDefinition", "UPDATE_IN_PROGRESS"),
        ("TaskDefinition", "UPDATE_COMPLETE"),
        ("Role", "UPDATE_IN_PROGRESS"),
        ("Service", "UPDATE_IN_PROGRESS"),
    ] {
        board.note(&resource("t-dev-x402-backend", id, status), second(13));
    }
    board.work("mcp-server", Some("packing"), second(40));
    board
}

#[test]
fn a_deploy_begins_with_what_waits() {
    check(
        &chain(),
        0,
        WIDE,
        expect![[r#"
            |   deploy 0 of 6 stacks, 0 s|
            |  artifacts         waiting|
            |  network           waiting|
            |    x402-backend    waiting for artifacts, network|
            |      mcp-server    waiting for x402-backend|
            |        agent       waiting for mcp-server|
            |          frontend  waiting for agent, network|
        "#]],
    );
}

#[test]
fn each_stack_says_what_it_is_at() {
    check(
        &middle(),
        41,
        WIDE,
        expect![[r#"
            |   deploy 2 of 6 stacks, 41 s|
            |  artifacts         unchanged|
            |  network           created  12.3 s|
            |    x402-backend    updating 1/5  29 s of about 61 s  Role, Service|
            |      mcp-server    packing  1 s|
            |        agent       waiting for mcp-server|
            |          frontend  waiting for agent|
        "#]],
    );
}

#[test]
fn a_narrow_terminal_cuts_rows_and_a_low_one_leaves_out_what_ended() {
    let size = |columns, rows| Size { columns, rows };
    check(
        &middle(),
        41,
        size(40, 24),
        expect![[r#"
            |   deploy 2 of 6 stacks, 41 s|
            |  artifacts     unchanged|
            |  network       created  12.3 s|
            |  x402-backend  updating 1/5  29 s of a|
            |  mcp-server    packing  1 s|
            |  agent         waiting for mcp-server|
            |  frontend      waiting for agent|
        "#]],
    );
    check(
        &middle(),
        41,
        size(100, 6),
        expect![[r#"
            |   deploy 2 of 6 stacks, 41 s; 3 more|
            |    x402-backend  updating 1/5  29 s of about 61 s  Role, Service|
            |      mcp-server  packing  1 s|
            |        agent     waiting for mcp-server|
        "#]],
    );
    check(
        &middle(),
        41,
        size(100, 3),
        expect![[r#"
            |   deploy 2 of 6 stacks, 41 s|
        "#]],
    );
    check(&middle(), 41, size(100, 2), expect![[""]]);
    check(&middle(), 41, size(1, 24), expect![""]);
}

#[test]
fn a_rollback_and_what_never_began_are_named() {
    let mut board = middle();
    let name = "t-dev-x402-backend";
    board.note(&resource(name, "Service", "UPDATE_FAILED"), second(50));
    board.note(
        &resource(name, name, "UPDATE_ROLLBACK_IN_PROGRESS"),
        second(51),
    );
    board.note(&resource(name, "Role", "UPDATE_IN_PROGRESS"), second(52));
    check(
        &board,
        53,
        WIDE,
        expect![[r#"
            |   deploy 2 of 6 stacks, 53 s|
            |  artifacts         unchanged|
            |  network           created  12.3 s|
            |    x402-backend    rolling back  2 s  Role|
            |      mcp-server    packing  13 s|
            |        agent       waiting for mcp-server|
            |          frontend  waiting for agent|
        "#]],
    );
    board.end("x402-backend", "failed");
    board.end("mcp-server", "not begun");
    board.end("agent", "not begun");
    board.end("frontend", "not begun");
    check(
        &board,
        54,
        WIDE,
        expect![[r#"
            |   deploy 2 of 6 stacks, 54 s|
            |  artifacts         unchanged|
            |  network           created  12.3 s|
            |    x402-backend    failed|
            |      mcp-server    not begun|
            |        agent       not begun|
            |          frontend  not begun|
        "#]],
    );
}

#[test]
fn what_an_earlier_deploy_began_is_watched_without_a_count() {
    let mut board = chain();
    let attached = |name, status| Event::Attached { name, status };
    board.note(
        &attached("t-dev-network", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        second(1),
    );
    board.note(&attached("t-dev-agent", "DELETE_IN_PROGRESS"), second(1));
    let event = resource("t-dev-agent", "Runtime", "DELETE_IN_PROGRESS");
    board.note(&event, second(2));
    board.note(
        &resource("t-dev-other", "A", "CREATE_IN_PROGRESS"),
        second(2),
    );
    check(
        &board,
        3,
        WIDE,
        expect![[r#"
            |   deploy 0 of 6 stacks, 3 s|
            |  artifacts         waiting|
            |  network           cleaning up  2 s|
            |    x402-backend    waiting for artifacts, network|
            |      mcp-server    waiting for x402-backend|
            |        agent       deleting  2 s  Runtime|
            |          frontend  waiting for agent, network|
        "#]],
    );
}

#[test]
fn letters_that_may_be_wide_are_left_out() {
    let board = Board::new(vec![place("bäckend\u{1b}[2J水", &[])]);
    check(
        &board,
        0,
        WIDE,
        expect![[r#"
            |   deploy 0 of 1 stacks, 0 s|
            |  b?ckend?[2J?  waiting|
        "#]],
    );
}
