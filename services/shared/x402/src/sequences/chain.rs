//! A token on a chain, and a facilitator before it that loses answers and is late.

use super::faults::{Fault, Faults};
use crate::chain::{Chain, ExpectedTransfer, PaymentState, Proof, RpcError};
use crate::exact::{self, Domain};
use crate::facilitator::{Facilitator, FacilitatorError, Order};
use crate::wire::{Authorization, SettlementResponse, VerifyResponse};
use crate::{Address, B256, U256, reason};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

pub(super) const GRANT: u64 = 120;

#[derive(Default)]
struct Book {
    balances: BTreeMap<Address, U256>,
    used: BTreeMap<(Address, B256), Option<Authorization>>,
    /// Sent to the chain, and not yet in a block.
    pending: Vec<Authorization>,
}

#[derive(Clone)]
pub(super) struct Token {
    book: Arc<Mutex<Book>>,
    faults: Faults,
    pay_to: Address,
    price: U256,
    domain: Domain,
}

impl Token {
    pub(super) fn new(faults: Faults, pay_to: Address, price: U256, domain: Domain) -> Self {
        Self {
            book: Arc::default(),
            faults,
            pay_to,
            price,
            domain,
        }
    }

    pub(super) fn open_account(&self, account: Address) {
        let mut book = self.book.lock().unwrap();
        book.balances.insert(account, U256::from(GRANT));
    }

    pub(super) fn balance(&self, account: Address) -> U256 {
        let book = self.book.lock().unwrap();
        book.balances.get(&account).copied().unwrap_or_default()
    }

    pub(super) fn sum(&self) -> U256 {
        self.book.lock().unwrap().balances.values().copied().sum()
    }

    /// What has moved, by payer and nonce.
    pub(super) fn transfers(&self) -> Vec<Authorization> {
        let book = self.book.lock().unwrap();
        book.used.values().flatten().cloned().collect()
    }

    pub(super) fn transferred(&self, payer: Address, nonce: B256) -> bool {
        let book = self.book.lock().unwrap();
        matches!(book.used.get(&(payer, nonce)), Some(Some(_)))
    }

    /// The owner makes a nonce worthless.
    pub(super) fn cancel(&self, payer: Address, nonce: B256) {
        let mut book = self.book.lock().unwrap();
        book.used.entry((payer, nonce)).or_insert(None);
    }

    /// A block with everything that was waiting for one.
    pub(super) fn mine(&self) {
        let mut book = self.book.lock().unwrap();
        for authorization in std::mem::take(&mut book.pending) {
            let _refused = transfer(&mut book, &authorization);
        }
    }

    fn settle_now(&self, order: &Order) -> Result<(), &'static str> {
        let authorization = self.check(order)?;
        transfer(&mut self.book.lock().unwrap(), authorization)
    }

    fn check<'a>(&self, order: &'a Order) -> Result<&'a Authorization, &'static str> {
        let payload = &order.request.payment_payload.payload;
        exact::check_signature(payload, self.domain)?;
        exact::check_terms(
            &payload.authorization,
            self.pay_to,
            self.price,
            crate::now_seconds(),
        )?;
        Ok(&payload.authorization)
    }

    fn answer(&self, settled: Result<(), &'static str>, order: &Order) -> SettlementResponse {
        let authorization = &order.request.payment_payload.payload.authorization;
        let mut extra = None;
        // Only some facilitators know what they did earlier.
        if settled == Err(reason::NONCE_USED)
            && self.transferred(authorization.from, authorization.nonce)
            && self.faults.one_in(2)
        {
            let transaction = ("transaction".to_owned(), "0xearlier".into());
            extra = Some([transaction].into_iter().collect());
        }
        SettlementResponse {
            success: settled.is_ok(),
            error_reason: settled.err().map(str::to_owned),
            payer: None,
            transaction: settled.map_or(String::new(), |()| authorization.nonce.to_string()),
            network: "eip155:31337".into(),
            extra,
        }
    }

    async fn verify_order(&self, order: &Order) -> Result<VerifyResponse, FacilitatorError> {
        if self.faults.strike(&[Fault::Lost, Fault::Never]).await {
            return Err(FacilitatorError::NoAnswer("lost".into()));
        }
        let verified = self.check(order).and_then(|authorization| {
            let book = self.book.lock().unwrap();
            possible(&book, authorization)
        });
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
            None => Ok(self.answer(self.settle_now(order), order)),
            Some(Fault::Refused) => Err(FacilitatorError::NotSent("connection refused".into())),
            Some(Fault::AnswerLost) => {
                let _lost = self.settle_now(order);
                Err(FacilitatorError::NoAnswer("connection reset".into()))
            }
            Some(Fault::Late) => {
                if let Ok(authorization) = self.check(order) {
                    let mut book = self.book.lock().unwrap();
                    book.pending.push(authorization.clone());
                }
                let mut answer = self.answer(Err(reason::SETTLEMENT_PENDING), order);
                if self.faults.one_in(2) {
                    answer.error_reason = Some("something nobody has heard of".into());
                }
                Ok(answer)
            }
            Some(Fault::NeverAfter) => {
                let _lost = self.settle_now(order);
                std::future::pending().await
            }
            Some(Fault::Never) => std::future::pending().await,
            Some(_) => Err(FacilitatorError::NoAnswer("timeout".into())),
        }
    }
}

fn possible(book: &Book, authorization: &Authorization) -> Result<(), &'static str> {
    let payer = authorization.from;
    if book.used.contains_key(&(payer, authorization.nonce)) {
        return Err(reason::NONCE_USED);
    }
    if book.balances.get(&payer).copied().unwrap_or_default() < authorization.value {
        return Err(reason::INSUFFICIENT_BALANCE);
    }
    Ok(())
}

/// As the token's contract does it: what is too late does not move.
fn transfer(book: &mut Book, authorization: &Authorization) -> Result<(), &'static str> {
    possible(book, authorization)?;
    if authorization.valid_before <= U256::from(crate::now_seconds()) {
        return Err(reason::VALID_BEFORE);
    }
    let (payer, value) = (authorization.from, authorization.value);
    *book.balances.entry(payer).or_default() -= value;
    *book.balances.entry(authorization.to).or_default() += value;
    let used = Some(authorization.clone());
    book.used.insert((payer, authorization.nonce), used);
    Ok(())
}

impl Facilitator for Token {
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
}

impl Chain for Token {
    fn payment_state<'a>(
        &'a self,
        expected: &'a ExpectedTransfer,
    ) -> BoxFuture<'a, Result<PaymentState, RpcError>> {
        let state = if self.faults.draw(&[Fault::Lost]).is_some() {
            Err(RpcError::Http("lost".into()))
        } else {
            let book = self.book.lock().unwrap();
            Ok(match book.used.get(&(expected.payer, expected.nonce)) {
                None => PaymentState::Unused,
                Some(None) => PaymentState::Void,
                Some(Some(_)) => PaymentState::Paid {
                    transaction: expected.nonce,
                    at: crate::now_seconds(),
                },
            })
        };
        Box::pin(std::future::ready(state))
    }

    fn proof<'a>(
        &'a self,
        _expected: &'a ExpectedTransfer,
        _transaction: B256,
    ) -> BoxFuture<'a, Result<Proof, RpcError>> {
        Box::pin(std::future::ready(Ok(Proof::Missing)))
    }

    fn has_code(&self, _address: Address) -> BoxFuture<'_, Result<bool, RpcError>> {
        Box::pin(std::future::ready(Ok(false)))
    }
}
