//! The control API under `/_turnpike/`, for whoever can read `supervisor.json`.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::cloud::Cloud;
use cloud::StackRequest;

/// An error as it travels.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    pub error: String,
}

#[derive(Clone)]
struct Control {
    cloud: Arc<Cloud>,
    stop: CancellationToken,
    token_digest: [u8; 32],
}

pub(super) fn router(cloud: Arc<Cloud>, stop: CancellationToken, token: &str) -> Router {
    let control = Control {
        cloud,
        stop,
        token_digest: Sha256::digest(token).into(),
    };
    Router::new()
        .route("/_turnpike/", get(async || Json(std::process::id())))
        .route("/_turnpike/stacks", get(describe).post(apply))
        .route("/_turnpike/stacks/{name}", delete(remove).get(request_of))
        .route("/_turnpike/deployed", get(deployed))
        .route("/_turnpike/changes", post(compare))
        .route("/_turnpike/shutdown", post(shut_down))
        .layer(axum::extract::DefaultBodyLimit::max(16 * 1024 * 1024))
        .layer(middleware::from_fn_with_state(control.clone(), check_token))
        .with_state(control)
}

async fn check_token(State(control): State<Control>, request: Request, next: Next) -> Response {
    if control.stop.is_cancelled() {
        return problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "the local cloud is stopping; try again".to_owned(),
        );
    }
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    // Comparing digests tells nothing about the token by its timing.
    let right =
        given.is_some_and(|token| <[u8; 32]>::from(Sha256::digest(token)) == control.token_digest);
    if right {
        next.run(request).await
    } else {
        problem(
            StatusCode::UNAUTHORIZED,
            "the control token is missing or wrong".to_owned(),
        )
    }
}

async fn describe(State(control): State<Control>) -> Response {
    Json(control.cloud.describe()).into_response()
}

async fn deployed(State(control): State<Control>) -> Response {
    Json(control.cloud.deployed()).into_response()
}

async fn request_of(State(control): State<Control>, Path(name): Path<String>) -> Response {
    match control.cloud.request_of(&name) {
        Some(request) => Json(request).into_response(),
        None => problem(StatusCode::NOT_FOUND, format!("there is no stack {name}")),
    }
}

async fn compare(State(control): State<Control>, Json(request): Json<StackRequest>) -> Response {
    match control.cloud.compare(&request).await {
        Ok(prepared) => Json(prepared).into_response(),
        Err(error) => problem(StatusCode::UNPROCESSABLE_ENTITY, format!("{error:#}")),
    }
}

async fn apply(State(control): State<Control>, Json(request): Json<StackRequest>) -> Response {
    // In a task of its own: a deploy that is interrupted must not leave half a stack.
    let cloud = control.cloud.clone();
    answer(tokio::spawn(async move { cloud.apply(&request).await }).await)
}

async fn remove(State(control): State<Control>, Path(name): Path<String>) -> Response {
    let cloud = control.cloud.clone();
    answer(tokio::spawn(async move { cloud.delete(&name).await }).await)
}

async fn shut_down(State(control): State<Control>) -> StatusCode {
    control.stop.cancel();
    StatusCode::ACCEPTED
}

fn answer<T: Serialize>(result: Result<anyhow::Result<T>, tokio::task::JoinError>) -> Response {
    match result {
        Ok(Ok(value)) => Json(value).into_response(),
        Ok(Err(error)) => problem(StatusCode::UNPROCESSABLE_ENTITY, format!("{error:#}")),
        Err(error) => problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the supervisor has a fault: {error}"),
        ),
    }
}

fn problem(status: StatusCode, error: String) -> Response {
    (status, Json(Problem { error })).into_response()
}
