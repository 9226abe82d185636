//! Which payments are spoken for. A payment is reserved before the handler runs, so that one signature sent many times at
//! once buys one answer, at whichever instance it arrives.

use super::record::{Answer, Attempt, Key, Phase, Question, Record};
use crate::chain::CLOCK_SKEW_SECONDS;
use crate::store::{Change, Entry, Stamp, Store, StoreError, Write};
use alloy_primitives::B256;
use bytes::Bytes;
use std::sync::Arc;

/// How long an answer is kept for another delivery. After that the facilitator's record of used nonces refuses a replay.
const KEEP_SECONDS: u64 = 600;
/// How long a payment is remembered whose answer is owed, or may be.
const KEEP_OWED_SECONDS: u64 = 86_400;
/// How long after its authorization's end a record is kept at least: the chain's clock can be behind ours.
const KEEP_BEYOND_SECONDS: u64 = 10 * CLOCK_SKEW_SECONDS;
/// How long verifying and the handler may take before another request may go on in their place.
const HANDLER_SECONDS: u64 = 60;
/// The same for a settlement: longer than all that is asked of the facilitator and the chain for it.
const SETTLE_SECONDS: u64 = 120;

/// Shared by all sold routes of a process, and through the store by all instances.
#[derive(Clone)]
pub(super) struct Reservations {
    store: Arc<dyn Store>,
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

    /// Somebody's identifier stands in the way, or the record has just gone.
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

    /// Goes on where somebody stopped: only one of those who try.
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
        Hold {
            reservations: self.clone(),
            key,
            record,
            stamp,
            finished: false,
        }
    }

    /// Gives a payment free again, and its identifier.
    async fn release(&self, key: Key, question: Question, stamp: Stamp) -> Result<(), StoreError> {
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

/// A record outlives its authorization: whoever forgets a payment that can still be settled sells it again.
fn put(key: Key, expected: Option<Stamp>, record: &Record, expires_at: u64) -> Change {
    Change {
        key: key.payment(),
        expected,
        write: Write::Put {
            value: record.encode(),
            expires_at: expires_at.max(record.valid_before.saturating_add(KEEP_BEYOND_SECONDS)),
        },
    }
}

/// Why a hold cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum HoldError {
    #[error("it took too long, and another request has gone on with this payment")]
    Lost,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The right to use a reserved payment. Whatever ends the work early ends the hold in the safe way: free again before the
/// settlement was asked for, open to whoever sends the payment again after.
pub(super) struct Hold {
    reservations: Reservations,
    key: Key,
    record: Record,
    stamp: Stamp,
    finished: bool,
}

impl Hold {
    /// From here on the payment may have been settled; whoever finds it so delivers this answer.
    pub(super) async fn settling(
        &mut self,
        answer: Option<&Answer>,
        found_counts: bool,
    ) -> Result<Attempt, HoldError> {
        let attempt = Attempt::new(crate::now_seconds(), found_counts)?;
        self.keep(answer);
        self.record.attempt = Some(attempt.clone());
        self.write(Phase::Settling, SETTLE_SECONDS, KEEP_OWED_SECONDS)
            .await?;
        Ok(attempt)
    }

    /// One that cannot be kept is made again.
    fn keep(&mut self, answer: Option<&Answer>) {
        let bytes_max = self.reservations.store.value_bytes_max();
        self.record.answer = answer.filter(|answer| answer.bytes() <= bytes_max).cloned();
    }

    /// Whether giving the answer twice does no harm: whoever sends the payment again gets the very same one, and has said
    /// beforehand that it may ask again. Any other payment is answered once.
    pub(super) fn may_repeat(&self) -> bool {
        self.record.answer.is_some() && self.record.question.identifier.is_some()
    }

    /// The facilitator has refused; a transfer that turns up later is not this sale's.
    pub(super) fn found_no_longer_counts(&mut self) {
        if let Some(attempt) = &mut self.record.attempt {
            attempt.found_counts = false;
        }
    }

    /// It was settled, and nobody is there to take the answer: it is owed.
    pub(super) async fn owe(
        &mut self,
        transaction: B256,
        answer: &Answer,
    ) -> Result<(), HoldError> {
        self.keep(Some(answer));
        self.write(Phase::Paid { transaction }, 0, KEEP_OWED_SECONDS)
            .await?;
        self.finished = true;
        Ok(())
    }

    /// It was settled, and the answer is owed.
    pub(super) async fn paid(&mut self, transaction: B256) -> Result<(), HoldError> {
        self.write(
            Phase::Paid { transaction },
            HANDLER_SECONDS,
            KEEP_OWED_SECONDS,
        )
        .await
    }

    /// It was settled, and this is the answer.
    pub(super) async fn done(mut self, answer: &Answer) -> Result<(), HoldError> {
        // Kept for those only who can ask for it again.
        let bytes_max = match self.record.question.identifier {
            Some(_) => self.reservations.store.value_bytes_max(),
            None => 0,
        };
        self.record.answer = Some(answer)
            .filter(|answer| answer.bytes() <= bytes_max)
            .cloned();
        self.finished = true;
        self.write(Phase::Done, 0, KEEP_SECONDS).await
    }

    /// Leaves it, and whatever may be owed, to whoever sends the payment again.
    pub(super) async fn leave(mut self) {
        self.finished = true;
        let phase = self.record.phase.clone();
        if let Err(error) = self.write(phase, 0, KEEP_OWED_SECONDS).await {
            tracing::warn!(%error, "a payment stays reserved until its time is over");
        }
    }

    /// It was certainly not settled.
    pub(super) async fn release(mut self) {
        self.finished = true;
        let question = self.record.question.clone();
        let released = self
            .reservations
            .release(self.key, question, self.stamp)
            .await;
        if let Err(error) = released {
            tracing::warn!(%error, "a payment stays reserved until its time is over");
        }
    }

    async fn write(
        &mut self,
        phase: Phase,
        lease_seconds: u64,
        keep_seconds: u64,
    ) -> Result<(), HoldError> {
        let now = crate::now_seconds();
        self.record.phase = phase;
        self.record.lease_until = match lease_seconds {
            0 => 0,
            seconds => now + seconds,
        };
        let change = put(self.key, Some(self.stamp), &self.record, now + keep_seconds);
        let stamp = Stamp::new()?;
        if !self.reservations.store.change(vec![change], stamp).await? {
            // It is another's now, and not ours to give free.
            self.finished = true;
            return Err(HoldError::Lost);
        }
        self.stamp = stamp;
        Ok(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        // Only a task that was torn down comes here. Without a runtime the lease ends it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let hold = Self {
            reservations: self.reservations.clone(),
            key: self.key,
            record: self.record.clone(),
            stamp: self.stamp,
            finished: true,
        };
        runtime.spawn(async move {
            match hold.record.phase {
                Phase::Reserved => hold.release().await,
                _ => hold.leave().await,
            }
        });
    }
}
