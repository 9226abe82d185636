//! The record of one wallet: pure bookkeeping, which the store keeps.

#[cfg(test)]
mod tests;

use super::super::PayError;
use super::Limits;
use crate::receipt::{Evidence, Receipt};
use crate::store::StoreError;
use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(super) const DAY_SECONDS: u64 = 86_400;
const RECEIPTS_RECENT: usize = 10;
/// These bound the record, which has to fit a table's item.
const OPEN_MAX: usize = 256;
const CLAIMS_MAX: usize = 128;
const SESSIONS_MAX: usize = 1000;
const SESSION_CHARACTERS_MAX: usize = 128;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Book {
    /// Days since 1970. It never goes back, whatever the clock of an instance says.
    pub(super) day: u64,
    pub(super) day_spent: U256,
    sessions: BTreeMap<String, Session>,
    pub(super) open: BTreeMap<B256, Open>,
    receipts: Vec<Kept>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Session {
    spent: U256,
    /// Seconds since 1970.
    used_at: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    #[serde(default)]
    nonce: Option<B256>,
    #[serde(flatten)]
    receipt: Receipt,
}

/// An authorization that was signed, or may have been, and that the chain has not decided yet. Its amount counts as spent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Open {
    pub(in super::super) amount: U256,
    pub(in super::super) pay_to: Address,
    pub(in super::super) valid_before: u64,
    pub(in super::super) resource: String,
    session: String,
    day: u64,
    /// The transaction that the seller's receipt names.
    #[serde(default)]
    pub(super) claimed: Option<B256>,
}

impl Open {
    pub(in super::super) fn new(
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
            claimed: None,
        }
    }
}

fn shortened(session: &str) -> String {
    session.chars().take(SESSION_CHARACTERS_MAX).collect()
}

impl Book {
    pub(super) fn reserve(
        &mut self,
        nonce: B256,
        mut open: Open,
        limits: Limits,
    ) -> Result<(), PayError> {
        if self.open.contains_key(&nonce) {
            // It is written already, and only the answer of the store was lost.
            return Ok(());
        }
        let now = crate::now_seconds();
        if open.day > self.day {
            self.day = open.day;
            self.day_spent = U256::ZERO;
            // Calls that name no session are one for each day.
            self.sessions.remove("");
        }
        // A purchase that began yesterday, or by a clock that is behind, counts for the day that has begun.
        open.day = self.day;
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
        session.spent = session.spent.saturating_add(open.amount);
        session.used_at = now;
        self.day_spent = self.day_spent.saturating_add(open.amount);
        self.open.insert(nonce, open);
        Ok(())
    }

    /// The payment was made, as the receipt knows. What only the seller says stays open until the chain bears it out.
    pub(super) fn paid(&mut self, nonce: B256, receipt: &Receipt, decided: bool) {
        if decided {
            self.open.remove(&nonce);
        } else if let Some(open) = self.open.get_mut(&nonce) {
            open.claimed = receipt.transaction.parse().ok();
            self.forget_claims();
        }
        match self
            .receipts
            .iter_mut()
            .find(|kept| kept.nonce == Some(nonce))
        {
            Some(kept) if kept.receipt.evidence == Evidence::Chain => {}
            Some(kept) => kept.receipt = receipt.clone(),
            None => self.receipts.push(Kept {
                nonce: Some(nonce),
                receipt: receipt.clone(),
            }),
        }
        let surplus = self.receipts.len().saturating_sub(RECEIPTS_RECENT);
        self.receipts.drain(..surplus);
    }

    /// The payment has not happened and never will, whatever the seller says.
    pub(super) fn release(&mut self, nonce: B256) {
        let Some(open) = self.open.remove(&nonce) else {
            return;
        };
        if self.day == open.day {
            self.day_spent = self.day_spent.saturating_sub(open.amount);
        }
        // The nameless session of another day is forgotten; today's has not spent this.
        let same_session = self.day == open.day || !open.session.is_empty();
        if same_session && let Some(session) = self.sessions.get_mut(&open.session) {
            session.spent = session.spent.saturating_sub(open.amount);
            // There is room for so many sessions, and one that has cost nothing needs none.
            if session.spent.is_zero() {
                self.sessions.remove(&open.session);
            }
        }
        for kept in &mut self.receipts {
            if kept.nonce == Some(nonce) {
                kept.receipt.evidence = Evidence::Refuted;
            }
        }
    }

    pub(super) fn spent_in_session(&self, session: &str) -> U256 {
        let session = self.sessions.get(&shortened(session));
        session.map_or(U256::ZERO, |session| session.spent)
    }

    /// An instance whose clock is behind is told of the day that has begun.
    pub(super) fn spent_on(&self, day: u64) -> U256 {
        if self.day >= day {
            self.day_spent
        } else {
            U256::ZERO
        }
    }

    /// Payments whose outcome is unknown.
    pub(super) fn undecided(&self) -> impl Iterator<Item = &Open> {
        self.open.values().filter(|open| open.claimed.is_none())
    }

    /// The latest last.
    pub(super) fn into_receipts(self) -> Vec<Receipt> {
        self.receipts.into_iter().map(|kept| kept.receipt).collect()
    }

    /// While the chain cannot be asked, receipts pile up; the oldest then count as paid on the seller's word.
    fn forget_claims(&mut self) {
        let claims = self.open.iter().filter(|(_, open)| open.claimed.is_some());
        if claims.clone().count() > CLAIMS_MAX
            && let Some((nonce, _)) = claims.min_by_key(|(_, open)| open.valid_before)
        {
            let nonce = *nonce;
            self.open.remove(&nonce);
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
