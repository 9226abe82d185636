//! Hands requests on to a process and its answers back, both as streams.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use futures_util::Stream;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{StatusCode, Uri, Version};

use super::{OpenRequest, Routing, Shared, answers, get, rules};
use crate::http_client::Client;
use crate::resources::Action;

/// How long requests wait for a process that is just being replaced.
const HOLD: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(super) struct State {
    pub shared: Shared,
    pub client: Client,
}

/// Headers that belong to one connection and not to the request.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

pub(super) async fn handle(
    axum::extract::State(state): axum::extract::State<State>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let routing = get(&state.shared);
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    match rules::action(&routing.plan, &host, request.uri().path()) {
        None => answers::error(StatusCode::SERVICE_UNAVAILABLE),
        Some(Action::Fixed {
            status,
            content_type,
            body,
        }) => answers::with(
            StatusCode::from_u16(*status).unwrap_or(StatusCode::OK),
            content_type,
            body.clone(),
        ),
        Some(Action::Redirect { status, location }) => {
            let mut response = answers::with(
                StatusCode::from_u16(*status).unwrap_or(StatusCode::FOUND),
                "text/html",
                "",
            );
            if let Ok(value) = HeaderValue::from_str(&rules::location(
                location,
                &host,
                routing.plan.port,
                request.uri(),
            )) {
                response.headers_mut().insert(header::LOCATION, value);
            }
            response
        }
        Some(Action::Forward { target_group }) => {
            let idle = Duration::from_secs(u64::from(routing.plan.idle_timeout_seconds));
            match target(&state.shared, target_group).await {
                Some((open, address)) => {
                    forward(
                        &state.client,
                        open,
                        address,
                        peer,
                        routing.plan.port,
                        idle,
                        request,
                    )
                    .await
                }
                None => answers::error(StatusCode::SERVICE_UNAVAILABLE),
            }
        }
    }
}

/// A target that answers now, with the request counted as open. While the only one is being replaced, this waits for the
/// new one.
async fn target(shared: &Shared, group: &str) -> Option<(OpenRequest, SocketAddr)> {
    let until = tokio::time::Instant::now() + HOLD;
    loop {
        {
            // The request is counted before the lock is given back: whoever sets `hold` and then finds no open request
            // knows that none is on its way.
            let routing = shared.read().unwrap_or_else(PoisonError::into_inner);
            if !routing.hold {
                return least_busy(&routing, group);
            }
        }
        if tokio::time::Instant::now() >= until {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The running target with the fewest open requests, so that several processes share the work.
fn least_busy(routing: &Routing, group: &str) -> Option<(OpenRequest, SocketAddr)> {
    let targets = routing.targets.get(group)?;
    let running = targets
        .iter()
        .filter_map(|target| Some((target, (*target.address.borrow())?)));
    let (target, address) =
        running.min_by_key(|(target, _)| target.open_requests.load(Ordering::Acquire))?;
    Some((target.open(), address))
}

async fn forward(
    client: &Client,
    open: OpenRequest,
    address: SocketAddr,
    peer: SocketAddr,
    port: u16,
    idle: Duration,
    mut request: Request,
) -> Response {
    if !rewrite(&mut request, address, peer, port) {
        return answers::error(StatusCode::BAD_REQUEST);
    }
    match tokio::time::timeout(idle, client.request(request)).await {
        Err(_) => answers::error(StatusCode::GATEWAY_TIMEOUT),
        Ok(Err(_)) => answers::error(StatusCode::BAD_GATEWAY),
        Ok(Ok(response)) => {
            let (mut head, body) = response.into_parts();
            remove_hop_by_hop(&mut head.headers);
            head.version = Version::HTTP_11;
            let body = Counted {
                inner: Body::new(body).into_data_stream(),
                _open: open,
            };
            Response::from_parts(head, Body::from_stream(body))
        }
    }
}

/// Points the request at the target and adds what a load balancer adds.
fn rewrite(request: &mut Request, address: SocketAddr, peer: SocketAddr, port: u16) -> bool {
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Authority::try_from(address.to_string()).ok();
    let Ok(uri) = Uri::from_parts(parts) else {
        return false;
    };
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    let headers = request.headers_mut();
    remove_hop_by_hop(headers);
    let chain = match headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok())
    {
        Some(before) => format!("{before}, {}", peer.ip()),
        None => peer.ip().to_string(),
    };
    for (name, value) in [
        ("x-forwarded-for", chain),
        ("x-forwarded-proto", "http".to_owned()),
        ("x-forwarded-port", port.to_string()),
    ] {
        let Ok(value) = HeaderValue::from_str(&value) else {
            return false;
        };
        headers.insert(HeaderName::from_static(name), value);
    }
    true
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// A body that counts as an open request until it has been read or dropped.
struct Counted {
    inner: axum::body::BodyDataStream,
    _open: OpenRequest,
}

impl Stream for Counted {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.inner).poll_next(context)
    }
}
