use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use crate::market::{KEY, Market};
use crate::support::{Server, settings};

/// A Lambda Runtime API that hands out prepared events and then keeps its function waiting.
#[derive(Clone)]
struct RuntimeApi {
    events: Arc<Mutex<Vec<Value>>>,
    answers: mpsc::UnboundedSender<(String, Value)>,
    asked: mpsc::UnboundedSender<()>,
    /// An event is handed out for each permit.
    permits: Arc<Semaphore>,
}

async fn next(State(api): State<RuntimeApi>) -> (HeaderMap, Json<Value>) {
    api.asked.send(()).unwrap();
    api.permits.acquire().await.unwrap().forget();
    let (id, event) = {
        let mut events = api.events.lock().unwrap();
        (events.len(), events.pop())
    };
    let Some(event) = event else {
        return std::future::pending().await;
    };
    let in_ten_seconds = std::time::SystemTime::now() + Duration::from_secs(10);
    let deadline = in_ten_seconds
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let headers = [
        ("lambda-runtime-aws-request-id", id.to_string()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:test".to_owned(),
        ),
    ];
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    (headers, Json(event))
}

async fn answer(
    State(api): State<RuntimeApi>,
    Path((_id, kind)): Path<(String, String)>,
    body: String,
) -> Json<Value> {
    api.answers
        .send((kind, serde_json::from_str(&body).unwrap()))
        .unwrap();
    Json(json!({"status": "OK"}))
}

/// A request as a Function URL hands it on, payload format 2.0.
fn event(host: &str, headers: Value, body: &Value) -> Value {
    let mut all = json!({
        "accept": "application/json, text/event-stream", "content-type": "application/json", "host": host,
        "mcp-protocol-version": "2025-11-25",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    });
    all.as_object_mut()
        .unwrap()
        .extend(headers.as_object().unwrap().clone());
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/mcp", "rawQueryString": "", "headers": all,
        "requestContext": {
            "accountId": "000000000000", "apiId": "id", "domainName": host, "domainPrefix": "id", "requestId": "1",
            "http": {"method": "POST", "path": "/mcp", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"},
            "routeKey": "$default", "stage": "$default", "time": "22/Nov/2026:12:00:00 +0000", "timeEpoch": 1_795_348_800_000_u64,
        },
        "body": body.to_string(), "isBase64Encoded": false,
    })
}

#[tokio::test]
async fn a_function_url_event_is_answered() {
    let (market, shop) = Market::open(10_000, KEY).await;
    let call = json!({
        "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "get_weather", "arguments": {"city": "Tokyo"}},
    });
    let host = "abcdefghij.lambda-url.us-east-1.on.aws";
    // The last is handed out first.
    let events = vec![
        event(host, json!({"origin": "https://example.com"}), &call),
        event(host, json!({}), &call),
    ];
    let ((answers, mut answered), (asked, mut asks)) =
        (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let api = RuntimeApi {
        events: Arc::new(Mutex::new(events)),
        answers,
        asked,
        permits: Arc::new(Semaphore::new(0)),
    };
    let permits = Arc::clone(&api.permits);
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(answer))
        .with_state(api);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });

    let lambda = [
        ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "test"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ];
    let lambda = lambda.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let server = Server::start(settings(&shop).into_iter().chain(lambda));

    asks.recv().await.unwrap();
    assert_eq!(
        *market.secret_reads.lock().unwrap(),
        0,
        "nothing is read before it is needed"
    );
    permits.add_permits(3);

    let (kind, response) = answered.recv().await.unwrap();
    assert_eq!(
        (kind.as_str(), &response["statusCode"]),
        ("response", &json!(200)),
        "{response}"
    );
    let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        body["result"]["structuredContent"]["payment"]["displayAmount"], "0.01",
        "{body}"
    );
    assert_eq!(market.spent(), x402::U256::from(10_000));

    let (_, response) = answered.recv().await.unwrap();
    assert_eq!(
        response["statusCode"], 403,
        "a browser's request is refused: {response}"
    );
    server
        .logged(r#""message":"request","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736""#)
        .await;
}
