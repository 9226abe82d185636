//! What a wallet may still spend. An amount is set aside before anything is signed, in the store that all instances share, and
//! comes back only when the chain says that the payment has not happened and never will.

use super::PayError;
use crate::chain::{CLOCK_SKEW_SECONDS, Chain, ExpectedTransfer, PaymentState};
use crate::exact::Domain;
use crate::store::{Change, Entry, Stamp, Store, StoreError, Write};
use crate::{Asset, Receipt, amount};
use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const DAY_SECONDS: u64 = 86_400;
/// How long the account and each receipt are kept after they were last written.
const KEEP_SECONDS: u64 = 400 * DAY_SECONDS;
const RECEIPTS_RECENT: usize = 10;
/// Both bound the account's record, which has to fit a table's item.
const OPEN_MAX: usize = 256;
const SESSIONS_MAX: usize = 1000;
const SESSION_CHARACTERS_MAX: usize = 128;
/// Other instances write the same record: whoever comes second looks again.
const TRIES_MAX: u32 = 40;

/// What is never passed, in atomic units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For all calls of one session.
    pub session_max: U256,
    /// For all calls of one day, in UTC.
    pub day_max: U256,
}

impl Limits {
    pub const NONE: Self = Self {
        session_max: U256::MAX,
        day_max: U256::MAX,
    };
}

/// What a wallet has spent and may still spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub spent_today: U256,
    pub spent_in_session: U256,
    /// The part of it whose outcome is not known yet.
    pub open: U256,
    /// The latest last.
    pub receipts: Vec<Receipt>,
}

/// The record of one wallet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Book {
    /// Days since 1970.
    day: u64,
    day_spent: U256,
    sessions: BTreeMap<String, Session>,
    open: BTreeMap<B256, Open>,
    receipts: Vec<Receipt>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Session {
    spent: U256,
    /// Seconds since 1970.
    used_at: u64,
}

/// An authorization that was signed, or may have been.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) amount: U256,
    pub(super) pay_to: Address,
    pub(super) valid_before: u64,
    pub(super) resource: String,
    pub(super) session: String,
    day: u64,
}

impl Open {
    pub(super) fn new(
        amount: U256,
        pay_to: Address,
        valid_before: u64,
        resource: String,
        session: &str,
    ) -> Self {
        Self {
            amount,
            pay_to,
            valid_before,
            resource,
            session: shortened(session),
            day: crate::now_seconds() / DAY_SECONDS,
        }
    }
}

fn shortened(session: &str) -> String {
    session.chars().take(SESSION_CHARACTERS_MAX).collect()
}

/// The account of one wallet.
#[derive(Clone)]
pub(super) struct Budget {
    store: Arc<dyn Store>,
    chain: Option<Arc<dyn Chain>>,
    pub(super) limits: Limits,
    asset: Asset,
    payer: Address,
    key: String,
}

impl Budget {
    pub(super) fn new(
        store: Arc<dyn Store>,
        chain: Option<Arc<dyn Chain>>,
        limits: Limits,
        asset: Asset,
        domain: Domain,
        payer: Address,
    ) -> Self {
        let key = format!("{}/{payer}", domain.separator());
        Self {
            store,
            chain,
            limits,
            asset,
            payer,
            key,
        }
    }

    /// Sets an amount aside. From here on it counts as spent.
    pub(super) async fn reserve(&self, nonce: B256, open: Open) -> Result<(), PayError> {
        match self.try_reserve(nonce, &open).await {
            // What is over, and was never charged, makes room.
            Err(PayError::LimitReached { .. }) if self.sweep().await? > 0 => {
                self.try_reserve(nonce, &open).await
            }
            outcome => outcome,
        }
    }

    async fn try_reserve(&self, nonce: B256, open: &Open) -> Result<(), PayError> {
        let limits = self.limits;
        self.update(None, |book| book.reserve(nonce, open.clone(), limits))
            .await?
    }

