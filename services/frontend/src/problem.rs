//! What goes wrong, in words that say what to do. The page shows them as they are.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// A problem as the page shows it. On the wire: `{"error":{"code","title","message","action"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    #[serde(skip)]
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) message: String,
    pub(crate) action: Action,
    #[serde(skip)]
    pub(crate) retry_after_seconds: Option<u64>,
}

/// What the page offers next to the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Action {
    None,
    Retry,
    NewConversation,
    SignIn,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        message: impl Into<String>,
        action: Action,
    ) -> Self {
        let message = message.into();
        Self {
            status: status.as_u16(),
            code,
            title,
            message,
            action,
            retry_after_seconds: None,
        }
    }

    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after_seconds: Some(seconds),
            ..self
        }
    }

    /// The problem as an event of a stream that has already begun.
    pub(crate) fn event(&self) -> serde_json::Value {
        serde_json::json!({
            "type": "error", "code": self.code, "title": self.title, "message": self.message, "action": self.action,
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(serde_json::json!({ "error": self }))).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
