use crate::config::{Config, WeatherSource};
use crate::decimals;
use crate::readiness::Readiness;
use crate::routes;
use crate::weather::{Weather, normals::Normals, open_meteo::OpenMeteo};
use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::get;
use std::sync::Arc;
use x402::chain::Rpc;
use x402::server::{Listing, Sale, Seller};
use x402::store::Store;

/// Everything that a request may use.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) weather: Weather,
    pub(crate) sale: Arc<Sale>,
    pub(crate) readiness: Arc<Readiness>,
}

/// Serves until the process is asked to stop.
pub(crate) async fn serve(config: Config) -> Result<(), runtime::Error> {
    let payments = config.payments.open().await?;
    let client = runtime::http::client();
    Readiness::new(&config, client.clone()).at_start().await?;
    decimals::check(&config, &client).await?;
    let router = router(&config, client, payments)?;
    runtime::serve(&config.address, router).await
}

/// All routes. `/weather` knows whether it can answer before it asks for money.
pub(crate) fn router(
    config: &Config,
    client: reqwest::Client,
    payments: Arc<dyn Store>,
) -> Result<Router, runtime::Error> {
    let facilitator = config.facilitator(client.clone());
    let readiness = Arc::new(Readiness::new(config, client.clone()));
    let mut seller =
        Seller::with_store(Arc::new(facilitator), payments).answering_within(config.answer_within);
    for (network, url) in config.chains() {
        let chain = Rpc::new(client.clone(), url.clone());
        // The development ledger is both. A gateway may have the one and the other below different paths.
        seller = if *url == config.facilitator_url {
            seller.with_ledger(network, Arc::new(chain))
        } else {
            seller.with_chain(network, Arc::new(chain))
        };
    }
    for price in config.prices() {
        let network = &price.asset.network;
        if config.chain_of(network).is_none() {
            tracing::warn!(
                network,
                "this chain cannot be asked: only the facilitator's word shows whether a payment was made there"
            );
        }
    }
    let sale = sale(config)?;
    let payment = seller.layer(&sale)?;
    let weather = match &config.weather_source {
        WeatherSource::ClimateNormals => Weather::Normals(Arc::new(Normals::embedded())),
        WeatherSource::OpenMeteo(key) => Weather::OpenMeteo(OpenMeteo::new(client, key.clone())),
    };
    let app = App {
        weather,
        sale: Arc::new(sale),
        readiness,
    };
    let sold = get(routes::weather::answer)
        .route_layer(payment)
        .route_layer(from_fn_with_state(app.clone(), routes::weather::resolve))
        .options(routes::cors::preflight);
    let for_sale = get(routes::about::for_sale).options(routes::cors::preflight);
    Ok(Router::new()
        .route("/", get(routes::about::page))
        .route("/health", get(routes::about::health))
        .route("/ready", get(routes::ready::ready))
        .route("/.well-known/x402", for_sale)
        .route("/weather", sold)
        .layer(map_response(routes::cors::allow))
        .with_state(app))
}

/// What `/weather` says of itself is data, so that `cargo xtask check` sees it too.
fn sale(config: &Config) -> Result<Sale, runtime::Error> {
    Ok(Sale {
        prices: config.prices(),
        mime_type: "application/json".to_owned(),
        listing: Listing::from_json(include_str!("../listing.json"))?,
    })
}
