//! What a turn does when something goes wrong.

use expect_test::expect;

use crate::bedrock::{Bedrock, Reply, calls, says, start, stop};
use crate::mcp::Mcp;
use crate::process::{Agent, Rig, serve};

const TOKYO: (&str, &str, &str) = ("t1", "get_weather", r#"{"city":"Tokyo"}"#);

#[tokio::test]
async fn tools_that_fail_are_told_to_the_model() {
    let rig = Rig::start(&[]).await;
    rig.bedrock.then([
        calls(&[
            ("t1", "get_weather", r#"{"city":"Atlantis"}"#),
            ("t2", "get_rich", "{}"),
            ("t3", "get_weather", r#"{"city"#),
            ("t4", "get_weather", "{}"),
        ]),
        says("It failed."),
    ]);
    let events = rig
        .agent
        .stream("s-1", "Weather in Atlantis?")
        .await
        .rest()
        .await;
    let mut results: Vec<&str> = events
        .lines()
        .filter(|line| line.contains("toolResult"))
        .collect();
    results.sort_by_key(|line| line.find("\"id\"").map(|place| &line[place..]));
    expect![[r#"
        {"error":"{\"message\":\"unknown city\"}","id":"t1","name":"get_weather","ok":false,"type":"toolResult"}
        {"error":"There is no tool get_rich. The tools are: get_weather, get_slow, get_price.","id":"t2","name":"get_rich","ok":false,"type":"toolResult"}
        {"error":"The arguments are not a JSON object (EOF while parsing a string at line 1 column 6). Call the tool again.","id":"t3","name":"get_weather","ok":false,"type":"toolResult"}
        {"error":"The tool server refused the call: city is missing","id":"t4","name":"get_weather","ok":false,"type":"toolResult"}"#]].assert_eq(&results.join("\n"));
    expect![[r#"user: [{"toolResult":{"content":[{"text":"{\"message\":\"unknown city\"}"}],"status":"error","toolUseId":"t1"}},{"toolResult":{"content":[{"text":"There is no tool get_rich. The tools are: get_weather, get_slow, get_price."}],"status":"error","toolUseId":"t2"}},{"toolResult":{"content":[{"text":"The arguments are not a JSON object (EOF while parsing a string at line 1 column 6). Call the tool again."}],"status":"error","toolUseId":"t3"}},{"toolResult":{"content":[{"text":"The tool server refused the call: city is missing"}],"status":"error","toolUseId":"t4"}}]"#]].assert_eq(rig.bedrock.last_messages().lines().last().unwrap());
}

#[tokio::test]
async fn the_step_limit_stops_before_another_payment() {
    let rig = Rig::start(&[("STEPS_MAX", "2")]).await;
    rig.bedrock.then([calls(&[TOKYO]), calls(&[TOKYO])]);
    let events = rig
        .agent
        .stream("s-1", "Weather in Tokyo?")
        .await
        .rest()
        .await;
    let end: Vec<&str> = events.lines().rev().take(2).collect();
    expect![[r#"
        {"inputTokens":200,"model":"test.model","outputTokens":20,"steps":2,"stopReason":"stepLimit","type":"done"}
        {"code":"stepLimit","message":"The question was not answered within 2 steps. Ask for less at once, or raise STEPS_MAX.","type":"error"}"#]].assert_eq(&end.join("\n"));
    assert_eq!(rig.mcp.calls().len(), 1);
}

#[tokio::test]
async fn the_token_limit_cuts_the_answer_and_says_so() {
    let rig = Rig::start(&[("TOKENS_MAX", "5")]).await;
    let mut events = start("The weather in");
    events.extend(stop("max_tokens"));
    rig.bedrock.then([Reply::Events(events)]);
    let events = rig
        .agent
        .stream("s-1", "Weather in Tokyo?")
        .await
        .rest()
        .await;
    expect![[r#"
        {"text":"The wea","type":"text"}
        {"text":"ther in","type":"text"}
        {"code":"tokenLimit","message":"The answer was cut off after 5 tokens. Ask for less, or raise TOKENS_MAX.","type":"error"}
        {"inputTokens":100,"model":"test.model","outputTokens":10,"steps":1,"stopReason":"maxTokens","type":"done"}
    "#]].assert_eq(&events);
    assert_eq!(rig.bedrock.requests()[0]["inferenceConfig"]["maxTokens"], 5);
}

#[tokio::test]
async fn errors_of_the_model_are_in_band() {
    let rig = Rig::start(&[]).await;
    let mut lines = String::new();
    for reply in [
        Reply::Refused(
            403,
            "AccessDeniedException",
            "You don't have access to the model.",
        ),
        Reply::Refused(
            400,
            "ValidationException",
            "The provided model identifier is invalid.",
        ),
        Reply::Refused(404, "ResourceNotFoundException", ""),
        Reply::Broken(start("The wea"), "modelStreamErrorException"),
        Reply::Broken(Vec::new(), "throttlingException"),
        Reply::Events(start("The wea")),
    ] {
        rig.bedrock.then([reply]);
        lines += &rig
            .agent
            .stream("s-1", "Weather in Tokyo?")
            .await
            .rest()
            .await;
        lines += "\n";
    }
    expect![[r#"
        {"code":"modelAccessDenied","message":"The agent may not call the model test.model. Check the stage's `model`, the agent's role and the organization's policies; a model of Anthropic wants a form once, in the Bedrock console's model catalog. Bedrock says: You don't have access to the model.","type":"error"}
        {"inputTokens":0,"model":"test.model","outputTokens":0,"steps":1,"stopReason":"error","type":"done"}

        {"code":"modelNotFound","message":"There is no model test.model in this region. Check the stage's `model` and `region`. Bedrock says: The provided model identifier is invalid.","type":"error"}
        {"inputTokens":0,"model":"test.model","outputTokens":0,"steps":1,"stopReason":"error","type":"done"}

        {"code":"modelNotFound","message":"There is no model test.model in this region. Check the stage's `model` and `region`.","type":"error"}
        {"inputTokens":0,"model":"test.model","outputTokens":0,"steps":1,"stopReason":"error","type":"done"}

        {"text":"The","type":"text"}
        {"text":" wea","type":"text"}
        {"code":"modelUnavailable","message":"The model test.model is not available at the moment. Ask again in a minute. Bedrock says: it broke","type":"error"}
        {"inputTokens":0,"model":"test.model","outputTokens":0,"steps":1,"stopReason":"error","type":"done"}

        {"code":"modelThrottled","message":"The model test.model is receiving too many requests. Wait a minute and ask again. Bedrock says: it broke","type":"error"}
        {"inputTokens":0,"model":"test.model","outputTokens":0,"steps":1,"stopReason":"error","type":"done"}

        {"text":"The","type":"text"}
        {"text":" wea","type":"text"}
        {"code":"modelUnavailable","message":"The answer from the model test.model was cut off. Ask again.","type":"error"}
        {"inputTokens":0,"model":"test.model","outputTokens":0,"steps":1,"stopReason":"error","type":"done"}

    "#]].assert_eq(&lines);
    assert!(rig.mcp.calls().is_empty());
}

#[tokio::test]
async fn a_throttled_model_is_asked_again_before_giving_up() {
    let rig = Rig::start(&[]).await;
    let throttled = || Reply::Refused(429, "ThrottlingException", "Too many requests.");
    rig.bedrock.then([throttled(), says("Sunny.")]);
    assert_eq!(rig.agent.ask("s-1", "Weather?").await["text"], "Sunny.");
    rig.bedrock.then([throttled(), throttled(), throttled()]);
    assert_eq!(
        rig.agent.ask("s-1", "Weather?").await["error"]["code"],
        "modelThrottled"
    );
}

#[tokio::test]
async fn a_failed_turn_leaves_a_session_that_works() {
    let rig = Rig::start(&[]).await;
    rig.bedrock.then([
        calls(&[TOKYO]),
        Reply::Broken(start("11"), "internalServerException"),
        says("11.6 °C, as paid for."),
    ]);
    let document = rig.agent.ask("s-1", "Weather in Tokyo?").await;
    assert_eq!(document["error"]["code"], "modelUnavailable");
    assert_eq!(document["payments"].as_array().unwrap().len(), 1);
    assert_eq!(
        rig.agent.ask("s-1", "Go on.").await["text"],
        "11.6 °C, as paid for."
    );
    // What was paid for is remembered, and the roles still alternate.
    expect![[r#"
        user: [{"text":"Weather in Tokyo?"}]
        assistant: [{"toolUse":{"input":{"city":"Tokyo"},"name":"get_weather","toolUseId":"t1"}}]
        user: [{"toolResult":{"content":[{"json":{"city":"Tokyo","payment":{"amount":"10000","for":"Tokyo"},"temperatureCelsius":11.6}}],"toolUseId":"t1"}},{"text":"Go on."}]
    "#]].assert_eq(&rig.bedrock.last_messages());
}

#[tokio::test]
async fn no_model_at_all() {
    let mcp = serve(Mcp::new().router()).await;
    let agent = Agent::start("http://127.0.0.1:1", &mcp, &[]).await;
    let document = agent.ask("s-1", "Weather in Tokyo?").await;
    expect![[r#"{"error":{"code":"modelUnavailable","message":"Amazon Bedrock could not be reached to call test.model. Check the network, then ask again."},"model":"test.model","payments":[],"steps":1,"stopReason":"error","text":"","toolCalls":[],"usage":{"inputTokens":0,"outputTokens":0}}"#]].assert_eq(&document.to_string());
}

#[tokio::test]
async fn no_tool_server_then_one_then_none() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (bedrock, bedrock_url) = Bedrock::start().await;
    let agent = Agent::start(&bedrock_url, &format!("http://{address}"), &[]).await;
    expect![[r#"{"code":"toolsUnavailable","message":"The tools cannot be reached: Connection refused (os error 111). Check that mcp-server runs and that the agent may call it, then ask again."}"#]].assert_eq(&agent.ask("s-1", "Weather in Tokyo?").await["error"].to_string());

    // It comes up: no restart is needed.
    let mcp = Mcp::new();
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let stopping = stop.clone().cancelled_owned();
    let router = mcp.router();
    let server = tokio::spawn(async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(stopping)
            .await
    });
    bedrock.then([calls(&[TOKYO]), says("11.6 °C.")]);
    assert_eq!(
        agent.ask("s-1", "Weather in Tokyo?").await["text"],
        "11.6 °C."
    );

    // It goes: the known tools stay, and the model is told what happened.
    stop.cancel();
    server.await.unwrap().unwrap();
    bedrock.then([calls(&[TOKYO]), says("No luck.")]);
    let document = agent.ask("s-1", "And now?").await;
    expect![[r#""The tool was not called and nothing was paid: Connection refused (os error 111). It can be tried again later.""#]].assert_eq(&document["toolCalls"][0]["error"].to_string());
    assert_eq!(document["text"], "No luck.");
}

#[tokio::test]
async fn a_wrong_signature_is_named() {
    let rig = Rig::start(&[("AWS_SECRET_ACCESS_KEY", "another")]).await;
    expect![[r#"{"code":"toolsUnavailable","message":"The tools cannot be reached: unexpected server response: HTTP 403 Forbidden: {\"Message\":\"Forbidden\"}. Check that mcp-server runs and that the agent may call it, then ask again."}"#]].assert_eq(&rig.agent.ask("s-1", "Weather in Tokyo?").await["error"].to_string());
}

#[tokio::test]
async fn no_credentials() {
    let settings = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let rig = Rig::start(&settings).await;
    expect![[r#"{"code":"toolsUnavailable","message":"The tools cannot be reached: no credentials found in chain. Check that mcp-server runs and that the agent may call it, then ask again."}"#]].assert_eq(&rig.agent.ask("s-1", "Weather in Tokyo?").await["error"].to_string());
}

#[tokio::test]
async fn a_call_that_is_lost_is_not_repeated() {
    let rig = Rig::start(&[]).await;
    let lost = ("t1", "get_weather", r#"{"city":"Nowhere"}"#);
    rig.bedrock
        .then([calls(&[lost]), calls(&[TOKYO]), says("11.6 °C.")]);
    let document = rig.agent.ask("s-1", "Weather in Nowhere and Tokyo?").await;
    expect![[r#""The tool server did not answer the call: HTTP 502. It is not known whether anything was paid, and what was signed may still be charged for three minutes; get_wallet shows what is open, until when, and what was spent. Do not repeat the call before that is clear.""#]].assert_eq(&document["toolCalls"][0]["error"].to_string());
    assert_eq!(document["toolCalls"][1]["ok"], true);
    assert_eq!(rig.mcp.calls(), ["crash", "get_weather"]);
}
