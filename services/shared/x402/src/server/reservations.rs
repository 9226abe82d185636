//! Reserved payments. A payment is reserved before the handler runs, so that one signature sent many times at
//! once buys one answer, at whichever instance it arrives.

use super::hold::Hold;
use super::record::{Answer, Attempt, Key, Phase, Question, Record};
use crate::chain::CLOCK_SKEW_SECONDS;
use crate::store::{Change, Entry, Stamp, Store, StoreError, Write};
use alloy_primitives::B256;
use bytes::Bytes;
use std::sync::Arc;

/// How long an answer is kept for another delivery. After that the facilitator's record of used nonces refuses a replay.
pub(super) const KEEP_SECONDS: u64 = 600;
/// How long a payment is remembered whose answer is owed, or may be.
pub(super) const KEEP_OWED_SECONDS: u64 = 86_400;
/// How long after its authorization's end a record is kept at least: the chain's clock can be behind ours.
const KEEP_BEYOND_SECONDS: u64 = 10 * CLOCK_SKEW_SECONDS;
/// How long verifying and the handler may take before another request may go on in their place.
pub(super) const HANDLER_SECONDS: u64 = 60;
/// The same for a settlement: longer than all that is asked of the facilitator and the chain for it.
pub(super) const SETTLE_SECONDS: u64 = 120;

/// Shared by all sold routes of a process, and through the store by all instances.
#[derive(Clone)]
pub(super) struct Reservations {
    pub(super) store: Arc<dyn Store>,
}

/// What `reserve` found.
pub(super) enum Reserved {
    /// Ours: go on.
    New(Hold),
    /// The settlement was left open; find out, and deliver this answer if it was paid.
    Reconcile(Hold, Attempt, Option<Answer>),
    /// Paid by this transaction, and not answered: answer without charging, with this if it is there.
    Owed(Hold, B256, Option<Answer>),
    /// Paid, and asked for again by the same request.
    Again(Answer),
    /// The same request is under way.
    Busy,
    /// Spent, or being spent, on something else.
    Used,
    /// The buyer's identifier belongs to another payment.
    IdentifierTaken,
    /// It is not known here, and it was not to be reserved.
    Unknown,
}

impl Reservations {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Reserves a payment, or finds out what became of it. With `may_open` false it is only looked up: a payment that can no
    /// longer be settled still gets the answer that it paid for.
    pub(super) async fn reserve(
        &self,
        key: Key,
        question: Question,
        valid_before: u64,
        may_open: bool,
        now: u64,
    ) -> Result<Reserved, StoreError> {
        let opening = Opening {
            key,
            question: &question,
            valid_before,
        };
        if may_open && let Some(hold) = self.open(&opening, true, now).await? {
            return Ok(Reserved::New(hold));
        }
        let Some(entry) = self.store.get(&key.payment()).await? else {
            return match may_open {
                true => self.without_record(&opening, now).await,
                false => Ok(Reserved::Unknown),
            };
        };
        let record = Record::decode(&entry.value)?;
        if record.question != question {
            return Ok(Reserved::Used);
        }
        let identified = question.identifier.is_some();
        if record.phase == Phase::Done {
            return Ok(match record.answer {
                Some(answer) if identified => Reserved::Again(answer),
                _ => Reserved::Used,
            });
        }
        if record.lease_until > now {
            // Without an identifier a second sending is a replay, as it is for the reference server.
            return Ok(if identified {
                Reserved::Busy
            } else {
                Reserved::Used
            });
        }
        if record.phase == Phase::Reserved && !may_open {
            return Ok(Reserved::Unknown);
        }
        self.take_over(key, record, &entry, now).await
    }

    /// The identifier is taken, or the record has just been deleted.
    async fn without_record(
        &self,
        opening: &Opening<'_>,
        now: u64,
    ) -> Result<Reserved, StoreError> {
        let Some(identifier) = &opening.question.identifier else {
            return Ok(Reserved::Busy);
        };
        let Some(entry) = self.store.get(&opening.key.identifier(identifier)).await? else {
            return Ok(Reserved::Busy);
        };
        if entry.value != opening.question.digest.as_slice() {
            return Ok(Reserved::IdentifierTaken);
        }
        let opened = self.open(opening, false, now).await?;
        Ok(opened.map_or(Reserved::Busy, Reserved::New))
    }

