use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::time::timeout;

use super::fake_agent::{ARN, MODEL};
use super::{HOST, TestServer, chat, cookie_of, events, get, json, router, text, with};
use crate::config::Access;

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_question_goes_to_the_endpoint_in_its_session_and_the_answer_comes_back() {
    let server = TestServer::open().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let response = server
        .send(with(
            chat(&json!({"prompt": "  weather? "})),
            "traceparent",
            trace,
        ))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/event-stream; charset=utf-8"
    );
    let token = response.headers()["turnpike-conversation"]
        .to_str()
        .unwrap()
        .to_owned();
    let events = events(&text(response).await);
    let types: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        &types[3..8],
        ["text", "toolCall", "payment", "toolResult", "text"]
    );
    assert_eq!(events[5]["receipt"]["amount"], "10000");
    assert_eq!(events.last().unwrap()["model"], MODEL);

    let call = server.agent.calls.lock().unwrap()[0].clone();
    assert_eq!((call.arn.as_str(), call.qualifier.as_str()), (ARN, "live"));
    assert_eq!(call.payload, json!({"prompt": "weather?"}));
    assert_eq!(call.headers[header::ACCEPT], "text/event-stream");
    assert!(
        call.headers[header::AUTHORIZATION]
            .to_str()
            .unwrap()
            .contains("/us-west-2/bedrock-agentcore/aws4_request")
    );
    assert!(
        call.headers["traceparent"]
            .to_str()
            .unwrap()
            .starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-")
    );
    let session = call.headers["x-amzn-bedrock-agentcore-runtime-session-id"]
        .to_str()
        .unwrap();
    assert_eq!(
        (session.len(), token.split_once('.').unwrap().0),
        (64, session)
    );
}

#[tokio::test]
async fn the_first_event_arrives_before_the_last_is_sent() {
    let server = TestServer::open().await;
    let mut body = server
        .send(chat(&json!({"prompt": "weather, hold"})))
        .await
        .into_body();
    let first = timeout(PATIENCE, body.frame())
        .await
        .expect("the first event comes at once")
        .unwrap()
        .unwrap();
    assert_eq!(
        first.into_data().unwrap(),
        "data: {\"text\":\"Let me \",\"type\":\"text\"}\n\n"
    );
    assert!(
        timeout(Duration::from_millis(50), body.frame())
            .await
            .is_err(),
        "the agent waits"
    );
    server.agent.go_on.notify_one();
    let rest = timeout(PATIENCE, body.collect())
        .await
        .unwrap()
        .unwrap()
        .to_bytes();
    assert!(
        std::str::from_utf8(&rest)
            .unwrap()
            .contains("\"type\":\"done\"")
    );
}

#[tokio::test]
async fn a_visitor_who_leaves_ends_the_call_to_the_agent() {
    let server = TestServer::open().await;
    let before = Arc::strong_count(&server.agent.open);
    let mut body = server
        .send(chat(&json!({"prompt": "hold"})))
        .await
        .into_body();
    timeout(PATIENCE, body.frame())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(Arc::strong_count(&server.agent.open) > before);
    drop(body);
    let ended = async {
        while Arc::strong_count(&server.agent.open) > before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, ended)
        .await
        .expect("the connection to the agent is closed");
}

#[tokio::test]
async fn events_are_framed_anew() {
    let server = TestServer::open().await;
    let stream = text(server.send(chat(&json!({"prompt": "split"}))).await).await;
    let expected = "data: {\"type\":\"text\",\"text\":\"13 °C\"}\n\ndata: {\"type\":\"done\",\"model\":\"m\"}\n\n";
    assert_eq!(stream, expected);
}

#[tokio::test]
async fn a_stream_that_ends_early_says_so() {
    let server = TestServer::open().await;
    for (prompt, code) in [("cut", "streamCutOff"), ("garbage", "answerUnreadable")] {
        let events = events(&text(server.send(chat(&json!({"prompt": prompt}))).await).await);
        let last = events.last().unwrap();
        assert_eq!(
            (last["type"].as_str(), last["code"].as_str()),
            (Some("error"), Some(code))
        );
        assert_eq!(last["action"], "retry");
    }
    let events = events(&text(server.send(chat(&json!({"prompt": "in-band"}))).await).await);
    assert_eq!(events[events.len() - 2]["code"], "modelUnavailable");
    assert_eq!(events[events.len() - 1]["type"], "done");
}

