//! The layers that every request passes through.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures_util::{FutureExt as _, Stream as _};
use http::{Method, StatusCode};

use super::{Limits, body};
use crate::trace::{self, TraceContext};

/// Paths that platforms ask every few seconds.
const HEALTH_PATHS: [&str; 2] = ["/health", "/ping"];

/// What every request passes through: it becomes part of a trace, a panic is answered with 500, and one line is logged
/// (health checks at level DEBUG); a body that is larger than 1 MiB is answered with 413, and one that takes longer than 30 s
/// with 408. The request carries its [`TraceContext`] as an extension, for a handler that works in
/// another task. [`serve`] does this; a router that is run by something else needs it added.
pub fn layers(router: Router) -> Router {
    let limits = Limits::default();
    router.layer(axum::middleware::from_fn(
        move |request, next: Next| async move {
            observe(limits, request, |request| next.run(request)).await
        },
    ))
}

/// True for what a platform asks to learn whether the service is well.
pub(super) fn is_health_check(path: &str) -> bool {
    HEALTH_PATHS.contains(&path)
}

/// [`layers`] around one call, which costs less than a layer of a router.
pub(super) async fn observe<F>(
    limits: Limits,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let (mut request, body) = body::bounded(limits, request);
    let context = TraceContext::from_headers(request.headers());
    // For handlers that answer from another task.
    request.extensions_mut().insert(context);
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let respond = async {
        // The panic hook has logged it. The connection and the other requests on it go on.
        let response = AssertUnwindSafe(body.judge(next(request)))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| internal_error());
        log(&method, &path, response.status(), started.elapsed());
        response
    };
    keep_in_scope(context, trace::scope(context, respond).await)
}

fn log(method: &Method, path: &str, status: StatusCode, duration: Duration) {
    let (method, status) = (method.as_str(), status.as_u16());
    let duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3;
    if is_health_check(path) {
        tracing::debug!(method, path, status, duration_ms, "request");
    } else if status >= 500 {
        tracing::warn!(method, path, status, duration_ms, "request");
    } else {
        tracing::info!(method, path, status, duration_ms, "request");
    }
}

fn internal_error() -> Response {
    let body = serde_json::json!({"error": {"code": "internal", "message": "The service failed; its log says why."}});
    (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
}

/// A streamed body is made after the handler has returned; what it logs and calls still belongs to the request.
fn keep_in_scope(context: TraceContext, response: Response) -> Response {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| {
        let mut stream = Box::pin(body.into_data_stream());
        let polled = move |task: &mut std::task::Context<'_>| {
            trace::scope_sync(context, || stream.as_mut().poll_next(task))
        };
        Body::from_stream(futures_util::stream::poll_fn(polled))
    })
}
