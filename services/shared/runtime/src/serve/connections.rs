//! All connections together: how many there are, and what happens to one too many.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::{HeaderValue, StatusCode, header};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use super::Limits;
use super::connection::{self, Signal};
use super::observe::{is_health_check, observe};

/// Connections beyond the limit that are told so at one time. With all of them taken nothing more is accepted, and the
/// kernel lets callers wait.
const SPARE_CONNECTIONS: usize = 64;
/// For the request of a connection beyond the limit: health checks are quick, and the next in line waits.
const SPARE_PATIENCE: Duration = Duration::from_secs(2);
/// For an idle connection to make room.
const ROOM_WAIT: Duration = Duration::from_millis(200);
/// Between two lines in the log that say the same.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// The connections of one server.
pub(super) struct Connections {
    room: Room,
    spares: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// What one connection needs of the others.
#[derive(Clone)]
struct Room {
    limits: Limits,
    router: Router,
    slots: Arc<Semaphore>,
    signals: watch::Sender<Signal>,
}

impl Connections {
    pub(super) fn new(limits: Limits, router: Router) -> Self {
        Self {
            room: Room {
                limits,
                router,
                slots: Arc::new(Semaphore::new(limits.connections)),
                signals: watch::Sender::new(Signal::None),
            },
            spares: Arc::new(Semaphore::new(SPARE_CONNECTIONS)),
            tasks: TaskTracker::new(),
        }
    }

    /// Lets connections in until it is told to stop; those that are there go on.
    pub(super) async fn admit(&self, mut listener: TcpListener, stop: &CancellationToken) {
        let mut complained: Option<Instant> = None;
        let admitting = async {
            loop {
                // Waits out whatever is wrong with accepting.
                let (stream, _) = axum::serve::Listener::accept(&mut listener).await;
                let room = self.room.clone();
                if let Ok(slot) = Arc::clone(&room.slots).try_acquire_owned() {
                    self.tasks
                        .spawn(async move { room.serve(stream, slot).await });
                    continue;
                }
                if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
                    complained = Some(Instant::now());
                    tracing::warn!(
                        connections = room.limits.connections,
                        "as many connections are open as MAX_CONNECTIONS allows; more are answered 503"
                    );
                }
                let spares = Arc::clone(&self.spares);
                let spare = spares.acquire_owned().await.expect("it is never closed");
                self.tasks
                    .spawn(async move { room.serve_one_more(stream, spare).await });
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = admitting => {}
        }
    }

    /// Waits until every connection has ended. Idle ones end at once, others with the request that they are in.
    pub(super) async fn leave(&self) {
        self.room.signals.send_replace(Signal::Stop);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Room {
    async fn serve(self, stream: TcpStream, slot: OwnedSemaphorePermit) {
        let signals = self.signals.subscribe();
        let (router, limits) = (self.router, self.limits);
        let answer = |request| observe(limits, request, |request| ask(&router, request));
        connection::serve(stream, answer, limits, true, signals).await;
        drop(slot);
    }

    /// Has an idle connection closed and takes its place, or answers that there is none.
    async fn serve_one_more(self, stream: TcpStream, spare: OwnedSemaphorePermit) {
        // A stop stays said.
        self.signals.send_if_modified(|signal| {
            let crowded = *signal != Signal::Stop;
            if crowded {
                *signal = Signal::Crowded;
            }
            crowded
        });
        if let Ok(Ok(slot)) = timeout(ROOM_WAIT, Arc::clone(&self.slots).acquire_owned()).await {
            drop(spare);
            return self.serve(stream, slot).await;
        }
        let limits = Limits {
            headers: self.limits.headers.min(SPARE_PATIENCE),
            body: self.limits.body.min(SPARE_PATIENCE),
            write: self.limits.write.min(SPARE_PATIENCE),
            ..self.limits
        };
        let signals = self.signals.subscribe();
        let router = self.router;
        // A service that is full is still well: it must not be replaced for it.
        let answer = async |request: Request| match is_health_check(request.uri().path()) {
            true => observe(limits, request, |request| ask(&router, request)).await,
            false => busy(),
        };
        connection::serve(stream, answer, limits, false, signals).await;
        drop(spare);
    }
}

async fn ask(router: &Router, request: Request) -> Response {
    let Ok::<_, Infallible>(response) = router.clone().call(request).await;
    response
}

fn busy() -> Response {
    let message = "Too many connections are open. Try again in a moment.";
    let body = serde_json::json!({"error": {"code": "busy", "message": message}});
    let again = (header::RETRY_AFTER, HeaderValue::from_static("1"));
    (StatusCode::SERVICE_UNAVAILABLE, [again], Json(body)).into_response()
}
