//! Request bodies: so large and so slow, and no more.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::Limits;

/// What was wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    TooLarge { bytes_max: u64 },
    TooSlow { seconds_max: u64 },
}

/// What became of a request's body.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Larger than it may be by its own word, before a byte was read.
    at_once: Option<Fault>,
    while_read: Option<Arc<OnceLock<Fault>>>,
}

/// The request with its body bounded, and where to learn what came of that.
pub(super) fn bounded(limits: Limits, request: Request) -> (Request, Verdict) {
    let mut verdict = Verdict {
        at_once: None,
        while_read: None,
    };
    if request.body().is_end_stream() {
        return (request, verdict);
    }
    let bytes_max = limits.body_bytes;
    verdict.at_once =
        (request.body().size_hint().lower() > bytes_max).then_some(Fault::TooLarge { bytes_max });
    let fault = Arc::new(OnceLock::new());
    verdict.while_read = Some(Arc::clone(&fault));
    let request = request.map(|body| {
        Body::new(BoundedBody {
            body,
            limits,
            bytes_left: bytes_max,
            ends_at: Instant::now() + limits.body,
            sleep: None,
            fault,
        })
    });
    (request, verdict)
}

impl Verdict {
    /// The handler's answer, unless it has failed because of the body: then the status that says so.
    pub(super) async fn judge(self, answer: impl Future<Output = Response>) -> Response {
        if let Some(fault) = self.at_once {
            return fault.into_response();
        }
        let response = answer.await;
        let failed = response.status().is_client_error() || response.status().is_server_error();
        match self.while_read.as_deref().and_then(OnceLock::get) {
            Some(fault) if failed => fault.into_response(),
            _ => response,
        }
    }
}

struct BoundedBody {
    body: Body,
    limits: Limits,
    bytes_left: u64,
    ends_at: Instant,
    /// Made when the body is waited for; most are there at once.
    sleep: Option<Pin<Box<Sleep>>>,
    fault: Arc<OnceLock<Fault>>,
}

impl BoundedBody {
    fn fail(&self, fault: Fault) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let fault = *self.fault.get_or_init(|| fault);
        Poll::Ready(Some(Err(axum::Error::new(fault))))
    }
}

impl HttpBody for BoundedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(task) {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                match self.bytes_left.checked_sub(length) {
                    Some(left) => self.bytes_left = left,
                    None => {
                        let bytes_max = self.limits.body_bytes;
                        return self.fail(Fault::TooLarge { bytes_max });
                    }
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(other) => Poll::Ready(other),
            Poll::Pending => {
                let ends_at = self.ends_at;
                let sleep = self
                    .sleep
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(ends_at)));
                match sleep.as_mut().poll(task) {
                    Poll::Ready(()) => {
                        let seconds_max = self.limits.body.as_secs();
                        self.fail(Fault::TooSlow { seconds_max })
                    }
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes_max } => {
                write!(formatter, "The body is larger than {bytes_max} bytes.")
            }
            Self::TooSlow { seconds_max } => {
                write!(formatter, "The body did not arrive within {seconds_max} s.")
            }
        }
    }
}

impl std::error::Error for Fault {}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (status, code) = match self {
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::TooSlow { .. } => (StatusCode::REQUEST_TIMEOUT, "body_too_slow"),
        };
        let body = serde_json::json!({"error": {"code": code, "message": self.to_string()}});
        let close = (header::CONNECTION, HeaderValue::from_static("close"));
        (status, [close], Json(body)).into_response()
    }
}
