//! Callers who leave, callers who press twice, and what AgentCore is told meanwhile.

use expect_test::expect;
use serde_json::json;

use crate::bedrock::{Reply, calls, says, start};
use crate::process::{Rig, until};

const SLOW: &str = r#"{"city":"Tokyo"}"#;

#[tokio::test]
async fn a_payment_under_way_is_finished_after_the_caller_has_left() {
    let rig = Rig::start(&[]).await;
    let ids = ["t1", "t2", "t3", "t4", "t5", "t6"];
    rig.bedrock.then([
        calls(&ids.map(|id| (id, "get_slow", SLOW))),
        says("I know already."),
    ]);
    let mut events = rig.agent.stream("s-1", "Six cities?").await;
    events.next_of("toolCall").await;
    until("four calls are under way", async || {
        rig.mcp.calls().len() == 4
    })
    .await;
    assert_eq!(rig.agent.ping().await, json!({"status": "Healthy"}));
    drop(events);

    until("AgentCore sees work in the background", async || {
        rig.agent.ping().await["status"] == "HealthyBusy"
    })
    .await;
    let began_at = rig.agent.ping().await["time_of_last_update"]
        .as_u64()
        .unwrap();
    rig.mcp.gate.add_permits(4);
    until("the work is done", async || {
        rig.agent.ping().await["status"] == "Healthy"
    })
    .await;
    assert!(
        rig.agent.ping().await["time_of_last_update"]
            .as_u64()
            .unwrap()
            >= began_at
    );
    assert_eq!(
        rig.mcp.calls().len(),
        4,
        "a payment began after the caller had left"
    );
    assert_eq!(
        rig.bedrock.requests().len(),
        1,
        "the model was asked after the caller had left"
    );

    assert_eq!(
        rig.agent.ask("s-1", "And?").await["text"],
        "I know already."
    );
    expect![[r#"
        user: [{"text":"Six cities?"}]
        assistant: [{"toolUse":{"input":{"city":"Tokyo"},"name":"get_slow","toolUseId":"t1"}},{"toolUse":{"input":{"city":"Tokyo"},"name":"get_slow","toolUseId":"t2"}},{"toolUse":{"input":{"city":"Tokyo"},"name":"get_slow","toolUseId":"t3"}},{"toolUse":{"input":{"city":"Tokyo"},"name":"get_slow","toolUseId":"t4"}},{"toolUse":{"input":{"city":"Tokyo"},"name":"get_slow","toolUseId":"t5"}},{"toolUse":{"input":{"city":"Tokyo"},"name":"get_slow","toolUseId":"t6"}}]
        user: [{"toolResult":{"content":[{"json":{"city":"Tokyo","payment":{"amount":"10000","for":"Tokyo"},"temperatureCelsius":11.6}}],"toolUseId":"t1"}},{"toolResult":{"content":[{"json":{"city":"Tokyo","payment":{"amount":"10000","for":"Tokyo"},"temperatureCelsius":11.6}}],"toolUseId":"t2"}},{"toolResult":{"content":[{"json":{"city":"Tokyo","payment":{"amount":"10000","for":"Tokyo"},"temperatureCelsius":11.6}}],"toolUseId":"t3"}},{"toolResult":{"content":[{"json":{"city":"Tokyo","payment":{"amount":"10000","for":"Tokyo"},"temperatureCelsius":11.6}}],"toolUseId":"t4"}},{"toolResult":{"content":[{"text":"The tool was not called and nothing was paid, because the caller had disconnected."}],"status":"error","toolUseId":"t5"}},{"toolResult":{"content":[{"text":"The tool was not called and nothing was paid, because the caller had disconnected."}],"status":"error","toolUseId":"t6"}},{"text":"And?"}]
    "#]].assert_eq(&rig.bedrock.last_messages());
}

#[tokio::test]
async fn a_caller_of_one_document_may_leave_too() {
    let rig = Rig::start(&[]).await;
    rig.bedrock
        .then([calls(&[("t1", "get_slow", SLOW)]), says("11.6 °C.")]);
    tokio::select! {
        _ = rig.agent.ask("s-1", "Weather in Tokyo?") => panic!("the call waits at the gate"),
        () = until("the call is under way", async || rig.mcp.calls().len() == 1) => {}
    }
    until("AgentCore sees work in the background", async || {
        rig.agent.ping().await["status"] == "HealthyBusy"
    })
    .await;
    rig.mcp.gate.add_permits(1);
    until("the work is done", async || {
        rig.agent.ping().await["status"] == "Healthy"
    })
    .await;
    assert_eq!(rig.agent.ask("s-1", "And?").await["text"], "11.6 °C.");
}

#[tokio::test]
async fn a_caller_who_leaves_while_the_model_speaks_stops_it() {
    let rig = Rig::start(&[]).await;
    rig.bedrock
        .then([Reply::Hanging(start("The weather")), says("Sunny.")]);
    let mut events = rig.agent.stream("s-1", "Weather?").await;
    events.next_of("text").await;
    drop(events);
    assert_eq!(rig.agent.ask("s-1", "Again?").await["text"], "Sunny.");
    expect![[r#"
        user: [{"text":"Again?"}]
    "#]]
    .assert_eq(&rig.bedrock.last_messages());
}

#[tokio::test]
async fn a_second_prompt_waits_a_little_for_the_first() {
    let rig = Rig::start(&[]).await;
    rig.bedrock.then([
        calls(&[("t1", "get_slow", SLOW)]),
        says("First."),
        says("Second."),
    ]);
    let first = rig.agent.ask("s-1", "One?");
    let second = async {
        until("the first is under way", async || {
            rig.mcp.calls().len() == 1
        })
        .await;
        let second = rig.agent.ask("s-1", "Two?");
        let release = async {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            rig.mcp.gate.add_permits(1);
        };
        tokio::join!(second, release).0
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(
        (&first["text"], &second["text"]),
        (&json!("First."), &json!("Second."))
    );
}

#[tokio::test]
async fn a_second_prompt_is_refused_when_the_first_takes_long() {
    let rig = Rig::start(&[]).await;
    rig.bedrock.then([
        calls(&[("t1", "get_slow", SLOW)]),
        says("Other."),
        says("First."),
    ]);
    let first = rig.agent.ask("s-1", "One?");
    let others = async {
        until("the first is under way", async || {
            rig.mcp.calls().len() == 1
        })
        .await;
        assert_eq!(
            rig.agent.ask("s-2", "Another session?").await["text"],
            "Other."
        );
        let refused = rig.agent.stream("s-1", "Two?").await.rest().await;
        rig.mcp.gate.add_permits(1);
        refused
    };
    let (first, refused) = tokio::join!(first, others);
    assert_eq!(first["text"], "First.");
    expect![[r#"
        {"code":"sessionBusy","message":"This session is still answering another prompt. Wait for its answer, or use another session.","type":"error"}
        {"inputTokens":0,"model":"test.model","outputTokens":0,"steps":0,"stopReason":"error","type":"done"}
    "#]].assert_eq(&refused);
}
