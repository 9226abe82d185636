//! The Lambda Runtime API of one instance, on an address of its own: that is how we know who asks.

use std::net::{Ipv4Addr, SocketAddr};

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Failure, PAYLOAD_BYTES_MAX};

const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// What an instance tells us, in the order of its requests.
pub(super) enum Call {
    /// It wants an event, and waits for it.
    Next(oneshot::Sender<Event>),
    Answer {
        request_id: String,
        result: Result<Bytes, Failure>,
        accepted: oneshot::Sender<StatusCode>,
    },
    InitError(Failure),
}

/// An event as the instance gets it: headers and body.
pub(super) struct Event {
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Serves until it is dropped.
pub(super) struct RuntimeApi {
    pub address: SocketAddr,
    pub calls: mpsc::Receiver<Call>,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    pub(super) async fn bind() -> std::io::Result<RuntimeApi> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (sender, calls) = mpsc::channel(4);
        let server = tokio::spawn(async move {
            // It ends by being aborted; an accept that fails leaves an instance without events, which times out.
            axum::serve(listener, router(sender)).await.ok();
        });
        Ok(RuntimeApi {
            address,
            calls,
            server,
        })
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Calls = State<mpsc::Sender<Call>>;

fn router(calls: mpsc::Sender<Call>) -> Router {
    let routes = Router::new()
        .route("/invocation/next", get(next))
        .route("/invocation/{id}/response", post(response))
        .route("/invocation/{id}/error", post(error))
        .route("/init/error", post(init_error))
        // Larger answers must be read to be refused in Lambda's own words.
        .layer(DefaultBodyLimit::max(2 * PAYLOAD_BYTES_MAX))
        .with_state(calls);
    Router::new().nest("/2018-06-01/runtime", routes)
}

async fn next(State(calls): Calls) -> Response {
    let (sender, event) = oneshot::channel();
    if calls.send(Call::Next(sender)).await.is_err() {
        return gone();
    }
    match event.await {
        Ok(event) => (event.headers, event.body).into_response(),
        Err(_) => gone(),
    }
}

async fn response(State(calls): Calls, Path(id): Path<String>, body: Bytes) -> Response {
    if body.len() > PAYLOAD_BYTES_MAX {
        let message = format!(
            "Response payload size exceeded maximum allowed payload size ({PAYLOAD_BYTES_MAX} bytes)."
        );
        let failure = Failure::new("Function.ResponseSizeTooLarge", message.clone());
        let refusal = (
            StatusCode::PAYLOAD_TOO_LARGE,
            Json(json!({ "errorType": failure.error_type, "errorMessage": message })),
        );
        finish(&calls, id, Err(failure)).await;
        return refusal.into_response();
    }
    finish(&calls, id, Ok(body)).await
}

async fn error(
    State(calls): Calls,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    finish(&calls, id, Err(failure(&headers, &body))).await
}

async fn init_error(State(calls): Calls, headers: HeaderMap, body: Bytes) -> Response {
    match calls.send(Call::InitError(failure(&headers, &body))).await {
        Ok(()) => status(StatusCode::ACCEPTED),
        Err(_) => gone(),
    }
}

async fn finish(
    calls: &mpsc::Sender<Call>,
    request_id: String,
    result: Result<Bytes, Failure>,
) -> Response {
    let (accepted, answer) = oneshot::channel();
    if calls
        .send(Call::Answer {
            request_id,
            result,
            accepted,
        })
        .await
        .is_err()
    {
        return gone();
    }
    match answer.await {
        Ok(code) => status(code),
        Err(_) => gone(),
    }
}

fn status(code: StatusCode) -> Response {
    let body = match code {
        StatusCode::ACCEPTED => json!({ "status": "OK" }),
        _ => {
            json!({ "errorType": "InvalidRequestID", "errorMessage": "This request id is not the one being handled." })
        }
    };
    (code, Json(body)).into_response()
}

/// The instance is being stopped.
fn gone() -> Response {
    let body = json!({ "errorType": "InvalidStateTransition", "errorMessage": "The instance is being stopped." });
    (StatusCode::FORBIDDEN, Json(body)).into_response()
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ErrorBody {
    error_type: String,
    error_message: String,
}

fn failure(headers: &HeaderMap, body: &[u8]) -> Failure {
    let said: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let in_header = headers
        .get(ERROR_TYPE)
        .and_then(|value| value.to_str().ok());
    let error_type = [
        said.error_type.as_str(),
        in_header.unwrap_or_default(),
        "Runtime.UnknownReason",
    ]
    .into_iter()
    .find(|name| !name.is_empty());
    Failure::new(error_type.unwrap_or_default(), said.error_message)
}
