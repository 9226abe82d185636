//! Load balancers: a stable port of 127.0.0.1 each, in front of whatever process serves at the moment.

mod answers;
mod proxy;
mod rules;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::resources::Balancer as BalancerPlan;

/// One process behind a load balancer. Clones are the same target.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub address: watch::Receiver<Option<SocketAddr>>,
    open_requests: Arc<AtomicUsize>,
}

impl Target {
    pub(crate) fn new(address: watch::Receiver<Option<SocketAddr>>) -> Self {
        Self {
            address,
            open_requests: Arc::default(),
        }
    }

    /// Waits until no request is open, at most for `patience`.
    pub(crate) async fn drained(&self, patience: Duration) {
        let until = Instant::now() + patience;
        while self.open_requests.load(Ordering::Acquire) > 0 && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Counts a request for as long as the guard lives.
    fn open(&self) -> OpenRequest {
        self.open_requests.fetch_add(1, Ordering::AcqRel);
        OpenRequest(self.open_requests.clone())
    }
}

/// One request that a target has not finished.
#[derive(Debug)]
struct OpenRequest(Arc<AtomicUsize>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What a balancer does now; replaced as a whole when its stack changes.
#[derive(Debug, Clone)]
pub(crate) struct Routing {
    pub plan: BalancerPlan,
    /// The targets of each target group, by its ARN.
    pub targets: BTreeMap<String, Vec<Target>>,
    /// True while the only process is being replaced: requests wait for the new one instead of failing.
    pub hold: bool,
}

/// A port with a server on it, until [`Front::close`].
#[derive(Debug)]
pub(crate) struct Front {
    pub port: u16,
    /// How long open requests may go on, told by whoever closes it.
    stop: watch::Sender<Option<Duration>>,
    tasks: TaskTracker,
}

impl Front {
    /// Serves `router` on a listener that is bound already. Connections are closed when the front is.
    pub(crate) fn open(
        listener: std::net::TcpListener,
        router: axum::Router,
    ) -> anyhow::Result<Self> {
        listener
            .set_nonblocking(true)
            .context("cannot make a listener asynchronous")?;
        let port = listener
            .local_addr()
            .context("a listener without an address")?
            .port();
        let listener = tokio::net::TcpListener::from_std(listener).context("cannot listen")?;
        let (stop, tasks) = (watch::Sender::new(None), TaskTracker::new());
        let told = async |mut stop: watch::Receiver<Option<Duration>>| {
            // A front that is dropped closes at once.
            let told = stop.wait_for(Option::is_some).await;
            told.ok().and_then(|patience| *patience).unwrap_or_default()
        };
        let (first, second) = (stop.subscribe(), stop.subscribe());
        tasks.spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
                told(first).await;
            });
            tokio::select! {
                served = serving => drop(served),
                () = async { tokio::time::sleep(told(second).await).await } => {}
            }
        });
        tasks.close();
        Ok(Self { port, stop, tasks })
    }

    /// Closes the port, lets open requests go on for `patience`, and returns when they have ended.
    pub(crate) async fn close(&self, patience: Duration) {
        self.stop.send_replace(Some(patience));
        self.tasks.wait().await;
    }
}

/// The routing of a balancer, which its requests read and its stack replaces.
pub(crate) type Shared = Arc<RwLock<Routing>>;

/// The server of a balancer.
pub(crate) fn router(shared: Shared, client: super::http_client::Client) -> axum::Router {
    axum::Router::new()
        .fallback(proxy::handle)
        .with_state(proxy::State { shared, client })
}

pub(crate) fn set(shared: &Shared, routing: Routing) {
    *shared.write().unwrap_or_else(PoisonError::into_inner) = routing;
}

fn get(shared: &Shared) -> Routing {
    shared
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Binds a port of 127.0.0.1.
pub(crate) fn bind(port: u16) -> std::io::Result<std::net::TcpListener> {
    // Without SO_REUSEADDR a port stays taken for a minute after its connections closed; the standard library sets it.
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests;
