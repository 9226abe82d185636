//! What a turn does when all goes well.

use expect_test::expect;
use serde_json::json;

use crate::bedrock::{calls, says, says_in_pieces};
use crate::process::{Rig, until};

const TOKYO: (&str, &str, &str) = ("t1", "get_weather", r#"{"city":"Tokyo"}"#);

#[tokio::test]
async fn one_paid_call_as_events() {
    let rig = Rig::start(&[]).await;
    rig.bedrock.then([calls(&[TOKYO]), says("11.6 °C.")]);
    let events = rig
        .agent
        .stream("s-1", "Weather in Tokyo?")
        .await
        .rest()
        .await;
    expect![[r#"
        {"arguments":{"city":"Tokyo"},"id":"t1","name":"get_weather","type":"toolCall"}
        {"receipt":{"amount":"10000","for":"Tokyo"},"toolCallId":"t1","type":"payment"}
        {"id":"t1","name":"get_weather","ok":true,"result":{"city":"Tokyo","payment":{"amount":"10000","for":"Tokyo"},"temperatureCelsius":11.6},"type":"toolResult"}
        {"text":"11.6","type":"text"}
        {"text":" °C.","type":"text"}
        {"inputTokens":200,"model":"test.model","outputTokens":20,"steps":2,"stopReason":"endTurn","type":"done"}
    "#]].assert_eq(&events);
}

#[tokio::test]
async fn one_paid_call_as_a_document() {
    let rig = Rig::start(&[]).await;
    rig.bedrock.then([calls(&[TOKYO]), says("11.6 °C.")]);
    let document = rig.agent.ask("s-1", "Weather in Tokyo?").await;
    expect![[r#"{"model":"test.model","payments":[{"amount":"10000","for":"Tokyo"}],"steps":2,"stopReason":"endTurn","text":"11.6 °C.","toolCalls":[{"arguments":{"city":"Tokyo"},"id":"t1","name":"get_weather","ok":true,"result":{"city":"Tokyo","payment":{"amount":"10000","for":"Tokyo"},"temperatureCelsius":11.6}}],"usage":{"inputTokens":200,"outputTokens":20}}"#]].assert_eq(&document.to_string());

    // What the model is told: the tools both times, and the result the second time.
    let requests = rig.bedrock.requests();
    assert_eq!(requests[0]["toolConfig"], requests[1]["toolConfig"]);
    expect![[r#"{"toolSpec":{"description":"Weather for money","inputSchema":{"json":{"properties":{"city":{"type":"string"}},"required":["city"],"type":"object"}},"name":"get_weather"}}"#]].assert_eq(&requests[1]["toolConfig"]["tools"][0].to_string());
    expect![[r#"[{"content":[{"text":"Weather in Tokyo?"}],"role":"user"},{"content":[{"toolUse":{"input":{"city":"Tokyo"},"name":"get_weather","toolUseId":"t1"}}],"role":"assistant"},{"content":[{"toolResult":{"content":[{"json":{"city":"Tokyo","payment":{"amount":"10000","for":"Tokyo"},"temperatureCelsius":11.6}}],"toolUseId":"t1"}}],"role":"user"}]"#]].assert_eq(&requests[1]["messages"].to_string());
}

#[tokio::test]
async fn several_calls_at_once_and_results_in_order() {
    let rig = Rig::start(&[]).await;
    let call = |city: &str| format!(r#"{{"city":"{city}"}}"#);
    let (first, second, third) = (call("First"), call("Second"), call("Third"));
    rig.bedrock.then([
        calls(&[
            ("t1", "get_slow", &first),
            ("t2", "get_weather", &second),
            ("t3", "get_slow", &third),
        ]),
        says("Done."),
    ]);
    let all_at_once = async {
        until("all calls are under way", async || {
            rig.mcp.calls().len() == 3
        })
        .await;
        rig.mcp.gate.add_permits(2);
    };
    let (document, ()) = tokio::join!(rig.agent.ask("s-1", "Three cities?"), all_at_once);
    let cities: Vec<_> = document["toolCalls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| &call["result"]["city"])
        .collect();
    assert_eq!(cities, ["First", "Second", "Third"]);
    assert_eq!(document["payments"].as_array().unwrap().len(), 3);

    let messages = rig.bedrock.last_messages();
    let results = messages.lines().last().unwrap();
    let places: Vec<_> = ["t1", "t2", "t3"]
        .iter()
        .map(|id| results.find(id).unwrap())
        .collect();
    assert!(places.is_sorted(), "{results}");
}

#[tokio::test]
async fn a_session_remembers_and_others_do_not() {
    let rig = Rig::start(&[]).await;
    rig.bedrock.then([
        calls(&[TOKYO]),
        says("11.6 °C."),
        says("You asked about Tokyo."),
        says("Nothing."),
    ]);
    rig.agent.ask("s-1", "Weather in Tokyo?").await;
    rig.agent.ask("s-1", "What did I ask?").await;
    expect![[r#"
        user: [{"text":"Weather in Tokyo?"}]
        assistant: [{"toolUse":{"input":{"city":"Tokyo"},"name":"get_weather","toolUseId":"t1"}}]
        user: [{"toolResult":{"content":[{"json":{"city":"Tokyo","payment":{"amount":"10000","for":"Tokyo"},"temperatureCelsius":11.6}}],"toolUseId":"t1"}}]
        assistant: [{"text":"11.6 °C."}]
        user: [{"text":"What did I ask?"}]
    "#]].assert_eq(&rig.bedrock.last_messages());
    rig.agent.ask("s-2", "What did I ask?").await;
    expect![[r#"
        user: [{"text":"What did I ask?"}]
    "#]]
    .assert_eq(&rig.bedrock.last_messages());
}

#[tokio::test]
async fn a_read_only_tool_without_the_model() {
    let rig = Rig::start(&[]).await;
    let call = async |tool: &str| {
        let body = json!({"tool": tool, "arguments": {"city": "Tokyo"}}).to_string();
        let response = rig.agent.request(body).send().await.unwrap();
        format!(
            "{} {}",
            response.status().as_u16(),
            response.text().await.unwrap()
        )
    };
    expect![[r#"200 {"displayAmount":"0.01"}"#]].assert_eq(&call("get_price").await);
    expect![[r#"400 {"error":{"code":"toolNotReadOnly","message":"The tool get_weather is not read-only, so only the model may call it. Send a prompt instead."}}"#]].assert_eq(&call("get_weather").await);
    expect![[r#"400 {"error":{"code":"unknownTool","message":"There is no tool \"get_rich\". The tools are: get_weather, get_slow, get_price."}}"#]].assert_eq(&call("get_rich").await);
    assert_eq!(rig.mcp.calls(), ["get_price"]);
}

#[tokio::test]
async fn the_trace_goes_on_to_the_tool_server() {
    let rig = Rig::start(&[]).await;
    rig.bedrock.then([calls(&[TOKYO]), says("11.6 °C.")]);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let body = json!({"prompt": "Weather in Tokyo?"}).to_string();
    let request = rig
        .agent
        .request(body)
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    request.send().await.unwrap().text().await.unwrap();

    let sent = rig.mcp.header("traceparent");
    assert!(
        sent.len() == 1 && sent[0].contains(trace) && !sent[0].contains("00f067aa0ba902b7"),
        "{sent:?}"
    );
    until("the turn is logged with its trace", async || {
        rig.agent
            .log()
            .iter()
            .any(|line| line.contains("turn ended") && line.contains(trace))
    })
    .await;
    assert!(
        rig.agent.log().iter().all(|line| !line.contains("Tokyo")),
        "what people say is nobody's to log"
    );
}

#[tokio::test]
async fn what_is_paid_counts_for_the_session() {
    let rig = Rig::start(&[]).await;
    for session in ["s-1", "a session, with=marks;"] {
        rig.bedrock.then([calls(&[TOKYO]), says("11.6 °C.")]);
        rig.agent.ask(session, "Weather in Tokyo?").await;
    }
    expect![[r#"
        [
            "session.id=s-1",
            "session.id=a+session%2C+with%3Dmarks%3B",
        ]
    "#]]
    .assert_debug_eq(&rig.mcp.baggage());
}

#[tokio::test]
async fn connection_and_tools_are_kept_between_turns() {
    let rig = Rig::start(&[]).await;
    rig.bedrock.then([
        calls(&[TOKYO]),
        says("11.6 °C."),
        calls(&[TOKYO]),
        says("11.6 °C."),
    ]);
    rig.agent.ask("s-1", "Weather in Tokyo?").await;
    rig.agent.ask("s-2", "Weather in Tokyo?").await;
    let methods = rig.mcp.header("mcp-method");
    assert_eq!(
        methods,
        ["server/discover", "tools/list", "tools/call", "tools/call"]
    );
}

/// Nova thinks aloud, in pieces that end anywhere, and is asked for its likeliest words.
#[tokio::test]
async fn nova_is_asked_as_it_wants_and_what_it_thinks_is_not_said() {
    let model = "us.amazon.nova-2-lite-v1:0";
    let rig = Rig::start(&[("BEDROCK_MODEL_ID", model)]).await;
    let thought = [
        "<thin",
        "king>They ask for Tokyo",
        ".</",
        "thinking>\n\n",
        "11.6",
        " °C.",
    ];
    rig.bedrock.then([
        calls(&[TOKYO]),
        says_in_pieces(&thought),
        says_in_pieces(&thought),
    ]);
    let events = rig
        .agent
        .stream("s-1", "Weather in Tokyo?")
        .await
        .rest()
        .await;
    assert!(!events.contains("think"), "{events}");
    assert!(
        events.contains(r#"{"text":"11.6","type":"text"}"#),
        "{events}"
    );
    let document = rig.agent.ask("s-1", "Once more?").await;
    assert_eq!(document["text"], "11.6 °C.");

    let requests = rig.bedrock.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request["inferenceConfig"]["temperature"], 0.0);
        assert!(
            !request["messages"].to_string().contains("They ask"),
            "{request}"
        );
    }
}
