//! Everybody who takes part: two wallets of two instances each, a stranger, and two instances of a shop with two routes.

use super::bank::Bank;
use super::chain::Token;
use super::clock::ahead;
use super::faults::{Fault, Faults, FaultyStore};
use super::within;
use crate::client::transport::{Answer, Transport};
use crate::client::{Limits, PayingClient, Policy};
use crate::exact::Domain;
use crate::server::{Flow, Price, Sale, Seller};
use crate::store::MemoryStore;
use crate::wallet::Wallet;
use crate::wire::{Authorization, PaymentPayload};
use crate::{Address, Asset, B256, U256, header};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tower::ServiceExt;
use url::Url;

pub(super) const SHOP: &str = "shop.test";
pub(super) const OTHER_SHOP: &str = "other.test";
pub(super) const PRICE: u64 = 10;
pub(super) const SESSION_MAX: u64 = 30;
pub(super) const DAY_MAX: u64 = 70;
/// After that nobody waits for an answer any more.
const PATIENCE_TURNS: usize = 100;

/// A payment that was seen on the wire.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) payer: Address,
    pub(super) nonce: B256,
    pub(super) identified: bool,
    pub(super) authorization: Authorization,
    /// When it was first sent, and before which others.
    pub(super) at: u64,
    pub(super) order: usize,
}

/// The wire: what went over it is remembered, and what came out of the shop.
#[derive(Clone)]
pub(super) struct Wire {
    /// By host: each shop has its own, which share a store.
    shops: Arc<BTreeMap<&'static str, Vec<Router>>>,
    pub(super) faults: Faults,
    pub(super) token: Token,
    pay_to: Address,
    pub(super) seen: Arc<Mutex<BTreeMap<B256, Seen>>>,
    /// By nonce, the answers that were given for it.
    pub(super) delivered: Arc<Mutex<BTreeMap<B256, Vec<String>>>>,
}

impl Wire {
    /// Hands a request to one of the instances, and looks at what it gives away.
    pub(super) async fn deliver(
        &self,
        target: &str,
        headers: &HeaderMap,
    ) -> Result<Answer, String> {
        // It has left its sender, whatever becomes of it.
        let seen = self.note(target, headers);
        let (host, path) = split(target);
        let instances = &self.shops[host];
        let index = self.faults.below(instances.len() as u64) as usize;
        let mut request = Request::builder()
            .uri(path)
            .header("host", host)
            .body(Body::empty())
            .unwrap();
        request.headers_mut().extend(headers.clone());
        let work = ahead(0, instances[index].clone().oneshot(request));
        let response = within(PATIENCE_TURNS, work)
            .await
            .ok_or("timeout")?
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        if let Some(seen) = seen
            && parts.status == StatusCode::OK
        {
            assert!(
                self.token.paid(seen.payer, seen.nonce, self.pay_to),
                "an answer was given away before it was paid"
            );
            assert!(parts.headers.contains_key(header::PAYMENT_RESPONSE));
            let text = String::from_utf8(body.to_vec()).unwrap();
            let mut delivered = self.delivered.lock().unwrap();
            delivered.entry(seen.nonce).or_default().push(text);
        }
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    pub(super) fn note(&self, target: &str, headers: &HeaderMap) -> Option<Seen> {
        let value = headers.get(header::PAYMENT_SIGNATURE)?;
        let payment: PaymentPayload = header::decode(value.as_bytes()).unwrap();
        let authorization = &payment.payload.authorization;
        let mut seen = self.seen.lock().unwrap();
        let order = seen.len();
        let entry = seen.entry(authorization.nonce).or_insert_with(|| Seen {
            target: target.to_owned(),
            headers: headers.clone(),
            payer: authorization.from,
            nonce: authorization.nonce,
            identified: payment.identifier().is_some(),
            authorization: authorization.clone(),
            at: crate::now_seconds(),
            order,
        });
        Some(entry.clone())
    }
}

impl Transport for Wire {
    fn get<'a>(
        &'a self,
        url: &'a Url,
        headers: HeaderMap,
    ) -> BoxFuture<'a, Result<Answer, String>> {
        Box::pin(async move {
            let host = url.host_str().unwrap_or_default();
            let target = format!("{host}{}?{}", url.path(), url.query().unwrap_or_default());
            // It has left the buyer, whatever becomes of it.
            self.note(&target, &headers);
            let fault = self.faults.draw(&[
                Fault::Lost,
                Fault::AnswerLost,
                Fault::Twice,
                Fault::Never,
                Fault::NeverAfter,
                Fault::Lie,
                Fault::Lie,
            ]);
            match fault {
                None => self.deliver(&target, &headers).await,
                Some(Fault::Lie) if headers.contains_key(header::PAYMENT_SIGNATURE) => {
                    let answer = self.deliver(&target, &headers).await?;
                    Ok(lie(answer, self.faults.below(8)))
                }
                Some(Fault::Lie) => self.deliver(&target, &headers).await,
                Some(Fault::AnswerLost) => {
                    drop(self.deliver(&target, &headers).await);
                    Err("the answer is lost".into())
                }
                Some(Fault::Twice) => {
                    let both = tokio::join!(
                        self.deliver(&target, &headers),
                        self.deliver(&target, &headers)
                    );
                    both.1
                }
                Some(Fault::NeverAfter) => {
                    drop(self.deliver(&target, &headers).await);
                    std::future::pending().await
                }
                Some(Fault::Never) => std::future::pending().await,
                Some(_) => Err("lost".into()),
            }
        })
    }
}

/// The host and the path of a target.
fn split(target: &str) -> (&str, &str) {
    target.split_at(target.find('/').unwrap_or(target.len()))
}

