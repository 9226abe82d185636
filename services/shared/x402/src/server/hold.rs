//! The right to use a reserved payment.

use super::record::{Answer, Attempt, Key, Phase, Record};
use super::reservations::{
    HANDLER_SECONDS, KEEP_OWED_SECONDS, KEEP_SECONDS, Reservations, SETTLE_SECONDS, put,
};
use crate::store::{Stamp, StoreError};
use alloy_primitives::B256;

/// Why a hold cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum HoldError {
    #[error("it took too long, and another request has gone on with this payment")]
    Lost,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The right to use a reserved payment. Whatever ends the work early ends the hold in the safe way: free again before the
/// settlement was asked for, open to the next request with the same payment after.
pub(super) struct Hold {
    reservations: Reservations,
    key: Key,
    record: Record,
    stamp: Stamp,
    finished: bool,
}

impl Hold {
    pub(super) fn new(reservations: Reservations, key: Key, record: Record, stamp: Stamp) -> Self {
        Self {
            reservations,
            key,
            record,
            stamp,
            finished: false,
        }
    }

    /// From here on the payment may have been settled; the request that finds it settled delivers this answer.
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

    /// It was settled, and the caller has disconnected: the answer is owed.
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

    /// Leaves it, and the answer that may be owed, to the next request with the same payment.
    pub(super) async fn leave(mut self) {
        self.finished = true;
        let phase = self.record.phase.clone();
        if let Err(error) = self.write(phase, 0, KEEP_OWED_SECONDS).await {
            tracing::warn!(%error, "a payment stays reserved until it expires");
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
            tracing::warn!(%error, "a payment stays reserved until it expires");
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
