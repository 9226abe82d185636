//! The MCP conformance suite against the built server as it is, and against a test-only server that puts the suite's fixture
//! tools, prompts and resources behind the same transport code.
//!
//! It needs a Node of version 22 or newer and the suite from npm, `@modelcontextprotocol/conformance@0.2.0-alpha.12`:
//! `TURNPIKE_TEST_NODE` is the path of the `node` binary, `TURNPIKE_TEST_NPM` the folder that holds `node_modules`. With
//! `TURNPIKE_TEST_MCP_URL`, the first test takes the server at that URL in place of one that it starts.
//!
//! `scenarios.txt` lists every scenario with its counts; what fails has its reason there. A result that differs from the list,
//! better or worse, fails the test.

#![expect(clippy::unwrap_used, reason = "a test may stop here")]
#![expect(
    clippy::print_stdout,
    reason = "the suite's own report is what a failure is understood by"
)]

mod expected;
mod fixtures;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::time::Duration;

use expected::{Counts, Expected};
use mcp_server::transport::{self, Callers};
use tokio_util::sync::CancellationToken;

const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];
const TIMEOUT: Duration = Duration::from_secs(180);

fn setting(name: &str) -> PathBuf {
    std::env::var_os(name)
        .unwrap_or_else(|| panic!("{name} is not set; see the top of this file"))
        .into()
}

/// Runs every scenario of one revision. Returns the suite's own summary, by scenario.
async fn run(server: &str, url: &str, revision: &str) -> Vec<(String, Counts)> {
    let results =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("conformance-{server}-{revision}"));
    let suite = setting("TURNPIKE_TEST_NPM")
        .join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let mut command = tokio::process::Command::new(setting("TURNPIKE_TEST_NODE"));
    command
        .arg(suite)
        .args([
            "server",
            "--url",
            url,
            "--requirements",
            revision,
            "--output-dir",
        ])
        .arg(&results);
    let output = tokio::time::timeout(TIMEOUT, command.kill_on_drop(true).output())
        .await
        .expect("the suite ends")
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!(
        "{text}\ndetails of {server} {revision}: {}",
        results.display()
    );
    let summary = text
        .split("=== SUMMARY ===")
        .nth(1)
        .unwrap_or_else(|| panic!("no summary: {output:?}"));
    summary.lines().filter_map(expected::summary_line).collect()
}

/// Prints the counts of both revisions and stops at the first line that is not as listed.
async fn check(server: &str, url: &str) {
    let expected = Expected::read();
    let mut found = String::new();
    for revision in REVISIONS {
        let scenarios = run(server, url, revision).await;
        let sum = |count: fn(&Counts) -> u32| {
            scenarios
                .iter()
                .map(|(_, counts)| count(counts))
                .sum::<u32>()
        };
        let whole = scenarios
            .iter()
            .filter(|(_, counts)| counts.failed == 0)
            .count();
        println!(
            "{server} {revision}: {whole} of {} scenarios pass whole; {} checks passed, {} failed",
            scenarios.len(),
            sum(|counts| counts.passed),
            sum(|counts| counts.failed),
        );
        for (scenario, counts) in scenarios {
            found += &expected.line(server, revision, &scenario, counts);
        }
    }
    expect_test::expect![[""]].assert_eq(&expected.difference(server, &found));
}

#[tokio::test]
#[ignore = "needs Node 22 and the conformance package"]
async fn the_server_as_it_is() {
    if let Ok(url) = std::env::var("TURNPIKE_TEST_MCP_URL") {
        return check("real", &url).await;
    }
    let server = support::Server::start(support::settings("http://127.0.0.1:9"));
    check("real", &format!("{}/mcp", server.url().await)).await;
    server.logged(r#""path":"/mcp""#).await;
    let log = server.terminate().await;
    assert!(!log.contains(r#""message":"panic"#), "{log}");
}

#[tokio::test]
#[ignore = "needs Node 22 and the conformance package"]
async fn the_fixtures_behind_the_same_transport() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = transport::router(fixtures::Fixtures, Callers::ThisMachine);
    let serving = tokio::spawn(runtime::serve_until(
        listener,
        router,
        CancellationToken::new(),
    ));
    check("fixtures", &url).await;
    serving.abort();
}

#[test]
fn every_failure_on_the_list_has_a_reason_that_holds() {
    Expected::read().check_reasons();
}
