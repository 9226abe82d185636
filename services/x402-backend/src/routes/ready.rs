//! `GET /ready`: whether a payment could be settled now. Nobody pays for asking.

use crate::app::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// 200, or 503 with the reason.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let (status, body) = match app.readiness.ask().await {
        Ok(facilitator) => (
            StatusCode::OK,
            json!({ "status": "ready", "facilitator": facilitator }),
        ),
        Err(message) => (
            StatusCode::SERVICE_UNAVAILABLE,
            json!({ "error": { "code": "facilitatorNotReady", "message": message } }),
        ),
    };
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
