//! Our seller and our facilitator behind real HTTP, and a buyer that writes its own headers.

use crate::market::{PRICE, SELLER, chain};
use crate::node::Node;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use facilitator::SettlementBackend;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use url::Url;
use x402::chain::Rpc;
use x402::facilitator::HttpFacilitator;
use x402::header;
use x402::server::{Price, Sale, Seller};
use x402::wire::FacilitatorRequest;
use x402::{Asset, U256};

/// What happens while the seller makes its answer, between verifying and settling.
pub(crate) type Meanwhile = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

pub(crate) fn nothing() -> Meanwhile {
    Arc::new(|| Box::pin(std::future::ready(())))
}

async fn serve(router: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Url::parse(&url).unwrap()
}

pub(crate) async fn facilitator(backend: impl Into<SettlementBackend>) -> Url {
    serve(facilitator::router(backend)).await
}

/// What is special about a seller.
pub(crate) struct Manner {
    pub(crate) meanwhile: Meanwhile,
    pub(crate) max_timeout_seconds: u64,
    /// Answers 500 when it has been paid.
    pub(crate) denies: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            meanwhile: nothing(),
            max_timeout_seconds: 60,
            denies: false,
        }
    }
}

/// A seller with a store of its own. Clones are the same seller.
#[derive(Clone)]
pub(crate) struct Shop {
    url: Url,
    made: Arc<AtomicUsize>,
}

pub(crate) struct Bought {
    pub(crate) status: u16,
    body: String,
}

impl Bought {
    /// The code of a refusal, in either form that our seller has.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let error = &body["error"];
        let code = error["code"].as_str().or(error.as_str());
        code.unwrap_or_default().to_owned()
    }
}

impl std::fmt::Debug for Bought {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.status, self.code())
    }
}

impl Shop {
    pub(crate) async fn open(
        asset: &Asset,
        facilitator: &Url,
        rpc: &Url,
        meanwhile: Meanwhile,
    ) -> Self {
        let manner = Manner {
            meanwhile,
            ..Manner::default()
        };
        Self::with(asset, facilitator, Some(rpc), manner).await
    }

    /// At a facilitator of its own, which settles on the node and keeps its records in `folder`.
    pub(crate) async fn on(node: &Node, folder: &Path, meanwhile: Meanwhile) -> Self {
        let settler = chain(&node.asset, &node.url, folder).await;
        let facilitator = facilitator(settler).await;
        Self::open(&node.asset, &facilitator, &node.url, meanwhile).await
    }

    /// Without an `rpc` it has nothing but the facilitator's word.
    pub(crate) async fn with(
        asset: &Asset,
        facilitator: &Url,
        rpc: Option<&Url>,
        manner: Manner,
    ) -> Self {
        let Manner {
            meanwhile,
            max_timeout_seconds,
            denies,
        } = manner;
        let price = Price {
            asset: asset.clone(),
            amount: U256::from(PRICE),
            pay_to: SELLER,
            max_timeout_seconds,
        };
        let sale = Sale::new([price], "A thing", "text/plain");
        let client = runtime::http::client();
        let settler = HttpFacilitator::new(client.clone(), facilitator);
        let mut seller = Seller::new(Arc::new(settler));
        if let Some(rpc) = rpc {
            let chain = Rpc::new(client, rpc.clone());
            seller = seller.with_chain(&asset.network, Arc::new(chain));
        }
        let made = Arc::new(AtomicUsize::new(0));
        let handler = {
            let made = made.clone();
            move || async move {
                made.fetch_add(1, Ordering::SeqCst);
                meanwhile().await;
                "a thing"
            }
        };
        let thing = get(handler).layer(seller.layer(&sale).unwrap());
        let deny = move |response: Response| async move {
            match response.status() {
                StatusCode::OK if denies => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                _ => response,
            }
        };
        let router = Router::new().route("/thing", thing);
        let url = serve(router.layer(map_response(deny))).await;
        Self {
            url: url.join("thing").unwrap(),
            made,
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// How often the handler has run, paid or not.
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    /// Sends this payment for the seller's offer.
    pub(crate) async fn buy(&self, order: &FacilitatorRequest) -> Bought {
        let client = runtime::http::client();
        let offered = client.get(self.url.clone()).send().await.unwrap();
        let offer = offered.headers()[header::PAYMENT_REQUIRED].as_bytes();
        let offer: Value = header::decode(offer).unwrap();
        let payment = json!({
            "x402Version": 2,
            "resource": offer["resource"],
            "accepted": offer["accepts"][0],
            "payload": order.payment_payload.payload,
        });
        let request = client
            .get(self.url.clone())
            .header(header::PAYMENT_SIGNATURE, header::encode(&payment));
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        assert_eq!(status == 200, body == "a thing", "{status} {body}");
        Bought { status, body }
    }
}
