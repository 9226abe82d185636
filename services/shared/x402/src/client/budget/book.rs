//! The record of one wallet: pure bookkeeping, which the store keeps.

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

    /// What nobody knows the outcome of.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Step {
        Reserve { day: u64, amount: u64, session: u8 },
        Paid(usize),
        Claimed(usize),
        Release(usize),
    }

    /// A purchase, and the day that it counts for.
    struct Counted {
        day: u64,
        amount: u64,
        session: u8,
        counts: bool,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (20_000u64..20_004, 1u64..40, 0u8..3)
                .prop_map(|(day, amount, session)| Step::Reserve { day, amount, session }),
            1 => any::<usize>().prop_map(Step::Paid),
            1 => any::<usize>().prop_map(Step::Claimed),
            2 => any::<usize>().prop_map(Step::Release),
        ]
    }

    fn open(day: u64, amount: u64, session: u8) -> Open {
        Open {
            day,
            ..Open::new(
                U256::from(amount),
                Address::ZERO,
                0,
                String::new(),
                name(session),
            )
        }
    }

    /// The first has no name, and is one for each day.
    fn name(session: u8) -> &'static str {
        ["", "one", "two"][usize::from(session)]
    }

    fn receipt(evidence: Evidence) -> Receipt {
        Receipt {
            transaction: B256::repeat_byte(1).to_string(),
            evidence,
            ..Receipt::default()
        }
    }

    const LIMITS: Limits = Limits {
        session_max: U256::from_limbs([150, 0, 0, 0]),
        day_max: U256::from_limbs([100, 0, 0, 0]),
    };

    proptest! {
        /// Whatever the order of the days: the day goes forwards only, and what counts for it is all that was reserved since
        /// it began and never released.
        #[test]
        fn days_only_go_forwards(steps in proptest::collection::vec(step(), 1..60)) {
            let mut book = Book::default();
            let mut counted: Vec<Counted> = Vec::new();
            let mut decided = Vec::new();
            for step in steps {
                let before = book.day;
                let nonce = |index: usize| B256::from(U256::from(index).to_be_bytes());
                match step {
                    Step::Reserve { day, amount, session } => {
                        let reserved = book.reserve(nonce(counted.len()), open(day, amount, session), LIMITS);
                        counted.push(Counted { day: before.max(day), amount, session, counts: reserved.is_ok() });
                    }
                    Step::Paid(index) | Step::Claimed(index) | Step::Release(index) if counted.is_empty() => { let _nothing_to_decide = index; }
                    Step::Paid(index) => {
                        let index = index % counted.len();
                        decided.push(index);
                        book.paid(nonce(index), &receipt(Evidence::Chain), true);
                    }
                    Step::Claimed(index) => book.paid(nonce(index % counted.len()), &receipt(Evidence::Seller), false),
                    Step::Release(index) => {
                        let index = index % counted.len();
                        book.release(nonce(index));
                        counted[index].counts &= decided.contains(&index);
                    }
                }
                prop_assert!(book.day >= before, "from {before} to {}", book.day);
                let sum = |of: &dyn Fn(&Counted) -> bool| {
                    U256::from(counted.iter().filter(|one| one.counts && of(one)).map(|one| one.amount).sum::<u64>())
                };
                prop_assert_eq!(book.day_spent, sum(&|one| one.day == book.day));
                prop_assert!(book.day_spent <= LIMITS.day_max);
                for session in 0..3u8 {
                    let spent = book.spent_in_session(name(session));
                    prop_assert_eq!(spent, sum(&|one| one.session == session && (session > 0 || one.day == book.day)));
                    prop_assert!(spent <= LIMITS.session_max);
                }
            }
        }
    }

    #[test]
    fn a_receipt_is_kept_once_and_refuted_by_the_chain() {
        let nonce = B256::repeat_byte(7);
        let mut book = Book::default();
        book.reserve(nonce, open(1, 10, 0), LIMITS).unwrap();
        assert_eq!(book.undecided().count(), 1);
        book.paid(nonce, &receipt(Evidence::Seller), false);
        assert_eq!((book.undecided().count(), book.open.len()), (0, 1));
        let mut refuted = book.clone();
        refuted.release(nonce);
        assert_eq!(refuted.day_spent, U256::ZERO);
        assert_eq!(refuted.into_receipts(), [receipt(Evidence::Refuted)]);
        book.paid(nonce, &receipt(Evidence::Chain), true);
        book.paid(nonce, &receipt(Evidence::Seller), false);
        book.release(nonce);
        assert_eq!((book.open.len(), book.day_spent), (0, U256::from(10)));
        assert_eq!(book.into_receipts(), [receipt(Evidence::Chain)]);
    }

    #[test]
    fn receipts_that_nobody_can_confirm_do_not_stop_the_buyer() {
        let mut book = Book::default();
        for number in 0..1_000u64 {
            let nonce = B256::from(U256::from(number).to_be_bytes());
            book.reserve(nonce, open(1, 10, 0), Limits::NONE).unwrap();
            book.paid(nonce, &receipt(Evidence::Seller), false);
        }
        assert_eq!(
            (book.open.len(), book.day_spent),
            (CLAIMS_MAX, U256::from(10_000))
        );
    }

    #[test]
    fn records_of_earlier_versions_are_read() {
        let text = r#"{"day":20000,"day_spent":"0x0","sessions":{},"open":{"0x0101010101010101010101010101010101010101010101010101010101010101":{"amount":"0xa","pay_to":"0x0000000000000000000000000000000000000000","valid_before":5,"resource":"r","session":"","day":20000}},"receipts":[{"amount":"1","displayAmount":"0.1","currency":"USDC","network":"n","asset":"a","payer":"p","payTo":"t","transaction":"0x1","resource":"r"}]}"#;
        let book: Book = serde_json::from_str(text).unwrap();
        assert_eq!(book.undecided().count(), 1);
        assert_eq!(book.into_receipts()[0].evidence, Evidence::Seller);
    }
}
