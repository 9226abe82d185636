//! The contract of `InvokeAgentRuntime`, line by line, with a container that lives in the test.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_smithy_types::Blob;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::StreamExt as _;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::super::{AgentRuntime, EndpointFacts};
use super::{Cloud, Signer, client, line, sdk_client, send, serve};

const ARN: &str =
    "arn:aws:bedrock-agentcore:us-east-1:000000000000:runtime/turnpike_local_agent-AbCdEfGhIj";
const ID: &str = "turnpike_local_agent-AbCdEfGhIj";
const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";
const SESSION_ID: &str = "a-session-id-that-is-33-letters-1";

/// Answers by what the payload's `do` says.
async fn container(headers: HeaderMap, Json(payload): Json<Value>) -> Response {
    match payload["do"].as_str().unwrap_or_default() {
        "stream" => {
            let events = futures_util::stream::iter(["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"])
                .then(async |event| {
                    tokio::time::sleep(Duration::from_millis(150)).await;
                    Ok::<_, Infallible>(event)
                });
            (
                [("content-type", "text/event-stream"), ("x-secret", "1")],
                Body::from_stream(events),
            )
                .into_response()
        }
        "status" => {
            StatusCode::from_u16(u16::try_from(payload["status"].as_u64().unwrap()).unwrap())
                .unwrap()
                .into_response()
        }
        _ => {
            let seen: serde_json::Map<String, Value> = headers
                .iter()
                .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
                .collect();
            Json(json!({ "headers": seen, "payload": payload })).into_response()
        }
    }
}

async fn running() -> (Cloud, watch::Sender<Option<SocketAddr>>) {
    let cloud = Cloud::with(json!({ "Effect": "Allow", "Action": "bedrock-agentcore:InvokeAgentRuntime", "Resource": [ARN, format!("{ARN}/*")] })).await;
    let address = serve(Router::new().route("/invocations", post(container))).await;
    let (target, receiver) = watch::channel(Some(address));
    let header_allow_list = [
        "traceparent",
        "X-Custom",
        "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Key",
        "Cookie",
        "Accept-Language",
        "X-Amz-Other",
        "Authorization",
    ];
    let header_allow_list = header_allow_list.map(str::to_owned).into();
    cloud.aws.put_runtime(AgentRuntime {
        arn: ARN.to_owned(),
        id: ID.to_owned(),
        name: "turnpike_local_agent".to_owned(),
        version: 2,
        header_allow_list,
        target: receiver,
    });
    cloud.aws.put_endpoint(
        ARN,
        EndpointFacts {
            name: "live".to_owned(),
            version: 2,
        },
    );
    (cloud, target)
}

/// A call without an SDK: any path, any headers.
async fn call(
    cloud: &Cloud,
    path: &str,
    headers: &[(&str, &str)],
    payload: Value,
) -> reqwest::Response {
    let url = format!("{}/runtimes/{path}", cloud.url());
    send(Signer::new(&cloud.credentials, "bedrock-agentcore").sign(
        "POST",
        &url,
        headers,
        payload.to_string(),
    ))
    .await
}

fn encoded() -> String {
    ARN.replace(':', "%3A").replace('/', "%2F")
}

