//! What the page asks for.

mod chat;
mod sign_in;
mod wallet;

pub(crate) use chat::chat;
pub(crate) use sign_in::{show_sign_in, sign_in, sign_out};
pub(crate) use wallet::wallet;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::app::App;
use crate::assets;
use crate::problem::{Action, Problem};

/// Characters of a question. Long enough for a pasted letter, too short to run up the model's bill.
pub(crate) const PROMPT_LENGTH_MAX: usize = 4_000;

/// `GET /`.
pub(crate) async fn page(State(app): State<App>) -> Response {
    assets::chat_page(app.gate.needs_key())
}

/// `GET /health`: whether this process answers. The agent's health is its own.
pub(crate) async fn health() -> Response {
    Json(serde_json::json!({ "status": "ok" })).into_response()
}

pub(crate) async fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "notFound",
        "Page not found",
        "The chat page is at /.",
        Action::None,
    )
}
