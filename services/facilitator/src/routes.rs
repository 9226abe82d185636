//! The facilitator's API: <https://github.com/x402-foundation/x402/blob/main/specs/x402-specification-v2.md>, section 7.

use crate::app::SettlementBackend;
use crate::hosts::{self, Hosts};
use crate::{IdempotencyKey, body, rpc};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde_json::{Value, json};
use x402::facilitator::{IDEMPOTENCY_KEY, IDEMPOTENCY_KEYS};
use x402::reason;
use x402::wire::{SCHEME_EXACT, SettlementResponse, VERSION, VERSION_1, VerifyResponse};

const BODY_BYTES_MAX: usize = 64 * 1024;

/// The facilitator's API, and on the development ledger the chain's, by the names of this machine and its network.
pub fn router(backend: impl Into<SettlementBackend>) -> Router {
    router_for(backend, Hosts::near(Vec::new()))
}

/// The same by other names.
pub fn router_for(backend: impl Into<SettlementBackend>, hosts: Hosts) -> Router {
    let backend = backend.into();
    let mut router = Router::new()
        .route("/verify", post(verify))
        .route("/settle", post(settle))
        .layer(middleware::map_response(tell_sales_apart))
        .route("/supported", get(supported))
        .with_state(backend.clone());
    if let SettlementBackend::Ledger(ledger) = backend {
        router = router.route("/", post(rpc::handle).with_state(ledger));
    }
    let healthy = get(|| async { Json(json!({ "status": "healthy" })) });
    router
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(hosts, hosts::check))
        .route("/health", healthy)
}

/// Sellers of one owner rely on it: see docs/payments.md.
async fn tell_sales_apart(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(IDEMPOTENCY_KEYS, HeaderValue::from_static("honored"));
    response
}

async fn supported(State(backend): State<SettlementBackend>) -> Json<Value> {
    let asset = backend.asset();
    let kind = |version: u64, network: &str| json!({ "x402Version": version, "scheme": SCHEME_EXACT, "network": network });
    let mut kinds = vec![kind(VERSION, &asset.network)];
    kinds.extend(asset.network_v1().map(|name| kind(VERSION_1, name)));
    let signers = match &backend {
        SettlementBackend::Ledger(_) => json!({}),
        SettlementBackend::Chain(chain) => {
            json!({ "eip155:*": [chain.address().to_checksum(None)] })
        }
    };
    Json(json!({ "kinds": kinds, "extensions": [], "signers": signers }))
}

async fn verify(
    State(backend): State<SettlementBackend>,
    body: Bytes,
) -> (StatusCode, Json<VerifyResponse>) {
    match body::read(&body, backend.asset()) {
        Ok(asked) => (StatusCode::OK, Json(backend.verify(&asked.request).await)),
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

async fn settle(
    State(backend): State<SettlementBackend>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<SettlementResponse>) {
    let unreadable = |problem: &str| {
        tracing::info!(problem, "unreadable request to settle");
        let answer = SettlementResponse {
            success: false,
            error_reason: Some(reason::INVALID_PAYLOAD.to_owned()),
            payer: None,
            transaction: String::new(),
            network: backend.asset().network.clone(),
            extra: None,
        };
        (StatusCode::BAD_REQUEST, Json(answer))
    };
    let key = match idempotency_key(&headers) {
        Ok(key) => key,
        Err(problem) => return unreadable(problem),
    };
    let asked = match body::read(&body, backend.asset()) {
        Ok(asked) => asked,
        Err(error) => return unreadable(&error.to_string()),
    };
    let mut settlement = backend.settle(&asked.request, key.as_ref()).await;
    settlement.network = asked.network;
    let payer = settlement.payer.as_deref().unwrap_or_default();
    match &settlement.error_reason {
        None => tracing::info!(payer, transaction = settlement.transaction, "settled"),
        Some(reason) => tracing::info!(payer, reason, "not settled"),
    }
    (StatusCode::OK, Json(settlement))
}

/// A key that is passed over would let two sales take one settlement for their own.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, &'static str> {
    let mut sent = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(first) = sent.next() else {
        return Ok(None);
    };
    if sent.next().is_some() {
        return Err("more than one Idempotency-Key");
    }
    let key = first.to_str().ok().and_then(IdempotencyKey::parse);
    key.map(Some)
        .ok_or("an Idempotency-Key is 1 to 255 visible ASCII characters")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;
    use x402::{Address, Asset, U256};

    /// Serves an empty ledger on a free port; the folder is removed after the test.
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
            ("eth_blockNumber", json!([]), json!("0x1")),
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

    #[tokio::test]
    async fn other_names_are_refused() {
        let (_folder, url) = start().await;
        let client = runtime::http::client();
        for (path, host, status) in [
            ("supported", "localhost:1234", 200),
            ("supported", "attacker.example:1234", 421),
            ("", "attacker.example:1234", 421),
            ("health", "attacker.example:1234", 200),
        ] {
            let mut request = client.get(format!("{url}/{path}"));
            if path.is_empty() {
                request = client.post(&url).body("{}");
            }
            let response = request.header("host", host).send().await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{path} {host}");
        }
    }

    #[tokio::test]
    async fn a_key_that_cannot_be_read_is_not_passed_over() {
        let (_folder, url) = start().await;
        let client = runtime::http::client();
        let (address, nonce) = (Address::repeat_byte(1), "1".repeat(64));
        let wanted = json!({
            "scheme": "exact", "network": "eip155:31337", "amount": "1", "asset": address, "payTo": address,
            "maxTimeoutSeconds": 60, "extra": { "name": "USDC", "version": "2" },
        });
        let authorization = json!({
            "from": address, "to": address, "value": "1", "validAfter": "0", "validBefore": "1",
            "nonce": format!("0x{nonce}"),
        });
        let payload = json!({ "signature": "0x12", "authorization": authorization });
        let body = json!({
            "x402Version": 2,
            "paymentPayload": { "x402Version": 2, "accepted": wanted, "payload": payload },
            "paymentRequirements": wanted,
        });
        for (keys, status) in [
            (&["one"][..], 200),
            (&[], 200),
            (&["two words"], 400),
            (&["one", "two"], 400),
            (&[""], 400),
        ] {
            let mut request = client.post(format!("{url}/settle")).json(&body);
            for key in keys {
                request = request.header(IDEMPOTENCY_KEY, *key);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{keys:?}");
            let answer: Value = response.json().await.unwrap();
            assert_eq!(answer["success"], false);
        }
    }
}
