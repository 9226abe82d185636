use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use futures_util::{FutureExt as _, Stream as _};
use http::{Method, StatusCode};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::trace::{self, TraceContext};
use crate::{Address, Error};

/// How long requests may still run after a signal. Platforms kill a container 30 s after theirs.
const GRACE: Duration = Duration::from_secs(10);

/// Paths that platforms ask every few seconds.
const HEALTH_PATHS: [&str; 2] = ["/health", "/ping"];

/// Serves until SIGTERM or SIGINT, then lets the requests in flight end, for at most 10 s. Adds [`layers`]. Errors when the
/// address cannot be bound.
pub async fn serve(address: &Address, router: Router) -> Result<(), Error> {
    let listener = TcpListener::bind((address.host.as_str(), address.port))
        .await
        .map_err(|error| format!("cannot listen on {address} (set by HOST and PORT): {error}"))?;
    let stop = CancellationToken::new();
    stop_at_signal(stop.clone())?;
    serve_until(listener, router, stop).await
}

/// [`serve`] on a listener of the caller's and until the caller says so.
pub async fn serve_until(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> Result<(), Error> {
    tracing::info!(address = %listener.local_addr()?, "listening");
    // Small answers and single events must not wait for more bytes.
    let listener = listener.tap_io(|stream| {
        let _unsupported = stream.set_nodelay(true);
    });
    let serving = axum::serve(listener, layers(router))
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    let out_of_time = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = serving.into_future() => {
            ended?;
            tracing::info!("stopped");
        }
        () = out_of_time => {
            tracing::warn!("stopped while requests were still open {} s after the signal", GRACE.as_secs());
        }
    }
    Ok(())
}

/// What every request passes through: it becomes part of a trace, a panic is answered with 500, and one line is logged
/// (health checks at level DEBUG). The request carries its [`TraceContext`] as an extension, for a handler that works in
/// another task. [`serve`] adds this; a router that is run by something else needs it added.
pub fn layers(router: Router) -> Router {
    router.layer(axum::middleware::from_fn(observe))
}

fn stop_at_signal(stop: CancellationToken) -> Result<(), Error> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping");
        stop.cancel();
    });
    Ok(())
}

async fn observe(mut request: Request, next: Next) -> Response {
    let context = TraceContext::from_headers(request.headers());
    // For handlers that answer from another task.
    request.extensions_mut().insert(context);
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let respond = async {
        // The panic hook has logged it. The connection and the other requests on it go on.
        let response = AssertUnwindSafe(next.run(request))
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
    if HEALTH_PATHS.contains(&path) {
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
