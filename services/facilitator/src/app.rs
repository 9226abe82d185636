use crate::chain::{Chain, Settings, SettlementKey};
use crate::config::{Config, Settlement};
use crate::ledger::Ledger;
use crate::rpc;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::time::Duration;
use x402::wire::{FacilitatorRequest, SCHEME_EXACT, SettlementResponse, VERSION, VerifyResponse};
use x402::{Asset, reason};

const BODY_BYTES_MAX: usize = 64 * 1024;
/// Several blocks on any chain that we know.
const REPLACE_AFTER: Duration = Duration::from_secs(20);
/// Less than the 90 seconds after which sellers give up.
const ANSWER_WITHIN: Duration = Duration::from_secs(75);

/// Where payments are settled.
#[derive(Clone)]
pub enum Till {
    Ledger(Ledger),
    Chain(Chain),
}

impl From<Ledger> for Till {
    fn from(ledger: Ledger) -> Self {
        Self::Ledger(ledger)
    }
}

impl From<Chain> for Till {
    fn from(chain: Chain) -> Self {
        Self::Chain(chain)
    }
}

impl Till {
    fn asset(&self) -> &Asset {
        match self {
            Self::Ledger(ledger) => ledger.asset(),
            Self::Chain(chain) => chain.asset(),
        }
    }

    async fn verify(&self, request: &FacilitatorRequest) -> VerifyResponse {
        match self {
            Self::Ledger(ledger) => ledger.verify(request),
            Self::Chain(chain) => chain.verify(request).await,
        }
    }

    async fn settle(&self, request: &FacilitatorRequest) -> SettlementResponse {
        match self {
            Self::Ledger(ledger) => ledger.settle(request).await,
            Self::Chain(chain) => chain.settle(request).await,
        }
    }
}

/// Opens the ledger or the chain's journal, and serves until the process is asked to stop.
///
/// # Errors
/// When the ledger or the journal cannot be opened, the chain is another one than configured, or the port is taken.
pub async fn serve(config: Config) -> Result<(), runtime::Error> {
    let till = match config.settlement {
        Settlement::Ledger { file, grant } => {
            let ledger = Ledger::open(&file, config.asset, grant)?;
            tracing::info!(file = %file.display(), settlements = ledger.height(), "ledger open");
            Till::Ledger(ledger)
        }
        Settlement::Chain {
            node_url,
            key,
            journal,
            fee_cap,
        } => {
            let settings = Settings {
                node_url,
                key: SettlementKey::from_hex(key.expose())?,
                store: journal.open().await?,
                fee_cap,
                replace_after: REPLACE_AFTER,
                answer_within: ANSWER_WITHIN,
            };
            let chain = Chain::open(config.asset, settings).await?;
            tracing::info!(account = %chain.address(), "settling on the chain; this account pays the gas");
            // A node that is away now may be back for the first payment; one of another chain never helps.
            match chain.ready().await {
                Err(error @ x402::chain::RpcError::Refused { .. }) => return Err(error.into()),
                Err(error) => tracing::warn!(%error, "the chain is not there yet"),
                Ok(()) => {}
            }
            Till::Chain(chain)
        }
    };
    runtime::serve(&config.address, router(till)).await
}

