//! Serving HTTP: connections with limits, what every request passes through, and the graceful stop.

mod body;
mod connection;
mod connections;
mod limits;
mod observe;
mod progress;
mod work;

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub use self::limits::Limits;
pub use self::observe::layers;
pub use self::work::spawn_to_end;

use self::connections::Connections;
use crate::{Address, Environment, Error, logs};

/// Serves until SIGTERM or SIGINT, then lets the requests under way end, and what [`spawn_to_end`] has begun, for at most
/// `ANSWER_WITHIN_SECONDS`; idle connections are closed at once. Does for each request what [`layers`] do, and keeps to
/// [`Limits::from_environment`]. Errors when the address cannot be bound.
pub async fn serve(address: &Address, router: Router) -> Result<(), Error> {
    let mut environment = Environment::process();
    let limits = Limits::from_environment(&mut environment);
    environment.finish()?;
    let _gathering = logs::gather();
    let listener = TcpListener::bind((address.host.as_str(), address.port))
        .await
        .map_err(|error| format!("cannot listen on {address} (set by HOST and PORT): {error}"))?;
    let stop = CancellationToken::new();
    stop_at_signal(stop.clone())?;
    serve_and_end(limits, listener, router, stop, work::ended()).await
}

/// [`serve`] on a listener of the caller's and until the caller says so.
pub async fn serve_until(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> Result<(), Error> {
    serve_within(Limits::default(), listener, router, stop).await
}

/// [`serve_until`] with other limits.
pub async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> Result<(), Error> {
    serve_and_end(limits, listener, router, stop, async {}).await
}

async fn serve_and_end(
    limits: Limits,
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    rest: impl Future<Output = ()>,
) -> Result<(), Error> {
    tracing::info!(address = %listener.local_addr()?, "listening");
    let connections = Connections::new(limits, router);
    connections.admit(listener, &stop).await;
    // Nobody is admitted any more.
    tokio::select! {
        () = async { connections.leave().await; rest.await } => tracing::info!("stopped"),
        () = tokio::time::sleep(limits.stop) => {
            tracing::warn!("stopped while requests were still open {} s after the signal", limits.stop.as_secs());
        }
    }
    Ok(())
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
