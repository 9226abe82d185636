//! Serving over real sockets: trace context in and out of handlers and streams, panics, and the graceful stop.

#![expect(clippy::unwrap_used, reason = "a test may stop here")]

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use futures_util::StreamExt as _;
use runtime::trace;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn trace_id() -> String {
    trace::current()
        .map(|context| context.trace_id())
        .unwrap_or_default()
}

/// Three chunks, 100 ms apart, each holding the trace id that its maker sees.
async fn stream() -> Body {
    Body::from_stream(futures_util::stream::iter(0..3).then(async |_| {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, std::io::Error>(Bytes::from(trace_id().await))
    }))
}

async fn endless() -> Body {
    Body::from_stream(
        futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"x")))
            .then(async |chunk| {
                tokio::time::sleep(Duration::from_millis(50)).await;
                chunk
            }),
    )
}

async fn panics() -> &'static str {
    panic!("a test panics")
}

struct Server {
    url: String,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), runtime::Error>>,
}

async fn server() -> Server {
    server_within(runtime::Limits::default()).await
}

async fn server_within(limits: runtime::Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/trace", get(trace_id))
        .route("/stream", get(stream))
        .route("/endless", get(endless))
        .route("/panics", get(panics));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(runtime::serve_within(
        limits,
        listener,
        router,
        stop.clone(),
    ));
    Server { url, stop, serving }
}

async fn get_traced(url: String) -> reqwest::Response {
    let header = format!("00-{TRACE_ID}-00f067aa0ba902b7-01");
    runtime::http::client()
        .get(url)
        .header("traceparent", header)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn handlers_and_streams_are_part_of_the_callers_trace() {
    let server = server().await;
    let text = get_traced(format!("{}/trace", server.url))
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(text, TRACE_ID);
    let text = get_traced(format!("{}/stream", server.url))
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(text, TRACE_ID.repeat(3));
}

#[tokio::test]
async fn a_panic_is_answered_and_the_service_goes_on() {
    let server = server().await;
    let response = get_traced(format!("{}/panics", server.url)).await;
    assert_eq!(response.status(), 500);
    assert!(response.text().await.unwrap().contains("internal"));
    assert_eq!(
        get_traced(format!("{}/trace", server.url)).await.status(),
        200
    );
}

#[tokio::test]
async fn a_stop_lets_an_open_stream_end() {
    let server = server().await;
    let response = get_traced(format!("{}/stream", server.url)).await;
    server.stop.cancel();
    assert_eq!(response.text().await.unwrap(), TRACE_ID.repeat(3));
    server.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_idle_connections() {
    let server = server().await;
    let client = runtime::http::client();
    client
        .get(format!("{}/trace", server.url))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    server.stop.cancel();
    tokio::time::timeout(Duration::from_secs(2), server.serving)
        .await
        .expect("stops at once")
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_stop_waits_for_a_stream_without_end_as_long_as_it_may() {
    let server = server_within(runtime::Limits {
        stop: Duration::from_secs(2),
        ..runtime::Limits::default()
    })
    .await;
    let mut stream = get_traced(format!("{}/endless", server.url))
        .await
        .bytes_stream();
    stream.next().await.unwrap().unwrap();
    let reading = tokio::spawn(async move { while let Some(Ok(_)) = stream.next().await {} });
    server.stop.cancel();
    let started = std::time::Instant::now();
    server.serving.await.unwrap().unwrap();
    assert!(
        started.elapsed() >= Duration::from_secs(2) && started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    reading.abort();
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = runtime::Address {
        host: "127.0.0.1".into(),
        port,
    };
    let error = runtime::serve(&address, Router::new())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!(
            "cannot listen on 127.0.0.1:{port} (set by HOST and PORT): "
        )),
        "{error}"
    );
}

#[tokio::test]
async fn aws_settings_are_made_without_a_call() {
    let config = runtime::aws::config().await;
    assert!(config.http_client().is_some());
}
