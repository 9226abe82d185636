//! Refusals in the shape in which AWS sends them.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;

pub(super) const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// An error answer of an AWS API: a status, a code that programs branch on and a message for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
}

impl AwsError {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> AwsError {
        AwsError {
            status,
            code,
            message: message.into(),
        }
    }

    pub fn validation(message: impl Into<String>) -> AwsError {
        AwsError::new(StatusCode::BAD_REQUEST, "ValidationException", message)
    }

    pub fn not_found(message: impl Into<String>) -> AwsError {
        AwsError::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    pub fn access_denied(message: impl Into<String>) -> AwsError {
        AwsError::new(StatusCode::FORBIDDEN, "AccessDeniedException", message)
    }

    /// A fault of the local cloud or of what it was configured with, never of the caller.
    pub fn internal(message: impl Into<String>) -> AwsError {
        AwsError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerException",
            message,
        )
    }

    /// APIs of the JSON 1.1 protocol answer 400 for everything that the caller did wrong.
    pub fn for_json_protocol(mut self) -> AwsError {
        if self.status.is_client_error() {
            self.status = StatusCode::BAD_REQUEST;
        }
        self
    }
}

impl IntoResponse for AwsError {
    fn into_response(self) -> Response {
        let body = json!({ "__type": self.code, "message": self.message });
        let mut response = (self.status, Json(body)).into_response();
        response
            .headers_mut()
            .insert(ERROR_TYPE, HeaderValue::from_static(self.code));
        response
    }
}
