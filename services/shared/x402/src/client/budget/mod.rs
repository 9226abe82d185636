//! What a wallet may still spend. An amount is set aside before anything is signed, in the store that all instances share, and
//! comes back only when the chain says that the payment has not happened and never will.

mod book;
mod decide;

pub(super) use book::Open;
pub(super) use decide::Fate;

use super::PayError;
use crate::chain::Chain;
use crate::exact::Domain;
use crate::receipt::Evidence;
use crate::store::{Change, Entry, Stamp, Store, StoreError, Write};
use crate::{Asset, Receipt, amount};
use alloy_primitives::{Address, B256, U256};
use book::{Book, DAY_SECONDS};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// How long the account and each receipt are kept after they were last written.
const KEEP_SECONDS: u64 = 400 * DAY_SECONDS;
/// Other instances write the same record: the second writer reads it again.
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
    /// The part of it that was signed and may still be charged.
    pub open: U256,
    /// When all of that is decided at the latest, in seconds since 1970; `None` when nothing is open. A time that has passed
    /// means that the chain could not be asked since, or stands still.
    pub open_until: Option<u64>,
    /// The latest last.
    pub receipts: Vec<Receipt>,
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
            Err(PayError::LimitReached { .. } | PayError::Store(_)) if self.sweep().await? > 0 => {
                self.try_reserve(nonce, &open).await
            }
            outcome => outcome,
        }
    }

    async fn try_reserve(&self, nonce: B256, open: &Open) -> Result<(), PayError> {
        let limits = self.limits;
        self.update(&[], |book| book.reserve(nonce, open.clone(), limits))
            .await?
    }

    /// The payment was made, as the chain says, or a receipt of the seller that looks good.
    pub(super) async fn paid(&self, nonce: B256, receipt: &Receipt) -> Result<(), PayError> {
        // Where no chain can be asked, the seller's word is all that there will ever be.
        let decided = receipt.evidence == Evidence::Chain || self.chain.is_none();
        self.update(&[(nonce, receipt)], |book| {
            book.paid(nonce, receipt, decided)
        })
        .await
    }

    /// The payment has not happened and never will.
    pub(super) async fn release(&self, nonce: B256) -> Result<(), PayError> {
        self.update(&[], |book| book.release(nonce)).await
    }

    pub(super) async fn account(&self, session: &str) -> Result<Account, PayError> {
        self.sweep().await?;
        let (_, book) = self.read().await?;
        let until = |open: &Open| super::chargeable_until(open.valid_before);
        Ok(Account {
            spent_today: book.spent_on(crate::now_seconds() / DAY_SECONDS),
            spent_in_session: book.spent_in_session(session),
            open: book.undecided().map(|open| open.amount).sum(),
            open_until: book.undecided().map(until).max(),
            receipts: book.into_receipts(),
        })
    }

    pub(super) fn receipt(&self, open: &Open, transaction: B256, evidence: Evidence) -> Receipt {
        Receipt {
            amount: open.amount.to_string(),
            display_amount: amount::format_decimal(open.amount, self.asset.decimals),
            currency: self.asset.name.clone(),
            network: self.asset.network.clone(),
            asset: self.asset.address.to_checksum(None),
            payer: self.payer.to_checksum(None),
            pay_to: open.pay_to.to_checksum(None),
            transaction: transaction.to_string(),
            resource: open.resource.clone(),
            evidence,
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

    /// Changes the account, and keeps receipts with the same writing. What `change` does may be done several times.
    async fn update<T: Outcome>(
        &self,
        receipts: &[(B256, &Receipt)],
        change: impl Fn(&mut Book) -> T,
    ) -> Result<T, PayError> {
        let expires_at = crate::now_seconds() + KEEP_SECONDS;
        for attempt in 0..TRIES_MAX {
            let (expected, mut book) = self.read().await?;
            let outcome = change(&mut book);
            if outcome.refused() {
                return Ok(outcome);
            }
            let key = format!("wallet/{}", self.key);
            let mut changes = vec![put(key, expected, &book, expires_at)];
            for (nonce, receipt) in receipts {
                let key = format!("receipt/{}/{nonce}", self.key);
                // The seller's own receipt is the first that is kept, unless the chain was faster.
                let expected = match (receipt.evidence, attempt) {
                    (Evidence::Seller, 0) => None,
                    _ => self.store.get(&key).await?.map(|entry| entry.stamp),
                };
                if expected.is_none() || receipt.evidence != Evidence::Seller {
                    changes.push(put(key, expected, receipt, expires_at));
                }
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