/// The facilitator's API, and on the development ledger the chain's.
pub fn router(till: impl Into<Till>) -> Router {
    let till = till.into();
    let mut router = Router::new()
        .route(
            "/health",
            get(|| async { Json(json!({ "status": "healthy" })) }),
        )
        .route("/supported", get(supported))
        .route("/verify", post(verify))
        .route("/settle", post(settle))
        .with_state(till.clone());
    if let Till::Ledger(ledger) = till {
        router = router.route("/", post(rpc::handle).with_state(ledger));
    }
    router.layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

async fn supported(State(till): State<Till>) -> Json<Value> {
    let network = &till.asset().network;
    let signers = match &till {
        Till::Ledger(_) => json!({}),
        Till::Chain(chain) => json!({ "eip155:*": [chain.address().to_checksum(None)] }),
    };
    Json(json!({
        "kinds": [{ "x402Version": VERSION, "scheme": SCHEME_EXACT, "network": network }],
        "extensions": [],
        "signers": signers,
    }))
}

async fn verify(State(till): State<Till>, body: Bytes) -> (StatusCode, Json<VerifyResponse>) {
    match serde_json::from_slice::<FacilitatorRequest>(&body) {
        Ok(request) => (StatusCode::OK, Json(till.verify(&request).await)),
        Err(error) => {
            tracing::info!(%error, "unreadable request to verify");
            let invalid_reason = Some(reason::INVALID_PAYLOAD.to_owned());
            (
                StatusCode::BAD_REQUEST,
                Json(VerifyResponse {
                    is_valid: false,
                    invalid_reason,
                    payer: None,
                }),
            )
        }
    }
}

async fn settle(State(till): State<Till>, body: Bytes) -> (StatusCode, Json<SettlementResponse>) {
    let request = match serde_json::from_slice::<FacilitatorRequest>(&body) {
        Ok(request) => request,
        Err(error) => {
            tracing::info!(%error, "unreadable request to settle");
            let answer = SettlementResponse {
                success: false,
                error_reason: Some(reason::INVALID_PAYLOAD.to_owned()),
                payer: None,
                transaction: String::new(),
                network: till.asset().network.clone(),
                extra: None,
            };
            return (StatusCode::BAD_REQUEST, Json(answer));
        }
    };
    let settlement = till.settle(&request).await;
    let payer = settlement.payer.as_deref().unwrap_or_default();
    match &settlement.error_reason {
        None => tracing::info!(payer, transaction = settlement.transaction, "settled"),
        Some(reason) => tracing::info!(payer, reason, "not settled"),
    }
    (StatusCode::OK, Json(settlement))
}

#[cfg(test)]
mod tests {
    use super::*;
    use x402::{Address, Asset, U256};

    /// Serves an empty ledger on a free port; the folder goes away with the test.
    async fn start() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let asset = Asset {
            network: "eip155:31337".into(),
            address: Address::repeat_byte(1),
            name: "USDC".into(),
            version: "2".into(),
            decimals: 6,
        };
        let ledger = Ledger::open(
            &folder.path().join("ledger.ndjson"),
            asset,
            U256::from(10_000_000),
        )
        .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router(ledger)).await });
        (folder, url)
    }

    #[tokio::test]
    async fn what_a_chain_answers() {
        let (_folder, url) = start().await;
        let token = Address::repeat_byte(1);
        let owner = "0".repeat(64);
        let balance = json!([{ "to": token, "data": format!("0x70a08231{owner}") }, "latest"]);
        for (method, params, result) in [
            ("eth_chainId", json!([]), json!("0x7a69")),
            ("eth_blockNumber", json!([]), json!("0x0")),
            ("eth_call", balance, json!(format!("0x{:064x}", 10_000_000))),
            (
                "eth_call",
                json!([{ "to": Address::ZERO, "data": "0x70a08231" }]),
                json!("0x"),
            ),
            (
                "eth_getLogs",
                json!([{ "address": token, "fromBlock": "earliest", "topics": [null, null] }]),
                json!([]),
            ),
            (
                "eth_call",
                json!([{ "to": token, "data": "0x00" }]),
                Value::Null,
            ),
            ("eth_getLogs", json!([{ "fromBlock": "soon" }]), Value::Null),
            ("eth_sendRawTransaction", json!(["0x"]), Value::Null),
        ] {
            let call = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
            let response = runtime::http::client()
                .post(&url)
                .json(&call)
                .send()
                .await
                .unwrap();
            let answer: Value = response.json().await.unwrap();
            assert_eq!(
                (&answer["id"], &answer["result"]),
                (&json!(7), &result),
                "{method} {answer}"
            );
            assert_eq!(answer["error"].is_object(), result.is_null(), "{method}");
        }
    }

    #[tokio::test]
    async fn supported_and_unreadable() {
        let (_folder, url) = start().await;
        let client = runtime::http::client();
        let supported: Value = client
            .get(format!("{url}/supported"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(
            supported["kinds"],
            json!([{ "x402Version": 2, "scheme": "exact", "network": "eip155:31337" }])
        );
        for (path, verdict) in [("verify", "isValid"), ("settle", "success")] {
            let response = client
                .post(format!("{url}/{path}"))
                .body("{}")
                .send()
                .await
                .unwrap();
            assert_eq!(response.status().as_u16(), 400);
            let answer: Value = response.json().await.unwrap();
            assert_eq!(answer[verdict], false);
        }
    }
}