/// What a seller says instead, once it has the money or has not.
fn lie(mut answer: Answer, which: u64) -> Answer {
    let receipt = |success: bool, transaction: &str, network: &str| {
        header::encode(&serde_json::json!({
            "success": success, "transaction": transaction, "network": network,
        }))
    };
    let status = [500, 402, 404, 429, 307, 200, 200, 200][which as usize];
    answer.status = StatusCode::from_u16(status).unwrap();
    answer.headers.remove(header::PAYMENT_RESPONSE);
    let receipt = match which {
        1 => Some(receipt(false, "", "eip155:31337")),
        5 => Some(receipt(true, "0x12", "eip155:31337")),
        6 => Some(receipt(true, &B256::repeat_byte(7).to_string(), "eip155:1")),
        _ => None,
    };
    if let Some(receipt) = receipt {
        answer.headers.insert(header::PAYMENT_RESPONSE, receipt);
    }
    answer
}

pub(super) struct Buyer {
    pub(super) address: Address,
    /// Seconds by which its clock is ahead of the shop's.
    pub(super) ahead: i64,
    pub(super) instances: Vec<PayingClient>,
}

pub(super) struct World {
    pub(super) faults: Faults,
    pub(super) token: Token,
    pub(super) bank: Bank,
    pub(super) wire: Wire,
    pub(super) buyers: Vec<Buyer>,
    pub(super) stranger: Wallet,
    pub(super) price: Price,
}

fn price() -> Price {
    Price {
        asset: Asset {
            network: "eip155:31337".into(),
            address: Address::repeat_byte(1),
            name: "USDC".into(),
            version: "2".into(),
            decimals: 6,
        },
        amount: U256::from(PRICE),
        pay_to: Address::repeat_byte(2),
        max_timeout_seconds: 60,
    }
}

/// Each answer is another one, so that it shows who paid for which.
fn shop(seller: &Seller, sale: &Sale, made: &Arc<AtomicU64>, faults: &Faults) -> Router {
    let route = |flow| {
        let (made, faults) = (made.clone(), faults.clone());
        let handler = move || async move {
            tokio::task::yield_now().await;
            match faults.draw(&[Fault::Lost, Fault::Refused, Fault::Never]) {
                None => {
                    let number = made.fetch_add(1, Ordering::SeqCst);
                    (StatusCode::OK, format!("thing {number}"))
                }
                Some(Fault::Refused) => {
                    std::panic::resume_unwind(Box::new("a handler that panics"))
                }
                Some(Fault::Never) => std::future::pending().await,
                Some(_) => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
            }
        };
        get(handler).layer(seller.layer_with(sale, flow).unwrap())
    };
    Router::new()
        .route("/thing", route(Flow::AnswerFirst))
        .route("/paid-first", route(Flow::SettleFirst))
}

/// A wallet of two instances, whose clock is up to half a minute off.
fn buyer(wire: &Wire, price: &Price, token: &Token, faults: &Faults) -> Buyer {
    let policy = Policy {
        origin: Url::parse(&format!("http://{SHOP}")).unwrap().origin(),
        asset: price.asset.clone(),
        pay_to: price.pay_to,
        amount_max: price.amount,
    };
    let limits = Limits {
        session_max: U256::from(SESSION_MAX),
        day_max: U256::from(DAY_MAX),
    };
    let shared = FaultyStore {
        memory: Arc::new(MemoryStore::default()),
        faults: faults.clone(),
    };
    let wallet = Wallet::random().unwrap();
    token.open_account(wallet.address());
    let instances = (0..2).map(|_| {
        PayingClient::over(
            Arc::new(wire.clone()),
            wallet.clone(),
            policy.clone(),
            limits,
            Arc::new(shared.clone()),
            Some(Arc::new(token.clone())),
        )
        .unwrap()
    });
    Buyer {
        address: wallet.address(),
        ahead: faults.below(61) as i64 - 30,
        instances: instances.collect(),
    }
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let price = price();
        let sale = Sale::new([price.clone()], "A thing", "text/plain");
        let faults = Faults::new(seed);
        let domain = Domain::of(&price.asset).unwrap();
        let token = Token::new(faults.clone());
        let knows_keys = faults.one_in(2);
        let terms = (price.pay_to, price.amount);
        let bank = Bank::new(token.clone(), faults.clone(), knows_keys, terms, domain);
        let store = || FaultyStore {
            memory: Arc::new(MemoryStore::default()),
            faults: faults.clone(),
        };
        let made = Arc::default();
        let instances = |count: usize| {
            let shared = store();
            let instances = (0..count).map(|_| {
                let seller = Seller::with_store(Arc::new(bank.clone()), Arc::new(shared.clone()))
                    .with_chain(&price.asset.network, Arc::new(token.clone()));
                shop(&seller, &sale, &made, &faults)
            });
            instances.collect::<Vec<_>>()
        };
        let mut shops = BTreeMap::from([(SHOP, instances(2))]);
        // A second shop of the same owner. That needs a facilitator which tells their sales apart: see docs/payments.md.
        if knows_keys {
            shops.insert(OTHER_SHOP, instances(1));
        }
        let wire = Wire {
            shops: Arc::new(shops),
            faults: faults.clone(),
            token: token.clone(),
            pay_to: price.pay_to,
            seen: Arc::default(),
            delivered: Arc::default(),
        };
        let buyers = (0..2).map(|_| buyer(&wire, &price, &token, &faults));
        let buyers = buyers.collect();
        let stranger = Wallet::random().unwrap();
        token.open_account(stranger.address());
        Self {
            faults,
            token,
            bank,
            wire,
            buyers,
            stranger,
            price,
        }
    }
}