    /// The payment was made.
    pub(super) async fn paid(&self, nonce: B256, receipt: &Receipt) -> Result<(), PayError> {
        self.update(Some((nonce, receipt)), |book| {
            book.open.remove(&nonce);
            book.receipts.push(receipt.clone());
            let surplus = book.receipts.len().saturating_sub(RECEIPTS_RECENT);
            book.receipts.drain(..surplus);
        })
        .await
    }

    /// The payment has not happened and never will.
    async fn release(&self, nonce: B256) -> Result<(), PayError> {
        self.update(None, |book| book.release(nonce)).await
    }

    /// Looks at payments whose time is over. Returns how many of them were never made.
    pub(super) async fn sweep(&self) -> Result<usize, PayError> {
        let Some(chain) = &self.chain else {
            return Ok(0);
        };
        let (_, book) = self.read().await?;
        let over = crate::now_seconds().saturating_sub(CLOCK_SKEW_SECONDS);
        let mut released = 0;
        let due = book
            .open
            .into_iter()
            .filter(|(_, open)| open.valid_before < over);
        for (nonce, open) in due {
            let expected = self.expected(nonce, &open);
            match chain.payment_state(&expected).await {
                Ok(PaymentState::Paid { transaction, .. }) => {
                    let receipt = self.receipt(&open, transaction.to_string());
                    self.paid(nonce, &receipt).await?;
                }
                Ok(PaymentState::Unused | PaymentState::Void) => {
                    self.release(nonce).await?;
                    released += 1;
                }
                Ok(PaymentState::Unknown) => {}
                Err(error) => {
                    tracing::warn!(%error, "an open payment cannot be looked up");
                    break;
                }
            }
        }
        Ok(released)
    }

    /// What the chain has to show for a payment of ours to be made. Its nonce is as old as the authorization itself.
    fn expected(&self, nonce: B256, open: &Open) -> ExpectedTransfer {
        ExpectedTransfer {
            asset: self.asset.address,
            payer: self.payer,
            pay_to: open.pay_to,
            amount: open.amount,
            nonce,
            not_before: open.valid_before.saturating_sub(super::VALID_SECONDS_MAX),
            valid_before: open.valid_before,
        }
    }

    pub(super) async fn account(&self, session: &str) -> Result<Account, PayError> {
        self.sweep().await?;
        let (_, book) = self.read().await?;
        let today = crate::now_seconds() / DAY_SECONDS;
        let session = book.sessions.get(&shortened(session));
        Ok(Account {
            spent_today: if book.day == today {
                book.day_spent
            } else {
                U256::ZERO
            },
            spent_in_session: session.map_or(U256::ZERO, |session| session.spent),
            open: book.open.values().map(|open| open.amount).sum(),
            receipts: book.receipts,
        })
    }

    pub(super) fn receipt(&self, open: &Open, transaction: String) -> Receipt {
        Receipt {
            amount: open.amount.to_string(),
            display_amount: amount::format_decimal(open.amount, self.asset.decimals),
            currency: self.asset.name.clone(),
            network: self.asset.network.clone(),
            asset: self.asset.address.to_checksum(None),
            payer: self.payer.to_checksum(None),
            pay_to: open.pay_to.to_checksum(None),
            transaction,
            resource: open.resource.clone(),
        }
    }

    async fn read(&self) -> Result<(Option<Stamp>, Book), PayError> {
        let entry = self.store.get(&format!("wallet/{}", self.key)).await?;
        match entry {
            None => Ok((None, Book::default())),
            Some(Entry { stamp, value }) => {
                let book = serde_json::from_slice(&value)
                    .map_err(|error| StoreError(format!("the wallet's record: {error}")))?;
                Ok((Some(stamp), book))
            }
        }
    }

