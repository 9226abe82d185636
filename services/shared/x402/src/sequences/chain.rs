//! A token on a chain, to which anybody may send what somebody has signed.

use super::clock::chain_seconds;
use super::faults::{Fault, Faults};
use crate::chain::{Chain, ExpectedTransfer, PaymentState, Proof, RpcError};
use crate::wire::Authorization;
use crate::{Address, B256, U256, reason};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

pub(crate) const GRANT: u64 = 120;

/// How a nonce was used.
#[derive(Clone)]
struct Use {
    /// None for one that its owner took back.
    authorization: Option<Authorization>,
    transaction: B256,
    at: u64,
}

#[derive(Default)]
struct Book {
    balances: BTreeMap<Address, U256>,
    used: BTreeMap<(Address, B256), Use>,
    /// Sent to the chain, and not yet in a block.
    pending: Vec<(Authorization, B256)>,
    transactions: u64,
}

#[derive(Clone)]
pub(crate) struct Token {
    book: Arc<Mutex<Book>>,
    faults: Faults,
}

impl Token {
    pub(crate) fn new(faults: Faults) -> Self {
        Self {
            book: Arc::default(),
            faults,
        }
    }

    pub(crate) fn open_account(&self, account: Address) {
        let mut book = self.book.lock().unwrap();
        book.balances.insert(account, U256::from(GRANT));
    }

    pub(crate) fn balance(&self, account: Address) -> U256 {
        let book = self.book.lock().unwrap();
        book.balances.get(&account).copied().unwrap_or_default()
    }

    pub(crate) fn sum(&self) -> U256 {
        self.book.lock().unwrap().balances.values().copied().sum()
    }

    /// What has moved, with the transactions that moved it.
    pub(crate) fn transfers(&self) -> Vec<(Authorization, B256)> {
        let book = self.book.lock().unwrap();
        let moved = book.used.values().filter_map(|used| {
            let authorization = used.authorization.clone()?;
            Some((authorization, used.transaction))
        });
        moved.collect()
    }

    /// Whether a nonce moved money to `pay_to`.
    pub(crate) fn paid(&self, payer: Address, nonce: B256, pay_to: Address) -> bool {
        let book = self.book.lock().unwrap();
        let used = book.used.get(&(payer, nonce));
        used.and_then(|used| used.authorization.as_ref())
            .is_some_and(|authorization| authorization.to == pay_to)
    }

    /// The transaction that used a nonce.
    pub(crate) fn transaction(&self, payer: Address, nonce: B256) -> Option<B256> {
        let book = self.book.lock().unwrap();
        book.used.get(&(payer, nonce)).map(|used| used.transaction)
    }

    /// The owner makes a nonce worthless.
    pub(crate) fn cancel(&self, payer: Address, nonce: B256) {
        let mut book = self.book.lock().unwrap();
        let transaction = book.transaction();
        book.used.entry((payer, nonce)).or_insert(Use {
            authorization: None,
            transaction,
            at: chain_seconds(),
        });
    }

    /// Whoever has an authorization may send it.
    pub(crate) fn transfer(&self, authorization: &Authorization) -> Result<B256, &'static str> {
        let mut book = self.book.lock().unwrap();
        let transaction = book.transaction();
        book.transfer(authorization, transaction)?;
        Ok(transaction)
    }

    /// Puts it where it waits for a block.
    pub(crate) fn send(&self, authorization: &Authorization) -> B256 {
        let mut book = self.book.lock().unwrap();
        let transaction = book.transaction();
        book.pending.push((authorization.clone(), transaction));
        transaction
    }

    /// A block with everything that was waiting for one.
    pub(crate) fn mine(&self) {
        let mut book = self.book.lock().unwrap();
        for (authorization, transaction) in std::mem::take(&mut book.pending) {
            let _refused = book.transfer(&authorization, transaction);
        }
    }

    pub(crate) fn possible(&self, authorization: &Authorization) -> Result<(), &'static str> {
        self.book.lock().unwrap().possible(authorization)
    }
}

impl Book {
    fn transaction(&mut self) -> B256 {
        self.transactions += 1;
        B256::from(U256::from(self.transactions))
    }

    fn possible(&self, authorization: &Authorization) -> Result<(), &'static str> {
        let payer = authorization.from;
        if self.used.contains_key(&(payer, authorization.nonce)) {
            return Err(reason::NONCE_USED);
        }
        if self.balances.get(&payer).copied().unwrap_or_default() < authorization.value {
            return Err(reason::INSUFFICIENT_BALANCE);
        }
        Ok(())
    }

    /// As the token's contract does it: what is too late does not move.
    fn transfer(
        &mut self,
        authorization: &Authorization,
        transaction: B256,
    ) -> Result<(), &'static str> {
        self.possible(authorization)?;
        let at = chain_seconds();
        if authorization.valid_before <= U256::from(at) {
            return Err(reason::VALID_BEFORE);
        }
        let (payer, value) = (authorization.from, authorization.value);
        *self.balances.entry(payer).or_default() -= value;
        *self.balances.entry(authorization.to).or_default() += value;
        let used = Use {
            authorization: Some(authorization.clone()),
            transaction,
            at,
        };
        self.used.insert((payer, authorization.nonce), used);
        Ok(())
    }
}

impl Use {
    fn pays(&self, expected: &ExpectedTransfer) -> bool {
        self.authorization.as_ref().is_some_and(|authorization| {
            authorization.to == expected.pay_to && authorization.value >= expected.amount
        })
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
                None if chain_seconds() >= expected.valid_before => PaymentState::Expired,
                None => PaymentState::Unused,
                Some(used) if used.pays(expected) => PaymentState::Paid {
                    transaction: used.transaction,
                    at: used.at,
                },
                Some(_) => PaymentState::Void,
            })
        };
        Box::pin(std::future::ready(state))
    }

    fn proof<'a>(
        &'a self,
        expected: &'a ExpectedTransfer,
        transaction: B256,
    ) -> BoxFuture<'a, Result<Proof, RpcError>> {
        let proof = if self.faults.draw(&[Fault::Lost]).is_some() {
            Err(RpcError::Http("lost".into()))
        } else {
            let book = self.book.lock().unwrap();
            let used = book.used.get(&(expected.payer, expected.nonce));
            Ok(match used {
                Some(used) if used.transaction == transaction && used.pays(expected) => {
                    Proof::Paid { at: used.at }
                }
                Some(_) => Proof::NotPaid,
                None => Proof::Missing,
            })
        };
        Box::pin(std::future::ready(proof))
    }

    fn has_code(&self, _address: Address) -> BoxFuture<'_, Result<bool, RpcError>> {
        Box::pin(std::future::ready(Ok(false)))
    }
}