    async fn open(
        &self,
        opening: &Opening<'_>,
        take_identifier: bool,
        now: u64,
    ) -> Result<Option<Hold>, StoreError> {
        let (key, question) = (opening.key, opening.question);
        let record = Record {
            question: question.clone(),
            phase: Phase::Reserved,
            lease_until: now + HANDLER_SECONDS,
            valid_before: opening.valid_before,
            attempt: None,
            answer: None,
        };
        let stamp = Stamp::new()?;
        let mut changes = vec![put(key, None, &record, now + KEEP_SECONDS)];
        if let Some(identifier) = question.identifier.as_ref().filter(|_| take_identifier) {
            changes.push(Change {
                key: key.identifier(identifier),
                expected: None,
                write: Write::Put {
                    value: Bytes::copy_from_slice(question.digest.as_slice()),
                    expires_at: now + KEEP_OWED_SECONDS,
                },
            });
        }
        let made = self.store.change(changes, stamp).await?;
        Ok(made.then(|| self.hold(key, record, stamp)))
    }

    /// Resumes where another request stopped: only one of those that try.
    async fn take_over(
        &self,
        key: Key,
        mut record: Record,
        entry: &Entry,
        now: u64,
    ) -> Result<Reserved, StoreError> {
        let seconds = match record.phase {
            Phase::Settling => SETTLE_SECONDS,
            _ => HANDLER_SECONDS,
        };
        record.lease_until = now + seconds;
        let stamp = Stamp::new()?;
        let change = put(key, Some(entry.stamp), &record, now + KEEP_OWED_SECONDS);
        if !self.store.change(vec![change], stamp).await? {
            return Ok(Reserved::Busy);
        }
        let hold = self.hold(key, record.clone(), stamp);
        Ok(match record.phase {
            Phase::Settling => Reserved::Reconcile(hold, resumed(record.attempt)?, record.answer),
            Phase::Paid { transaction } => Reserved::Owed(hold, transaction, record.answer),
            Phase::Reserved | Phase::Done => Reserved::New(hold),
        })
    }

    fn hold(&self, key: Key, record: Record, stamp: Stamp) -> Hold {
        Hold::new(self.clone(), key, record, stamp)
    }

    /// Gives a payment free again, and its identifier.
    pub(super) async fn release(
        &self,
        key: Key,
        question: Question,
        stamp: Stamp,
    ) -> Result<(), StoreError> {
        let delete = |key, stamp| Change {
            key,
            expected: Some(stamp),
            write: Write::Delete,
        };
        let mut changes = vec![delete(key.payment(), stamp)];
        if let Some(identifier) = &question.identifier {
            let name = key.identifier(identifier);
            let entry = self.store.get(&name).await?;
            let ours = entry.filter(|entry| entry.value == question.digest.as_slice());
            changes.extend(ours.map(|entry| delete(name, entry.stamp)));
        }
        self.store.change(changes, Stamp::new()?).await.map(drop)
    }
}

/// A payment that is seen for the first time.
struct Opening<'a> {
    key: Key,
    question: &'a Question,
    valid_before: u64,
}

fn resumed(attempt: Option<Attempt>) -> Result<Attempt, StoreError> {
    let attempt = match attempt {
        Some(attempt) => attempt,
        // Written before sales had keys.
        None => Attempt::new(0, true)?,
    };
    Ok(Attempt {
        resumed: true,
        ..attempt
    })
}

/// A record outlives its authorization: a seller that forgets a payment that can still be settled sells it again.
pub(super) fn put(key: Key, expected: Option<Stamp>, record: &Record, expires_at: u64) -> Change {
    Change {
        key: key.payment(),
        expected,
        write: Write::Put {
            value: record.encode(),
            expires_at: expires_at.max(record.valid_before.saturating_add(KEEP_BEYOND_SECONDS)),
        },
    }
}
