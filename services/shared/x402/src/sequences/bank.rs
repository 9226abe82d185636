//! A facilitator before the chain, that loses answers and is late. One of ours tells sales apart by their keys; a hosted one
//! knows only what is on the chain.

use super::chain::Token;
use super::faults::{Fault, Faults};
use crate::exact::{self, Domain};
use crate::facilitator::{Facilitator, FacilitatorError, Order};
use crate::wire::{Authorization, SettlementResponse, VerifyResponse};
use crate::{Address, B256, U256, reason};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// For whom a settlement was begun, and by which transaction.
#[derive(Clone)]
struct Begun {
    key: Option<String>,
    transaction: B256,
}

#[derive(Clone)]
pub(super) struct Bank {
    token: Token,
    faults: Faults,
    pay_to: Address,
    price: U256,
    domain: Domain,
    pub(super) knows_keys: bool,
    begun: Arc<Mutex<BTreeMap<(Address, B256), Begun>>>,
    /// Payments about which it said "failed", named nothing, and sent them all the same.
    pub(super) concealed: Arc<Mutex<Vec<B256>>>,
}

impl Bank {
    pub(super) fn new(
        token: Token,
        faults: Faults,
        knows_keys: bool,
        (pay_to, price): (Address, U256),
        domain: Domain,
    ) -> Self {
        Self {
            token,
            faults,
            pay_to,
            price,
            domain,
            knows_keys,
            begun: Arc::default(),
            concealed: Arc::default(),
        }
    }

    /// Whether a transaction was sent by this facilitator.
    pub(super) fn sent(&self, transaction: B256) -> bool {
        let begun = self.begun.lock().unwrap();
        begun.values().any(|begun| begun.transaction == transaction)
    }

    fn check<'a>(&self, order: &'a Order) -> Result<&'a Authorization, &'static str> {
        let payload = &order.request.payment_payload.payload;
        exact::check_signature(payload, self.domain)?;
        let now = crate::now_seconds();
        exact::check_terms(
            &payload.authorization,
            self.pay_to,
            self.price,
            u64::MAX,
            now,
        )?;
        Ok(&payload.authorization)
    }

    fn begin(&self, order: &Order, transaction: B256) {
        let authorization = &order.request.payment_payload.payload.authorization;
        let id = (authorization.from, authorization.nonce);
        let key = order.idempotency_key.clone();
        let mut begun = self.begun.lock().unwrap();
        begun.entry(id).or_insert(Begun { key, transaction });
    }

    fn begun(&self, order: &Order) -> Option<Begun> {
        let authorization = &order.request.payment_payload.payload.authorization;
        let id = (authorization.from, authorization.nonce);
        self.begun.lock().unwrap().get(&id).cloned()
    }

    fn settle_now(&self, order: &Order) -> SettlementResponse {
        let authorization = &order.request.payment_payload.payload.authorization;
        if let Some(begun) = self.begun(order)
            && self.knows_keys
        {
            let done = self
                .token
                .transaction(authorization.from, authorization.nonce);
            return match done {
                _ if begun.key != order.idempotency_key => {
                    self.answer(Err(reason::NONCE_USED), None)
                }
                Some(done) if done == begun.transaction => self.answer(Ok(done), None),
                // Somebody was faster.
                Some(_) => self.answer(Err(reason::NONCE_USED), None),
                None => self.answer(Err(reason::SETTLEMENT_PENDING), Some(begun.transaction)),
            };
        }
        let settled = self
            .check(order)
            .and_then(|authorization| self.token.transfer(authorization));
        if let Ok(transaction) = settled {
            self.begin(order, transaction);
        }
        // Only some facilitators say what used a nonce, and ours not of what it has not begun.
        let names = settled == Err(reason::NONCE_USED) && !self.knows_keys && self.faults.one_in(2);
        let earlier = self
            .token
            .transaction(authorization.from, authorization.nonce);
        self.answer(settled, earlier.filter(|_| names))
    }

    fn answer(
        &self,
        settled: Result<B256, &'static str>,
        named: Option<B256>,
    ) -> SettlementResponse {
        let extra = named.map(|named| {
            [("transaction".to_owned(), named.to_string().into())]
                .into_iter()
                .collect()
        });
        SettlementResponse {
            success: settled.is_ok(),
            error_reason: settled.err().map(str::to_owned),
            payer: None,
            transaction: settled.map_or(String::new(), |transaction| transaction.to_string()),
            network: "eip155:31337".into(),
            extra,
        }
    }

    /// Sends it, and says so before it is in a block, or says something else.
    fn settle_late(&self, order: &Order) -> SettlementResponse {
        if self.begun(order).is_some() {
            return self.settle_now(order);
        }
        let checked = self.check(order);
        let possible = checked.and_then(|authorization| {
            self.token.possible(authorization)?;
            Ok(self.token.send(authorization))
        });
        let transaction = match possible {
            Ok(transaction) => transaction,
            Err(reason) => return self.answer(Err(reason), None),
        };
        self.begin(order, transaction);
        if self.knows_keys || self.faults.one_in(2) {
            return self.answer(Err(reason::SETTLEMENT_PENDING), Some(transaction));
        }
        let nonce = order.request.payment_payload.payload.authorization.nonce;
        self.concealed.lock().unwrap().push(nonce);
        self.answer(Err("something nobody has heard of"), None)
    }

    async fn verify_order(&self, order: &Order) -> Result<VerifyResponse, FacilitatorError> {
        if self.faults.strike(&[Fault::Lost, Fault::Never]).await {
            return Err(FacilitatorError::NoAnswer("lost".into()));
        }
        let verified = self
            .check(order)
            .and_then(|authorization| self.token.possible(authorization));
        Ok(VerifyResponse {
            is_valid: verified.is_ok(),
            invalid_reason: verified.err().map(str::to_owned),
            payer: None,
        })
    }

    async fn settle_order(&self, order: &Order) -> Result<SettlementResponse, FacilitatorError> {
        match self.faults.draw(&[
            Fault::Refused,
            Fault::Lost,
            Fault::AnswerLost,
            Fault::Late,
            Fault::Never,
            Fault::NeverAfter,
        ]) {
            None => Ok(self.settle_now(order)),
            Some(Fault::Refused) => Err(FacilitatorError::NotSent("connection refused".into())),
            Some(Fault::AnswerLost) => {
                let _lost = self.settle_now(order);
                Err(FacilitatorError::NoAnswer("connection reset".into()))
            }
            Some(Fault::Late) => Ok(self.settle_late(order)),
            Some(Fault::NeverAfter) => {
                let _lost = self.settle_now(order);
                std::future::pending().await
            }
            Some(Fault::Never) => std::future::pending().await,
            Some(_) => Err(FacilitatorError::NoAnswer("timeout".into())),
        }
    }
}

impl Facilitator for Bank {
    fn verify<'a>(
        &'a self,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<VerifyResponse, FacilitatorError>> {
        Box::pin(self.verify_order(order))
    }

    fn settle<'a>(
        &'a self,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<SettlementResponse, FacilitatorError>> {
        Box::pin(self.settle_order(order))
    }

    fn tells_sales_apart(&self) -> bool {
        self.knows_keys
    }
}
