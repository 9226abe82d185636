//! Our own answers, in one form, which no cache may keep.

use super::offer::refusal;
use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde_json::json;

pub(super) fn problem(status: StatusCode, code: &str, message: &str) -> Response {
    refusal(
        status,
        json!({ "error": { "code": code, "message": message } }).to_string(),
    )
}

pub(super) fn retry_later(status: StatusCode, code: &str, message: &str) -> Response {
    let mut response = problem(status, code, message);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Before anything was settled.
pub(super) fn store_failed() -> Response {
    retry_later(
        StatusCode::SERVICE_UNAVAILABLE,
        "busy",
        "The payment cannot be looked up now and was not charged.",
    )
}

pub(super) fn unknown() -> Response {
    retry_later(
        StatusCode::BAD_GATEWAY,
        "settlementUnknown",
        "The payment may have been made. Send the same payment again for the answer.",
    )
}

pub(super) fn facilitator_failed() -> Response {
    problem(
        StatusCode::BAD_GATEWAY,
        "facilitatorUnavailable",
        "The payment could not be settled and was not charged.",
    )
}

pub(super) fn unanswered() -> Response {
    problem(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "The answer could not be produced and was not charged.",
    )
}

/// Settled, and the handler failed: what was paid for is still owed.
pub(super) fn owed() -> Response {
    retry_later(
        StatusCode::INTERNAL_SERVER_ERROR,
        "answerOwed",
        "The payment was made, but the answer failed. Send the same payment again for the answer.",
    )
}
