//! A shop with one thing to sell, and a facilitator that fails as told.

use super::super::*;
use crate::chain::{Chain, ExpectedTransfer, PaymentState, Proof, RpcError};
use crate::exact::Domain;
use crate::facilitator::{FacilitatorError, Order};
use crate::store::{MemoryStore, Store};
use crate::wallet::Wallet;
use crate::wire::{Authorization, FacilitatorRequest, SettlementResponse, VerifyResponse};
use crate::{Asset, B256, U256, header, reason};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::HOST;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tower::ServiceExt;

pub(super) const TRANSACTION: B256 = B256::repeat_byte(1);

/// Settles in memory, and fails as told.
#[derive(Default)]
pub(super) struct Ledger {
    used: Mutex<HashSet<B256>>,
    pub(super) transfers: AtomicUsize,
    /// What was to be settled.
    pub(super) orders: Mutex<Vec<FacilitatorRequest>>,
    pub(super) faults: Mutex<Vec<Fault>>,
    /// Does not name the transaction that used a nonce, as many facilitators.
    pub(super) forgetful: AtomicBool,
    /// What the chain says; asked for when nobody else can tell.
    pub(super) state: Mutex<Option<PaymentState>>,
    /// Every account is a contract's.
    pub(super) contracts: AtomicBool,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fault {
    RefuseVerify,
    RefuseSettle,
    NotSent,
    /// Settles, and the answer is lost.
    AnswerLost,
    /// Neither settles nor answers.
    Silent,
}

impl Ledger {
    fn fault(&self, wanted: &[Fault]) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let first = faults
            .first()
            .copied()
            .filter(|fault| wanted.contains(fault))?;
        faults.remove(0);
        Some(first)
    }
}

impl Facilitator for Ledger {
    fn verify<'a>(
        &'a self,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<VerifyResponse, FacilitatorError>> {
        let nonce = order.request.payment_payload.payload.authorization.nonce;
        let refused = match self.fault(&[Fault::RefuseVerify]) {
            Some(_) => Some("connect ECONNREFUSED 10.0.0.7:5432".to_owned()),
            None => self
                .used
                .lock()
                .unwrap()
                .contains(&nonce)
                .then(|| reason::NONCE_USED.to_owned()),
        };
        Box::pin(async move {
            Ok(VerifyResponse {
                is_valid: refused.is_none(),
                invalid_reason: refused,
                payer: None,
            })
        })
    }

    fn settle<'a>(
        &'a self,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<SettlementResponse, FacilitatorError>> {
        self.orders.lock().unwrap().push(order.request.clone());
        let nonce = order.request.payment_payload.payload.authorization.nonce;
        let fault = self.fault(&[
            Fault::RefuseSettle,
            Fault::NotSent,
            Fault::AnswerLost,
            Fault::Silent,
        ]);
        Box::pin(async move {
            let mut answer = SettlementResponse {
                success: false,
                error_reason: None,
                payer: None,
                transaction: String::new(),
                network: order.request.payment_requirements.network.clone(),
                extra: None,
            };
            match fault {
                Some(Fault::RefuseSettle) => {
                    answer.error_reason = Some(reason::INSUFFICIENT_BALANCE.into())
                }
                Some(Fault::NotSent) => {
                    return Err(FacilitatorError::NotSent("connection refused".into()));
                }
                Some(Fault::Silent) => return Err(FacilitatorError::NoAnswer("timeout".into())),
                _ if self.used.lock().unwrap().insert(nonce) => {
                    self.transfers.fetch_add(1, Ordering::SeqCst);
                    answer.success = true;
                    answer.transaction = TRANSACTION.to_string();
                }
                _ => {
                    answer.error_reason = Some(reason::NONCE_USED.into());
                    let named = !self.forgetful.load(Ordering::SeqCst);
                    let extra = [("transaction".to_owned(), json!(TRANSACTION))];
                    answer.extra = named.then(|| extra.into_iter().collect());
                }
            }
            if fault == Some(Fault::AnswerLost) {
                return Err(FacilitatorError::NoAnswer("connection reset".into()));
            }
            Ok(answer)
        })
    }
}

impl Chain for Ledger {
    fn payment_state<'a>(
        &'a self,
        _expected: &'a ExpectedTransfer,
    ) -> BoxFuture<'a, Result<PaymentState, RpcError>> {
        let state = *self.state.lock().unwrap();
        Box::pin(std::future::ready(Ok(
            state.unwrap_or(PaymentState::Unknown)
        )))
    }

    fn proof<'a>(
        &'a self,
        _expected: &'a ExpectedTransfer,
        _transaction: B256,
    ) -> BoxFuture<'a, Result<Proof, RpcError>> {
        Box::pin(std::future::ready(Ok(Proof::Paid {
            at: crate::now_seconds(),
        })))
    }

    fn has_code(&self, _address: crate::Address) -> BoxFuture<'_, Result<bool, RpcError>> {
        Box::pin(std::future::ready(Ok(self
            .contracts
            .load(Ordering::SeqCst))))
    }
}

