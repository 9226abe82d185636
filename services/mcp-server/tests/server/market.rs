//! The server's neighbours in one: a shop that sells the weather, the facilitator and chain behind it, and Secrets Manager.

use std::sync::{Arc, Mutex};

use axum::extract::{Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use x402::facilitator::{Facilitator, FacilitatorError, Order};
use x402::server::{Price, Sale, Seller};
use x402::wire::{SettlementResponse, VerifyResponse};
use x402::{Asset, U256};

/// The first key of every local Ethereum chain.
pub(crate) const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// What happened at the market. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Market {
    pub(crate) settled: Arc<Mutex<Vec<U256>>>,
    pub(crate) secret_reads: Arc<Mutex<u32>>,
    /// Of the requests to the shop.
    pub(crate) traceparents: Arc<Mutex<Vec<String>>>,
    secret: String,
}

impl Market {
    /// Opens one that sells at `price` (atomic units) and keeps `secret`. Returns its URL.
    pub(crate) async fn open(price: u64, secret: &str) -> (Self, String) {
        let market = Self {
            secret: secret.to_owned(),
            ..Self::default()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seller = Seller::new(Arc::new(market.clone()));
        let shop = get(weather).layer(seller.layer(&sale(price)).unwrap());
        let shop = shop
            .layer(middleware::from_fn(refuse_without_city))
            .layer(middleware::from_fn_with_state(market.clone(), note_trace));
        let router = Router::new()
            .route("/weather", shop)
            .route("/chain", post(chain))
            .route("/", post(secrets_manager))
            .with_state(market.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (market, url)
    }

    pub(crate) fn spent(&self) -> U256 {
        self.settled.lock().unwrap().iter().copied().sum()
    }
}

fn sale(price: u64) -> Sale {
    let price = Price {
        asset: Asset {
            network: "eip155:31337".into(),
            address: "0x5FbDB2315678afecb367f032d93F642f64180aa3"
                .parse()
                .unwrap(),
            name: "USDC".into(),
            version: "2".into(),
            decimals: 6,
        },
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

async fn chain(State(market): State<Market>, Json(request): Json<Value>) -> Json<Value> {
    let settled = market.settled.lock().unwrap().clone();
    let word = |number: U256| format!("{number:#066x}");
    let result = match request["method"].as_str().unwrap() {
        "eth_call" => json!(word(
            U256::from(10_000_000) - settled.iter().copied().sum::<U256>()
        )),
        "eth_getLogs" => settled
            .iter()
            .map(|amount| json!({"data": word(*amount)}))
            .collect(),
        other => panic!("{other}"),
    };
    Json(json!({"jsonrpc": "2.0", "id": request["id"], "result": result}))
}

type Answer<'a, T> =
    std::pin::Pin<Box<dyn Future<Output = Result<T, FacilitatorError>> + Send + 'a>>;

impl Facilitator for Market {
    fn verify<'a>(&'a self, order: &'a Order) -> Answer<'a, VerifyResponse> {
        let payer = order
            .request
            .payment_payload
            .payload
            .authorization
            .from
            .to_string();
        let verdict = VerifyResponse {
            is_valid: true,
            invalid_reason: None,
            payer: Some(payer),
        };
        Box::pin(std::future::ready(Ok(verdict)))
    }

    fn settle<'a>(&'a self, order: &'a Order) -> Answer<'a, SettlementResponse> {
        let authorization = &order.request.payment_payload.payload.authorization;
        self.settled.lock().unwrap().push(authorization.value);
        let settlement = SettlementResponse {
            success: true,
            error_reason: None,
            payer: Some(authorization.from.to_string()),
            transaction: "0x01".to_owned() + &"00".repeat(31),
            network: "eip155:31337".into(),
            extra: None,
        };
        Box::pin(std::future::ready(Ok(settlement)))
    }
}
