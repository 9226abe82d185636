//! Who has what, and which nonces are used: the state that the file's lines add up to.

use super::record::Transfer;
use std::collections::HashMap;
use x402::{Address, B256, U256, reason};

#[derive(Default)]
pub(super) struct Book {
    grant: U256,
    balances: HashMap<Address, U256>,
    used: HashMap<(Address, B256), usize>,
    pub(super) transfers: Vec<Transfer>,
    sent: HashMap<Address, Vec<usize>>,
    by_transaction: HashMap<B256, usize>,
}

impl Book {
    /// From here on, accounts that are seen for the first time start with this.
    pub(super) fn set_grant(&mut self, grant: U256) {
        self.grant = grant;
    }

    pub(super) fn balance(&self, account: Address) -> U256 {
        self.balances.get(&account).copied().unwrap_or(self.grant)
    }

    /// The position of a transaction's transfer.
    pub(super) fn by_transaction(&self, transaction: B256) -> Option<usize> {
        self.by_transaction.get(&transaction).copied()
    }

    /// Positions of the transfers that an account has sent, oldest first.
    pub(super) fn sent(&self, account: Address) -> &[usize] {
        self.sent.get(&account).map_or(&[], Vec::as_slice)
    }

    /// Could this transfer be made?
    pub(super) fn check(
        &self,
        payer: Address,
        nonce: B256,
        value: U256,
    ) -> Result<(), &'static str> {
        if self.used.contains_key(&(payer, nonce)) {
            return Err(reason::NONCE_USED);
        }
        if self.balance(payer) < value {
            return Err(reason::INSUFFICIENT_BALANCE);
        }
        Ok(())
    }

    /// Makes a transfer.
    pub(super) fn apply(&mut self, transfer: Transfer) -> Result<(), &'static str> {
        let payment = &transfer.authorization;
        let (from, to, value) = (payment.from, payment.to, payment.value);
        self.check(from, payment.nonce, value)?;
        let grant = self.grant;
        let balance = self.balances.entry(from).or_insert(grant);
        *balance -= value;
        let balance = self.balances.entry(to).or_insert(grant);
        *balance = balance.saturating_add(value);
        let index = self.transfers.len();
        self.used.insert((from, payment.nonce), index);
        self.sent.entry(from).or_default().push(index);
        self.by_transaction.insert(transfer.transaction, index);
        self.transfers.push(transfer);
        Ok(())
    }
}
