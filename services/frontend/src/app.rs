use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::access::{self, Gate};
use crate::agent::Agent;
use crate::config::Config;
use crate::seal::random_hex;
use crate::streams::Streams;
use crate::{assets, headers, routes};

/// A question of the longest length, with every character escaped, is far below this.
const BODY_LENGTH_MAX: usize = 64 * 1024;

/// What requests share.
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    pub(crate) agent: Agent,
    pub(crate) streams: Streams,
    /// Questions about the wallet, which do not count as answers.
    pub(crate) wallet_reads: Streams,
    /// The AgentCore session in which the wallet is asked for.
    pub(crate) wallet_session: String,
}

pub(crate) type App = Arc<Shared>;

pub(crate) async fn serve(config: Config) -> Result<(), runtime::Error> {
    let sdk = aws_sdk_bedrockagentcore::config::Builder::from(&runtime::aws::config().await);
    let agent = Agent::new(sdk, config.agent);
    runtime::serve(&config.address, router(agent, Gate::new(config.access))).await
}

/// All routes. What stands below a layer does not pass through it.
pub(crate) fn router(agent: Agent, gate: Gate) -> Router {
    let app: App = Arc::new(Shared {
        gate,
        agent,
        streams: Streams::default(),
        wallet_reads: Streams::default(),
        wallet_session: format!("wallet-{}", random_hex::<32>()),
    });
    Router::new()
        .route("/", get(routes::page))
        .route("/api/chat", post(routes::chat))
        .route("/api/wallet", get(routes::wallet))
        .layer(from_fn_with_state(app.clone(), access::admit))
        .route("/sign-in", get(routes::show_sign_in).post(routes::sign_in))
        .route("/sign-out", post(routes::sign_out))
        .layer(from_fn_with_state(app.clone(), access::same_site))
        .route("/health", get(routes::health))
        .route("/assets/{version}/{name}", get(assets::get))
        .fallback(routes::not_found)
        .layer(DefaultBodyLimit::max(BODY_LENGTH_MAX))
        .layer(from_fn(headers::add))
        .with_state(app)
}
