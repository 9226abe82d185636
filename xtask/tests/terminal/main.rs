//! What a person at a terminal sees of `deploy`: the bytes that the tool writes, as a terminal shows them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod pty;
mod small;

use std::path::Path;
use std::process::Stdio;

use pty::{CTRL_C, Terminal};
use small::{workspace, write, xtask};

/// So long a new service takes to answer: time to look.
const START_MILLISECONDS: u32 = 1500;

/// Stops the local cloud whatever happens to the test.
struct Stage<'a>(&'a Path);

impl Stage<'_> {
    fn destroy(&self) {
        drop(xtask(self.0, &["destroy"]).output().unwrap());
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.destroy();
    }
}

/// The lines from the end of compiling on, without figures. Stacks that need nothing of each other are made at the same time, so
/// their order is nobody's.
fn words(text: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| !line.contains("built in"));
    let mut words: Vec<String> = lines
        .map(|line| line.replace(|letter: char| letter.is_ascii_digit(), "0"))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .map(|line| line.replace("00", "0").replace("00", "0"))
        .filter(|line| !line.is_empty())
        .collect();
    words.sort();
    words
}

#[test]
fn rows_stand_below_the_lines_and_go_away() {
    let workspace = workspace("one", START_MILLISECONDS);
    let stage = Stage(workspace.path());
    let mut terminal = Terminal::run(xtask(stage.0, &["deploy"]), 50, 100);
    let during = terminal.wait_for("creating");
    let rows: Vec<&str> = during.lines().rev().take(4).collect();
    let rows: Vec<&str> = rows.into_iter().rev().collect();
    assert!(rows[0].contains("deploy 2 of 3 stacks, "), "{during}");
    assert!(rows[1].starts_with("  artifacts") && rows[1].contains("created"));
    assert!(rows[2].starts_with("  network") && rows[2].contains("created"));
    assert!(rows[3].starts_with("    page") && rows[3].contains("creating"));
    // Lines stand above, once.
    assert_eq!(during.matches("created small-local-network").count(), 1);

    let ended = terminal.end();
    assert!(ended.status.success(), "{}", ended.screen);
    assert!(!ended.screen.contains("of 3 stacks, "), "{}", ended.screen);
    assert!(!ended.screen.contains("creating"), "{}", ended.screen);
    // Without colours, the cursor goes up and clears what is below, and nothing else.
    assert_eq!(ended.escapes(), "AJ");

    stage.destroy();
    let plain = xtask(stage.0, &["deploy"]).output().unwrap();
    let plain = String::from_utf8(plain.stderr).unwrap();
    assert!(plain.contains("created small-local-page"), "{plain}");
    assert_eq!(words(&ended.screen), words(&plain));
}

#[test]
fn a_small_terminal_shows_what_runs_and_never_wraps_a_row() {
    let workspace = workspace("one", START_MILLISECONDS);
    let stage = Stage(workspace.path());
    let mut terminal = Terminal::run(xtask(stage.0, &["deploy"]), 5, 24);
    let during = terminal.wait_for("creating");
    let lines: Vec<&str> = during.lines().collect();
    // Three rows, the cursor's, and one for the line above.
    let rows = &lines[lines.len() - 3..];
    assert_eq!(rows[0], "   deploy 2 of 3 stacks", "{during}");
    assert!(rows[1].starts_with("  network  created"), "{during}");
    assert!(rows[2].starts_with("  page     creating"), "{during}");
    let ended = terminal.end();
    assert!(ended.status.success(), "{}", ended.screen);
    assert!(!ended.screen.contains("creating"), "{}", ended.screen);
}

#[test]
fn without_a_terminal_that_can_or_a_person_there_is_no_escape() {
    let workspace = workspace("one", 300);
    let stage = Stage(workspace.path());
    let variants: [(&str, &str, &[&str]); 3] = [
        ("CI", "1", &["deploy"]),
        ("TERM", "dumb", &["deploy"]),
        ("TERM", "xterm", &["deploy", "--json"]),
    ];
    for (name, value, arguments) in variants {
        let mut command = xtask(stage.0, arguments);
        command
            .env("TERM", "xterm")
            .env("CARGO_TERM_COLOR", "never")
            .env("CARGO_TERM_PROGRESS_WHEN", "never")
            .env(name, value);
        // Colour is another matter: `dumb` is about the cursor.
        if name == "CI" {
            command.env_remove("NO_COLOR");
        }
        let ended = Terminal::run_as_it_is(command, 50, 100).end();
        assert!(ended.status.success(), "{}", ended.screen);
        assert!(
            ended.screen.contains("small-local-page"),
            "{}",
            ended.screen
        );
        assert!(!ended.bytes.contains(&0x1b), "{name}: {}", ended.screen);
        stage.destroy();
    }
    let piped = xtask(stage.0, &["deploy"])
        .env_remove("NO_COLOR")
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert!(piped.status.success());
    assert!(![piped.stdout, piped.stderr].concat().contains(&0x1b));
}

#[test]
fn ctrl_c_while_cargo_compiles_stops_both() {
    let workspace = workspace("one", 0);
    let stage = Stage(workspace.path());
    let slow = "fn main() { std::thread::sleep(std::time::Duration::from_secs(600)); }";
    write(stage.0, "services/page/build.rs", slow);
    let mut terminal = Terminal::run(xtask(stage.0, &["deploy"]), 50, 100);
    drop(terminal.wait_for("Compiling page"));
    terminal.press(CTRL_C);
    let ended = terminal.end();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.screen);
    assert!(ended.screen.contains("stopped waiting"), "{}", ended.screen);
    assert!(!ended.screen.contains("error:"), "{}", ended.screen);
}

#[test]
fn ctrl_c_stops_waiting_and_leaves_a_clean_screen() {
    let workspace = workspace("one", START_MILLISECONDS);
    let stage = Stage(workspace.path());
    let mut terminal = Terminal::run(xtask(stage.0, &["deploy"]), 50, 100);
    drop(terminal.wait_for("creating"));
    terminal.press(CTRL_C);
    let ended = terminal.end();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.screen);
    let lines: Vec<&str> = ended.screen.lines().collect();
    let [.., before, warning, hint] = lines[..] else {
        panic!("{}", ended.screen);
    };
    assert!(before.contains("created small-local-"), "{before}");
    assert!(warning.contains("stopped waiting"), "{warning}");
    assert!(
        hint.starts_with("hint: run the same command again"),
        "{hint}"
    );

    let again = Terminal::run(xtask(stage.0, &["deploy"]), 50, 100).end();
    assert!(again.status.success(), "{}", again.screen);
}
