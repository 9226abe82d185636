//! The MCP conformance suite against the running server, through its Function URL. The suite cannot sign requests, so a proxy
//! on loopback signs them as the local cloud's operator.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::common::System;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, Response, Uri};
use serde_json::Value as Json;

#[derive(Clone)]
struct Proxy {
    client: reqwest::Client,
    function: String,
    credentials: Credentials,
}

#[test]
#[ignore = "needs Node 22 and the conformance package: cargo xtask test conformance"]
#[expect(clippy::disallowed_methods, reason = "a test plays the user")]
fn the_conformance_suite_passes_through_the_function_url() {
    let system = System::deployed();
    let notes = std::fs::read_to_string(system.local_folder().join("supervisor.json")).unwrap();
    let notes: Json = serde_json::from_str(&notes).unwrap();
    let operator = |key: &str| notes["operator"][key].as_str().unwrap().to_owned();
    let proxy = Proxy {
        client: crate::common::client(),
        function: system.output("mcp-server", "url"),
        credentials: Credentials::new(
            operator("accessKeyId"),
            operator("secretAccessKey"),
            None,
            None,
            "test",
        ),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let serving = runtime.spawn(async {
        axum::serve(listener, Router::new().fallback(forward).with_state(proxy)).await
    });
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut suite = std::process::Command::new(cargo);
    suite
        .args(
            "test --package mcp-server --test conformance -- --ignored --exact the_server_as_it_is"
                .split(' '),
        )
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
        .env("TURNPIKE_TEST_MCP_URL", url);
    // As a user's shell would run it: xtask/crates/build/src/cargo.rs says why.
    let ours =
        |name: &String| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for name in std::env::vars().map(|(name, _)| name).filter(ours) {
        suite.env_remove(name);
    }
    let status = suite.status().unwrap();
    serving.abort();
    assert!(status.success());
    assert_eq!(
        system.ledger().settlements(),
        0,
        "the suite must not have paid"
    );
}

/// Sends the request on, signed, with the headers that a Function URL would see.
async fn forward(
    State(proxy): State<Proxy>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let base = proxy.function.trim_end_matches('/');
    let url = format!(
        "{base}{}",
        uri.path_and_query().map_or("/", |path| path.as_str())
    );
    let mut request = Request::builder()
        .method(&method)
        .uri(&url)
        .body(())
        .unwrap();
    let host = url
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let identity = proxy.credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-west-2")
        .name("lambda")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap();
    let signed = [("host", host.as_str())].into_iter();
    let signable =
        SignableRequest::new(method.as_str(), &url, signed, SignableBody::Bytes(&body)).unwrap();
    let (instructions, _) = sign(signable, &parameters.into()).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    let mut outgoing = proxy
        .client
        .request(method, &url)
        .timeout(Duration::from_secs(60))
        .body(body);
    for (name, value) in headers
        .iter()
        .filter(|(name, _)| !["host", "content-length", "connection"].contains(&name.as_str()))
    {
        outgoing = outgoing.header(name, value);
    }
    for (name, value) in request.headers() {
        outgoing = outgoing.header(name, value);
    }
    let answer = outgoing.send().await.unwrap();
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer
        .headers()
        .iter()
        .filter(|(name, _)| name.as_str() != "transfer-encoding")
    {
        response = response.header(name, value);
    }
    response
        .body(Body::from(answer.bytes().await.unwrap()))
        .unwrap()
}
