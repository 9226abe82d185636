use axum::body::Bytes;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::access::{SignIn, farewell};
use crate::app::App;
use crate::assets::sign_in_page;

/// `GET /sign-in`.
pub(crate) async fn show_sign_in(State(app): State<App>, headers: HeaderMap) -> Response {
    if !app.gate.needs_key() || app.gate.visitor(&headers).is_some() {
        return Redirect::to("/").into_response();
    }
    Html(sign_in_page(None)).into_response()
}

/// `POST /sign-in` with the form field `key`.
pub(crate) async fn sign_in(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    if !app.gate.needs_key() {
        return Redirect::to("/").into_response();
    }
    let typed = url::form_urlencoded::parse(&body)
        .find(|(name, _)| name == "key")
        .map(|(_, value)| value);
    match app
        .gate
        .sign_in(&headers, typed.as_deref().unwrap_or_default())
    {
        SignIn::Welcome(cookie) => {
            ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
        }
        SignIn::WrongKey => {
            let words = "That is not the access key for this page. Check that you copied all of it, and try again.";
            (StatusCode::UNAUTHORIZED, Html(sign_in_page(Some(words)))).into_response()
        }
        SignIn::Wait { seconds } => {
            let minutes = seconds.div_ceil(60);
            let unit = if minutes == 1 { "minute" } else { "minutes" };
            let words = format!("Too many wrong keys. Wait {minutes} {unit}, then try again.");
            let retry_after = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
            (
                StatusCode::TOO_MANY_REQUESTS,
                retry_after,
                Html(sign_in_page(Some(&words))),
            )
                .into_response()
        }
    }
}

/// `POST /sign-out`.
pub(crate) async fn sign_out(headers: HeaderMap) -> Response {
    (
        [(header::SET_COOKIE, farewell(&headers))],
        Redirect::to("/"),
    )
        .into_response()
}