pub(super) struct Shop {
    pub(super) ledger: Arc<Ledger>,
    pub(super) router: Router,
    pub(super) runs: Arc<AtomicUsize>,
    /// Makes the handler fail.
    pub(super) failing: Arc<AtomicBool>,
    pub(super) sale: Sale,
    /// The first of the sale, which the wallet pays.
    pub(super) price: Price,
    pub(super) wallet: Wallet,
}

impl Shop {
    pub(super) fn new(network: &str) -> Self {
        Self::open(network, Arc::new(MemoryStore::default()), Flow::AnswerFirst)
    }

    pub(super) fn open(network: &str, store: Arc<dyn Store>, flow: Flow) -> Self {
        let asset = Asset {
            network: network.into(),
            ..crate::testing::development_asset()
        };
        let price = Price {
            asset,
            amount: U256::from(10_000),
            pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
                .parse()
                .unwrap(),
            max_timeout_seconds: 60,
        };
        let mut shop = Self {
            ledger: Arc::new(Ledger::default()),
            router: Router::new(),
            runs: Arc::new(AtomicUsize::new(0)),
            failing: Arc::default(),
            sale: Sale::new([price.clone()], "A \"test\"", "application/json"),
            price,
            wallet: Wallet::random().unwrap(),
        };
        shop.router = shop.instance(store, flow);
        shop
    }

    /// Another instance of the same shop, or the same after a restart: what it remembers is in the store.
    pub(super) fn instance(&self, store: Arc<dyn Store>, flow: Flow) -> Router {
        let seller = Seller::with_store(self.ledger.clone(), store)
            .with_chain(&self.price.asset.network, self.ledger.clone());
        let layer = seller.layer_with(&self.sale, flow).unwrap();
        let (counter, failing) = (self.runs.clone(), self.failing.clone());
        let handler = move |request: Request| async move {
            let run = counter.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(
                !request.headers().contains_key(header::PAYMENT_SIGNATURE),
                "the handler does not see the payment"
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            match request.uri().query() {
                _ if failing.load(Ordering::SeqCst) => {
                    (StatusCode::INTERNAL_SERVER_ERROR, String::new())
                }
                Some("fail") => (StatusCode::NOT_FOUND, String::new()),
                Some("panic") => panic!("a handler that panics"),
                _ => (StatusCode::OK, format!("answer {run}")),
            }
        };
        Router::new().route("/thing", get(handler).layer(layer))
    }

    /// The same shop, by one of its instances.
    pub(super) fn at(&self, instance: &Router) -> Self {
        Self {
            ledger: self.ledger.clone(),
            router: instance.clone(),
            runs: self.runs.clone(),
            failing: self.failing.clone(),
            sale: self.sale.clone(),
            price: self.price.clone(),
            wallet: self.wallet.clone(),
        }
    }

    pub(super) fn authorization(&self) -> Authorization {
        let now = crate::now_seconds();
        let mut nonce = B256::ZERO;
        getrandom::fill(nonce.as_mut_slice()).unwrap();
        Authorization {
            from: self.wallet.address(),
            to: self.price.pay_to,
            value: self.price.amount,
            valid_after: U256::ZERO,
            valid_before: U256::from(now + 60),
            nonce,
        }
    }

    pub(super) fn payment(&self, authorization: &Authorization) -> Value {
        let signature = self
            .wallet
            .sign(authorization, Domain::of(&self.price.asset).unwrap());
        json!({
            "x402Version": 2,
            "accepted": self.price.requirements(),
            "payload": { "signature": signature, "authorization": authorization },
            "unknownField": null,
        })
    }

    pub(super) fn good(&self) -> Value {
        self.payment(&self.authorization())
    }

    pub(super) fn identified(&self) -> Value {
        let mut payment = self.good();
        payment["extensions"] = json!({ "payment-identifier": { "info": { "required": false, "id": "pay_0123456789abcdef" } } });
        payment
    }

    pub(super) async fn get(&self, target: &str, headers: HeaderMap) -> Reply {
        let mut request = Request::builder()
            .uri(target)
            .header(HOST, "shop.test")
            .body(Body::empty())
            .unwrap();
        request.headers_mut().extend(headers);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    pub(super) async fn pay(&self, target: &str, payment: &Value) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(header::PAYMENT_SIGNATURE, header::encode(payment));
        self.get(target, headers).await
    }

    pub(super) fn counts(&self) -> (usize, usize) {
        (
            self.runs.load(Ordering::SeqCst),
            self.ledger.transfers.load(Ordering::SeqCst),
        )
    }
}

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn header(&self, name: &http::HeaderName) -> Value {
        self.headers
            .get(name)
            .map(|value| header::decode(value.as_bytes()).unwrap())
            .unwrap_or_default()
    }

    pub(super) fn error(&self) -> String {
        let required = self.header(&header::PAYMENT_REQUIRED);
        required["error"].as_str().unwrap_or_default().to_owned()
    }
}
