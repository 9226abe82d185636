//! The AgentCore HTTP contract, and the process itself.

use std::time::{Duration, Instant};

use expect_test::expect;
use serde_json::{Value, json};

use crate::bedrock::{calls, says};
use crate::process::{Rig, command, until};

#[tokio::test]
async fn bad_requests_are_refused_before_any_work() {
    let rig = Rig::start(&[]).await;
    let mut lines = String::new();
    for (body, session) in [
        ("", "s-1"),
        ("weather?", "s-1"),
        ("[]", "s-1"),
        ("{}", "s-1"),
        (r#"{"prompt":""}"#, "s-1"),
        (r#"{"prompt":"a","tool":"b"}"#, "s-1"),
        (r#"{"prompt":"a"}"#, ""),
    ] {
        let request = rig
            .agent
            .request(body)
            .header("x-amzn-bedrock-agentcore-runtime-session-id", session);
        let response = request.send().await.unwrap();
        lines += &format!(
            "{} {}\n",
            response.status().as_u16(),
            response.text().await.unwrap()
        );
    }
    expect![[r#"
        400 {"error":{"code":"badBody","message":"The body is not a valid request (EOF while parsing a value at line 1 column 0). Send {\"prompt\":\"...\"} as JSON."}}
        400 {"error":{"code":"badBody","message":"The body is not a valid request (expected value at line 1 column 1). Send {\"prompt\":\"...\"} as JSON."}}
        400 {"error":{"code":"badBody","message":"The body is not a valid request (invalid type: sequence, expected a map at line 1 column 0). Send {\"prompt\":\"...\"} as JSON."}}
        400 {"error":{"code":"badBody","message":"The body has neither prompt nor tool. Send {\"prompt\":\"...\"}."}}
        400 {"error":{"code":"emptyPrompt","message":"The prompt is empty. Send a question."}}
        400 {"error":{"code":"badBody","message":"The body has both prompt and tool. Send one of them."}}
        400 {"error":{"code":"badSessionId","message":"The header x-amzn-bedrock-agentcore-runtime-session-id must have 1 to 256 ASCII characters."}}
    "#]].assert_eq(&lines);

    let long = json!({"prompt": "x".repeat(300_000)}).to_string();
    assert_eq!(rig.agent.request(long).send().await.unwrap().status(), 413);
    assert!(rig.bedrock.requests().is_empty());
}

#[tokio::test]
async fn ping_answers_during_a_long_invocation() {
    let rig = Rig::start(&[]).await;
    rig.bedrock.then([
        calls(&[("t1", "get_slow", r#"{"city":"Tokyo"}"#)]),
        says("Done."),
    ]);
    let mut events = rig.agent.stream("s-1", "Slowly?").await;
    events.next_of("toolCall").await;
    let started = Instant::now();
    for _ in 0..20 {
        // Somebody waits for this turn, so it is not background work.
        assert_eq!(rig.agent.ping().await, json!({"status": "Healthy"}));
    }
    assert!(started.elapsed() < Duration::from_secs(2));
    rig.mcp.gate.add_permits(1);
    assert_eq!(events.next_of("done").await["stopReason"], "endTurn");
}

#[tokio::test]
async fn health_is_a_subcommand() {
    let rig = Rig::start(&[]).await;
    let port = rig.agent.url.rsplit(':').next().unwrap();
    let run = async |port: &str| {
        let mut command = command(
            "http://127.0.0.1:1",
            "http://127.0.0.1:1",
            &[("PORT", port)],
        );
        command.arg("health").status().await.unwrap().code()
    };
    assert_eq!(run(port).await, Some(0));
    assert_eq!(run("1").await, Some(1));
}

#[tokio::test]
async fn wrong_settings_are_told_all_at_once() {
    let mut command = command(
        "http://127.0.0.1:1",
        "",
        &[("STEPS_MAX", "0"), ("BEDROCK_MODEL_ID", "")],
    );
    let output = command
        .stderr(std::process::Stdio::piped())
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    expect![[r#"
        agent cannot start: 3 settings are wrong
          MCP_SERVER_URL: is missing
          BEDROCK_MODEL_ID: is missing
          STEPS_MAX: must be a whole number of 1 or more
    "#]]
    .assert_eq(&String::from_utf8(output.stderr).unwrap());
}

#[tokio::test]
async fn a_stop_waits_for_the_turn_that_is_under_way() {
    let mut rig = Rig::start(&[]).await;
    rig.bedrock.then([
        calls(&[("t1", "get_slow", r#"{"city":"Tokyo"}"#)]),
        says("Done."),
    ]);
    let mut events = rig.agent.stream("s-1", "Slowly?").await;
    events.next_of("toolCall").await;
    until("the call is under way", async || rig.mcp.calls().len() == 1).await;
    let id = rig.agent.child.id().unwrap().to_string();
    assert!(
        tokio::process::Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .unwrap()
            .success()
    );
    until("the signal has come", async || {
        rig.agent.log().iter().any(|line| line.contains("stopping"))
    })
    .await;
    rig.mcp.gate.add_permits(1);
    assert_eq!(events.next_of("done").await["stopReason"], "endTurn");
    drop(events);
    assert_eq!(rig.agent.child.wait().await.unwrap().code(), Some(0));
    for line in rig.agent.log() {
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["service"], "agent");
    }
}