#[tokio::test]
async fn one_line_of_the_contract_each() {
    let (cloud, _target) = running().await;
    let arn = encoded();
    let live = format!("{arn}/invocations?qualifier=live");
    let status = |status: u16| json!({ "do": "status", "status": status });
    let other = format!("{}/invocations", arn.replace("AbCd", "XxXx"));
    let refused = |status: u16| {
        format!(
            "424 RuntimeClientError Received error ({status}) from runtime. Please check your CloudWatch logs for more information."
        )
    };
    let length = |bound: &str| {
        format!(
            "400 ValidationException 1 validation error detected: Value at 'runtimeSessionId' failed to satisfy constraint: Member must have length {bound}"
        )
    };
    let denied = "403 AccessDeniedException User: arn:aws:sts::000000000000:assumed-role/caller/local is not authorized to perform: bedrock-agentcore:InvokeAgentRuntime";
    let (none, user) = (
        ("x-other", "1".to_owned()),
        ("x-amzn-bedrock-agentcore-runtime-user-id", "u".to_owned()),
    );
    let table = [
        (
            "an endpoint by its name",
            &*live,
            &none,
            json!({}),
            "200 ".to_owned(),
        ),
        (
            "no qualifier is DEFAULT",
            &live[..live.len() - "?qualifier=live".len()],
            &none,
            json!({}),
            "200 ".to_owned(),
        ),
        (
            "an unknown endpoint",
            "",
            &none,
            json!({}),
            format!(
                "404 ResourceNotFoundException No endpoint or agent found with qualifier 'other' for agent '{ARN}'."
            ),
        ),
        (
            "an unknown runtime, which the role may not call",
            &other,
            &none,
            json!({}),
            denied.to_owned(),
        ),
        (
            "a session id of 32 letters",
            &live,
            &(SESSION, "x".repeat(32)),
            json!({}),
            length("greater than or equal to 33"),
        ),
        (
            "a session id of 257 letters",
            &live,
            &(SESSION, "x".repeat(257)),
            json!({}),
            length("less than or equal to 256"),
        ),
        (
            "the container says 400",
            &live,
            &none,
            status(400),
            refused(400),
        ),
        (
            "the container's 402 is neither a quota nor a payment",
            &live,
            &none,
            status(402),
            refused(402),
        ),
        (
            "the container says 500",
            &live,
            &none,
            status(500),
            refused(500),
        ),
        (
            "a header of more than 4 KB",
            &live,
            &("x-custom", "x".repeat(4097)),
            json!({}),
            "400 ValidationException The header 'x-custom' is longer than 4096 bytes.".to_owned(),
        ),
        (
            "a user id needs a permission of its own",
            &live,
            &user,
            json!({}),
            format!("{denied}ForUser on resource: {ARN} because"),
        ),
    ];
    for (what, path, (name, value), payload, expected) in table {
        let path = if path.is_empty() {
            format!("{arn}/invocations?qualifier=other")
        } else {
            path.to_owned()
        };
        let line = line(
            call(
                &cloud,
                &path,
                &[("content-type", "application/json"), (name, value)],
                payload,
            )
            .await,
        )
        .await;
        assert!(line.starts_with(&expected), "{what}:\n{line}\n{expected}");
    }
    let unsigned = client()
        .post(format!("{}/runtimes/{live}", cloud.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(
        line(unsigned).await,
        "403 MissingAuthenticationTokenException Missing Authentication Token"
    );
}

#[tokio::test]
async fn ids_and_accounts() {
    let (cloud, _target) = running().await;
    let table = [
        ("?qualifier=live&accountId=000000000000", "200"),
        (
            "?accountId=123",
            "400 ValidationException Value '123' at 'accountId'",
        ),
        ("?accountId=111111111111", "403 AccessDeniedException"),
    ];
    for (query, expected) in table {
        let line = line(
            call(
                &cloud,
                &format!("{ID}/invocations{query}"),
                &[("content-type", "application/json")],
                json!({}),
            )
            .await,
        )
        .await;
        assert!(line.starts_with(expected), "{line}");
    }
    cloud.aws.remove_runtime(ARN);
    let gone = call(
        &cloud,
        &format!("{}/invocations", encoded()),
        &[],
        json!({}),
    )
    .await;
    assert_eq!(
        line(gone).await,
        format!("404 ResourceNotFoundException No runtime was found for {ARN}.")
    );
}

#[tokio::test]
async fn both_resources_need_the_permission() {
    for resource in [ARN.to_owned(), format!("{ARN}/runtime-endpoint/live")] {
        let cloud = Cloud::with(
            json!({ "Effect": "Allow", "Action": "bedrock-agentcore:*", "Resource": resource }),
        )
        .await;
        let line = line(
            call(
                &cloud,
                &format!("{}/invocations?qualifier=live", encoded()),
                &[],
                json!({}),
            )
            .await,
        )
        .await;
        assert!(line.starts_with("403 AccessDeniedException"), "{line}");
    }
}

#[tokio::test]
async fn which_headers_reach_the_container() {
    let (cloud, _target) = running().await;
    let sent = [
        ("content-type", "application/json"),
        ("accept", "text/event-stream"),
        (SESSION, SESSION_ID),
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        ("tracestate", "not=listed"),
        ("x-custom", "listed"),
        ("x-amzn-bedrock-agentcore-runtime-custom-key", "listed"),
        ("cookie", "listed=but-restricted"),
        ("accept-language", "en"),
        ("x-amz-other", "restricted"),
        ("x-forwarded-for", "1.2.3.4"),
    ];
    let response = call(
        &cloud,
        &format!("{}/invocations?qualifier=live", encoded()),
        &sent,
        json!({ "prompt": "hi" }),
    )
    .await;
    assert_eq!(response.headers()[SESSION], SESSION_ID);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["payload"], json!({ "prompt": "hi" }));
    let mut seen: Vec<&str> = body["headers"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    seen.sort_unstable();
    let expected = [
        "accept",
        "content-length",
        "content-type",
        "host",
        "traceparent",
        "x-amzn-bedrock-agentcore-runtime-custom-key",
        "x-amzn-bedrock-agentcore-runtime-request-id",
        SESSION,
        "x-custom",
    ];
    assert_eq!(seen, expected);
    assert_eq!(body["headers"][SESSION], SESSION_ID);
    assert_eq!(body["headers"]["accept"], "text/event-stream");
}

#[tokio::test]
async fn the_sdk_gets_a_session_id_and_a_stream() {
    let (cloud, _target) = running().await;
    let client = sdk_client!(aws_sdk_bedrockagentcore, cloud);
    let invoke = |payload: Value| {
        let call = client
            .invoke_agent_runtime()
            .agent_runtime_arn(ARN)
            .qualifier("live")
            .content_type("application/json");
        call.payload(Blob::new(payload.to_string())).send()
    };
    let mut answer = invoke(json!({ "do": "stream" })).await.unwrap();
    assert_eq!(answer.content_type(), "text/event-stream");
    assert_eq!(
        answer.runtime_session_id().map(str::len),
        Some(36),
        "one is made when none is sent"
    );
    let begun = Instant::now();
    let mut times = Vec::new();
    let mut text = String::new();
    while let Some(chunk) = answer.response.try_next().await.unwrap() {
        text += std::str::from_utf8(&chunk).unwrap();
        times.push(begun.elapsed());
    }
    assert_eq!(text, "data: 1\n\ndata: 2\n\ndata: 3\n\n");
    assert!(
        times.len() == 3 && times[2] - times[0] > Duration::from_millis(200),
        "chunk by chunk: {times:?}"
    );

    let error = invoke(json!({ "do": "status", "status": 402 }))
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_runtime_client_error(), "{error:?}");
}

#[tokio::test]
async fn a_container_that_is_down_is_waited_for() {
    let (cloud, target) = running().await;
    let address = *target.borrow();
    target.send_replace(None);
    let path = format!("{}/invocations?qualifier=live", encoded());
    let wait = call(
        &cloud,
        &path,
        &[("content-type", "application/json")],
        json!({}),
    );
    let (response, ()) = tokio::join!(wait, async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        // First to where nobody listens any more, as after a crash.
        target.send_replace(Some(SocketAddr::from(([127, 0, 0, 1], 1))));
        tokio::time::sleep(Duration::from_millis(200)).await;
        target.send_replace(address);
    });
    assert_eq!(response.status(), 200);
}