    /// Changes the account, and keeps a receipt with the same writing. What `change` does may be done several times.
    async fn update<T: Outcome>(
        &self,
        receipt: Option<(B256, &Receipt)>,
        change: impl Fn(&mut Book) -> T,
    ) -> Result<T, PayError> {
        let expires_at = crate::now_seconds() + KEEP_SECONDS;
        for attempt in 0..TRIES_MAX {
            let (expected, mut book) = self.read().await?;
            let outcome = change(&mut book);
            if outcome.refused() {
                return Ok(outcome);
            }
            let mut changes = vec![put(
                format!("wallet/{}", self.key),
                expected,
                &book,
                expires_at,
            )];
            if let Some((nonce, receipt)) = receipt {
                let key = format!("receipt/{}/{nonce}", self.key);
                if attempt > 0 && self.store.get(&key).await?.is_some() {
                    return Ok(outcome);
                }
                changes.push(put(key, None, receipt, expires_at));
            }
            let stamp = Stamp::new()?;
            if self.store.change(changes, stamp).await? {
                return Ok(outcome);
            }
            crate::sleep(pause(attempt)).await;
        }
        Err(StoreError("the wallet's record is too busy".into()).into())
    }
}

/// Whether there is anything to write.
trait Outcome {
    fn refused(&self) -> bool {
        false
    }
}

impl Outcome for () {}

impl Outcome for Result<(), PayError> {
    fn refused(&self) -> bool {
        self.is_err()
    }
}

fn put(key: String, expected: Option<Stamp>, value: &impl Serialize, expires_at: u64) -> Change {
    let value =
        serde_json::to_vec(value).expect("records have text keys only, which JSON always takes");
    Change {
        key,
        expected,
        write: Write::Put {
            value: value.into(),
            expires_at,
        },
    }
}

/// Short, and different for each of those who wait.
fn pause(attempt: u32) -> Duration {
    let spread = getrandom::u32().unwrap_or_default() % 8;
    Duration::from_millis(u64::from((1 << attempt.min(5)) + spread))
}

impl Book {
    fn reserve(&mut self, nonce: B256, open: Open, limits: Limits) -> Result<(), PayError> {
        let now = crate::now_seconds();
        if self.day != open.day {
            self.day = open.day;
            self.day_spent = U256::ZERO;
            // Calls that name no session are one for each day.
            self.sessions.remove("");
        }
        self.forget_sessions(now);
        if self.open.len() >= OPEN_MAX {
            return Err(StoreError("too many payments have an unknown outcome".into()).into());
        }
        if self.sessions.len() >= SESSIONS_MAX && !self.sessions.contains_key(&open.session) {
            return Err(StoreError("too many sessions have paid today".into()).into());
        }
        let session = self.sessions.entry(open.session.clone()).or_default();
        for (which, spent, limit) in [
            ("session", session.spent, limits.session_max),
            ("day", self.day_spent, limits.day_max),
        ] {
            let price = open.amount;
            if spent.saturating_add(price) > limit {
                return Err(PayError::LimitReached {
                    which,
                    price,
                    spent,
                    limit,
                });
            }
        }
        session.spent += open.amount;
        session.used_at = now;
        self.day_spent += open.amount;
        self.open.insert(nonce, open);
        Ok(())
    }

    fn release(&mut self, nonce: B256) {
        let Some(open) = self.open.remove(&nonce) else {
            return;
        };
        if self.day == open.day {
            self.day_spent = self.day_spent.saturating_sub(open.amount);
        }
        if let Some(session) = self.sessions.get_mut(&open.session) {
            session.spent = session.spent.saturating_sub(open.amount);
        }
    }

    /// Only those that have been silent for a day, and only for room. AgentCore ends a session after eight hours.
    fn forget_sessions(&mut self, now: u64) {
        if self.sessions.len() >= SESSIONS_MAX {
            self.sessions
                .retain(|_, session| session.used_at + DAY_SECONDS > now);
        }
    }
}