#[tokio::test]
async fn refusals_of_agentcore_become_words() {
    let server = TestServer::open().await;
    let cases = [
        ("quota", 503, "quotaExceeded", 1),
        ("throttle", 429, "throttled", 1),
        ("busy", 409, "sessionBusy", 3),
        ("broken", 424, "agentFailed", 1),
        ("denied", 502, "accessDenied", 1),
        ("missing", 502, "agentMissing", 1),
    ];
    for (prompt, status, code, calls) in cases {
        server.agent.calls.lock().unwrap().clear();
        let response = server.send(chat(&json!({"prompt": prompt}))).await;
        assert_eq!(response.status(), status, "{prompt}");
        let error = json(response).await["error"].clone();
        assert_eq!(error["code"], code);
        assert!(
            !error["title"].as_str().unwrap().is_empty()
                && !error["message"].as_str().unwrap().is_empty()
        );
        assert_eq!(server.agent.calls.lock().unwrap().len(), calls, "{prompt}");
    }
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_told_apart() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let router = router(&format!("http://{free}"), Access::Open).await;
    let response = tower::ServiceExt::oneshot(router, chat(&json!({"prompt": "hello"})))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(json(response).await["error"]["code"], "agentUnreachable");
}

#[tokio::test]
async fn an_agent_that_has_the_question_and_says_nothing_may_have_been_paid() {
    // Takes the question, and never answers.
    let hangs = axum::Router::new().fallback(std::future::pending::<()>);
    let url = super::serve(hangs).await;
    let patience = Duration::from_secs(1);
    let router = super::router_within(&url, Access::Open, patience).await;
    let begun = std::time::Instant::now();
    let request = chat(&json!({ "prompt": "anything" }));
    let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    let problem = super::json(response).await;
    assert_eq!(problem["error"]["code"], "agentSilent", "{problem}");
    let message = problem["error"]["message"].as_str().unwrap();
    assert!(message.contains("asking again may pay again"), "{message}");
}

#[tokio::test]
async fn a_conversation_goes_on_for_its_visitor_only() {
    let server = TestServer::open().await;
    let response = server.send(chat(&json!({"prompt": "one"}))).await;
    let cookie = cookie_of(&response);
    let token = response.headers()["turnpike-conversation"]
        .to_str()
        .unwrap()
        .to_owned();
    text(response).await;
    let next = json!({"prompt": "two", "conversation": token});
    let response = server.send(with(chat(&next), "cookie", &cookie)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["turnpike-conversation"], token);
    text(response).await;
    let sessions: Vec<_> = {
        let calls = server.agent.calls.lock().unwrap();
        calls
            .iter()
            .map(|call| call.headers["x-amzn-bedrock-agentcore-runtime-session-id"].clone())
            .collect()
    };
    assert_eq!(sessions[0], sessions[1]);

    let forged = json!({"prompt": "three", "conversation": format!("{}.{}", "a".repeat(64), "b".repeat(64))});
    for request in [chat(&next), with(chat(&forged), "cookie", &cookie)] {
        let response = server.send(request).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(json(response).await["error"]["code"], "conversationUnknown");
    }
    assert_eq!(server.agent.calls.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn questions_and_answers_have_limits() {
    let server = TestServer::open().await;
    let cookie = cookie_of(&server.send(get("/")).await);
    for (prompt, code) in [
        (" \n ".to_owned(), "promptEmpty"),
        ("ä".repeat(4_001), "promptTooLong"),
    ] {
        let response = server
            .send(with(chat(&json!({ "prompt": prompt })), "cookie", &cookie))
            .await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(json(response).await["error"]["code"], code);
    }
    let plain = Request::post("/api/chat")
        .header(header::HOST, HOST)
        .body("{\"prompt\":\"x\"}".into())
        .unwrap();
    assert_eq!(
        server.send(plain).await.status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    let huge = with(
        chat(&json!({"prompt": "x".repeat(100_000)})),
        "cookie",
        &cookie,
    );
    assert_eq!(
        server.send(huge).await.status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert!(server.agent.calls.lock().unwrap().is_empty());

    let ask = || with(chat(&json!({"prompt": "hold"})), "cookie", &cookie);
    let mut open = vec![
        server.send(ask()).await,
        server.send(ask()).await,
        server.send(ask()).await,
    ];
    let refused = server.send(ask()).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "5");
    assert_eq!(json(refused).await["error"]["code"], "tooManyAnswers");
    drop(open.pop());
    assert_eq!(
        server.send(ask()).await.status(),
        StatusCode::OK,
        "a visitor who leaves makes room"
    );
}

#[tokio::test]
async fn the_wallet_is_asked_for_without_a_model_and_in_one_session() {
    let server = TestServer::open().await;
    for _ in 0..2 {
        let wallet = json(server.send(get("/api/wallet")).await).await;
        assert_eq!(
            (
                wallet["displayBalance"].as_str(),
                wallet["currency"].as_str()
            ),
            (Some("10.00"), Some("USDC"))
        );
    }
    let calls = server.agent.calls.lock().unwrap();
    assert_eq!(
        calls[0].payload,
        json!({"tool": "get_wallet", "arguments": {}})
    );
    assert_eq!(calls[0].headers[header::ACCEPT], "application/json");
    let session =
        |index: usize| calls[index].headers["x-amzn-bedrock-agentcore-runtime-session-id"].clone();
    assert_eq!(session(0), session(1));
}
