//! Lets pages of any origin buy: a payment carries its own authority, there are no cookies here.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// A browser's question before a request with a payment header. It costs nothing.
///
/// Any header may come, since `*` means that where no credentials go along. The names are for browsers that do not know it:
/// `Access-Control-Expose-Headers` is not a request header, but `@x402/fetch` and `@x402/axios` send it as one.
pub(crate) async fn preflight() -> impl IntoResponse {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "PAYMENT-SIGNATURE, X-PAYMENT, Access-Control-Expose-Headers, Content-Type, traceparent, *",
        ),
        (ACCESS_CONTROL_MAX_AGE, "3600"),
    ];
    (StatusCode::NO_CONTENT, headers)
}

/// On refusals and errors too: a page that cannot read the 402 cannot pay.
pub(crate) async fn allow(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
