//! The server's neighbours in one: a shop that sells the weather, a real ledger as the facilitator and chain behind it, and
//! Secrets Manager.

use std::sync::{Arc, Mutex};

use axum::extract::{Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use facilitator::ledger::Ledger;
use serde_json::{Value, json};
use url::Url;
use x402::U256;
use x402::facilitator::HttpFacilitator;
use x402::server::{Price, Sale, Seller};

const GRANT: u64 = 10_000_000;

/// The first key of every local Ethereum chain.
pub(crate) const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// What happened at the market. Clones share it.
#[derive(Clone)]
pub(crate) struct Market {
    ledger: Ledger,
    _folder: Arc<tempfile::TempDir>,
    pub(crate) secret_reads: Arc<Mutex<u32>>,
    /// Of the requests to the shop.
    pub(crate) traceparents: Arc<Mutex<Vec<String>>>,
    secret: String,
}

impl Market {
    /// Opens one that sells at `price` (atomic units) and keeps `secret`. Returns its URL.
    pub(crate) async fn open(price: u64, secret: &str) -> (Self, String) {
        let (folder, sale) = (tempfile::tempdir().unwrap(), sale(price));
        let file = folder.path().join("ledger.ndjson");
        let market = Self {
            ledger: Ledger::open(&file, sale.prices[0].asset.clone(), U256::from(GRANT)).unwrap(),
            _folder: Arc::new(folder),
            secret_reads: Arc::default(),
            traceparents: Arc::default(),
            secret: secret.to_owned(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bank = Url::parse(&format!("{url}/chain/")).unwrap();
        let seller = Seller::new(Arc::new(HttpFacilitator::new(
            runtime::http::client(),
            &bank,
        )));
        let shop = get(weather).layer(seller.layer(&sale).unwrap());
        let shop = shop
            .layer(middleware::from_fn(refuse_without_city))
            .layer(middleware::from_fn_with_state(market.clone(), note_trace));
        let router = Router::new()
            .route("/weather", shop)
            .route("/", post(secrets_manager))
            .with_state(market.clone())
            .nest("/chain", facilitator::router(market.ledger.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (market, url)
    }

    pub(crate) fn spent(&self) -> U256 {
        let transfers = self.ledger.transfers(None, |_, _| true);
        transfers
            .iter()
            .map(|(_, transfer)| transfer.authorization.value)
            .sum()
    }
}

fn sale(price: u64) -> Sale {
    let price = Price {
        asset: x402::testing::development_asset(),
        amount: U256::from(price),
        pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
            .parse()
            .unwrap(),
        max_timeout_seconds: 60,
    };
    Sale::new([price], "The weather", "application/json")
}

async fn weather(Query(query): Query<Vec<(String, String)>>) -> Response {
    let city = query
        .into_iter()
        .find(|(name, _)| name == "city")
        .map(|(_, city)| city)
        .unwrap_or_default();
    match city.as_str() {
        "Tokyo" => Json(json!({
            "city": "Tokyo", "country": "JP", "temperatureCelsius": 11.6, "conditions": "cool and dry",
            "month": "November", "source": "a table", "kind": "climateNormal",
        }))
        .into_response(),
        "Nonsense" => "not JSON".into_response(),
        "Babel" => {
            let long = "\u{1b}[31mred\u{202e}".to_owned() + &"x".repeat(100_000);
            Json(json!({
                "city": long, "country": long, "temperatureCelsius": 11.6, "conditions": long, "source": long,
                "kind": long, "note": long,
            }))
            .into_response()
        }
        "Pandemonium" => {
            let long = "\u{1b}[31mred\u{202e}".to_owned() + &"x".repeat(3_000_000);
            let error = json!({"error": {"code": "unknownCity", "message": long}});
            (axum::http::StatusCode::NOT_FOUND, Json(error)).into_response()
        }
        _ => {
            let error = json!({"error": {"code": "unknownCity", "message": format!("No weather is known for {city}.")}});
            (axum::http::StatusCode::NOT_FOUND, Json(error)).into_response()
        }
    }
}

/// As the real shop does, before it names a price.
async fn refuse_without_city(request: Request, next: Next) -> Response {
    match request.uri().query() {
        Some(query) if query.starts_with("city=") => next.run(request).await,
        _ => axum::http::StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn note_trace(State(market): State<Market>, request: Request, next: Next) -> Response {
    let header = request
        .headers()
        .get("traceparent")
        .map(|value| value.to_str().unwrap().to_owned());
    market.traceparents.lock().unwrap().extend(header);
    next.run(request).await
}

async fn secrets_manager(
    State(market): State<Market>,
    headers: axum::http::HeaderMap,
    body: String,
) -> Response {
    assert_eq!(headers["x-amz-target"], "secretsmanager.GetSecretValue");
    assert!(
        headers["authorization"]
            .to_str()
            .unwrap()
            .starts_with("AWS4-HMAC-SHA256 ")
    );
    *market.secret_reads.lock().unwrap() += 1;
    let request: Value = serde_json::from_str(&body).unwrap();
    if market.secret.is_empty() {
        let error = json!({"__type": "ResourceNotFoundException", "message": "no such secret"});
        return (axum::http::StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    Json(json!({"ARN": request["SecretId"], "Name": "wallet-key", "SecretString": market.secret}))
        .into_response()
}
