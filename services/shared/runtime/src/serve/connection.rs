//! One connection, from its acceptance to its end.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use super::Limits;
use super::progress::{Overdue, Progress};

/// A connection that has just had an answer is about to be used again.
const IDLE_ENOUGH: Duration = Duration::from_millis(500);

/// What all connections are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    None,
    /// There is no room for more of them: idle ones go.
    Crowded,
    /// The service stops: what is under way goes on, nothing new begins.
    Stop,
}

/// Serves one connection until the client leaves, keeps us waiting for too long, or a signal ends it.
pub(super) async fn serve<F>(
    stream: TcpStream,
    answer: impl Fn(Request<Body>) -> F,
    limits: Limits,
    keep_alive: bool,
    mut signals: watch::Receiver<Signal>,
) where
    F: Future<Output = Response>,
{
    // Small answers and single events must not wait for more bytes.
    let _unsupported = stream.set_nodelay(true);
    let progress = Arc::new(Progress::new(limits));
    let io = TokioIo::new(Watched {
        stream,
        progress: Arc::clone(&progress),
    });
    let of_calls = Arc::clone(&progress);
    let service = service_fn(move |request: Request<Incoming>| {
        of_calls.requested();
        let answered = Answered(Arc::clone(&of_calls));
        let answer = answer(request.map(Body::new));
        async move {
            Ok::<_, Infallible>(answer.await.map(|body| AnswerBody {
                body,
                _answered: answered,
            }))
        }
    });
    let connection = http1::Builder::new()
        .keep_alive(keep_alive)
        .max_buf_size(limits.headers_bytes)
        // That clock would run between two requests as well.
        .header_read_timeout(None)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let mut patience = pin!(Patience::new(&progress));
    if *signals.borrow_and_update() == Signal::Stop {
        connection.as_mut().graceful_shutdown();
    }
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection was cut off");
                }
                return;
            }
            Ok(()) = signals.changed() => {
                let told = *signals.borrow_and_update();
                let is_spare = progress.idle().is_some_and(|idle| idle >= IDLE_ENOUGH);
                if told == Signal::Stop || is_spare {
                    connection.as_mut().graceful_shutdown();
                }
            }
            why = patience.as_mut() => {
                tracing::debug!(?why, "a connection was closed, because its client was too slow");
                return;
            }
        }
    }
}

/// Ends when the connection is overdue. To be polled after the connection, by the same task: everything that moves the deadline
/// happens there, and wakes no other task.
struct Patience<'a> {
    progress: &'a Progress,
    /// At the deadline or before: moving it for every request would cost more than waking up once in a while.
    sleep: Pin<Box<Sleep>>,
}

impl<'a> Patience<'a> {
    fn new(progress: &'a Progress) -> Self {
        let first = progress.deadline().map_or_else(Instant::now, |(at, _)| at);
        Self {
            progress,
            sleep: Box::pin(tokio::time::sleep_until(first)),
        }
    }
}

impl Future for Patience<'_> {
    type Output = Overdue;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Overdue> {
        loop {
            let Some((at, why)) = self.progress.deadline() else {
                return Poll::Pending;
            };
            if self.sleep.deadline() > at {
                self.sleep.as_mut().reset(at);
            }
            ready!(self.sleep.as_mut().poll(task));
            if Instant::now() >= at {
                return Poll::Ready(why);
            }
            self.sleep.as_mut().reset(at);
        }
    }
}

/// A socket that says what arrives and what does not leave.
struct Watched {
    stream: TcpStream,
    progress: Arc<Progress>,
}

impl Watched {
    fn note_written<T>(&self, written: Poll<T>) -> Poll<T> {
        match written {
            Poll::Ready(_) => self.progress.taken(),
            Poll::Pending => self.progress.stalled(),
        }
        written
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(task, buffer))?;
        if buffer.filled().len() > before {
            self.progress.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(task, bytes);
        self.note_written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(task, parts);
        self.note_written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }
}

/// Dropped with the answer's body, when its last byte has been passed on.
struct Answered(Arc<Progress>);

impl Drop for Answered {
    fn drop(&mut self) {
        self.0.answered();
    }
}

struct AnswerBody {
    body: Body,
    _answered: Answered,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(task)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
