//! Looking at the lock without wanting it.

use std::time::Duration;

use super::{Holder, KEY, Only, StageLock, Written, age};
use crate::s3::Object;

impl StageLock {
    /// Who holds the lock, in words; none when nobody does, or whoever did has been silent for too long.
    ///
    /// # Errors
    /// S3 refuses, or cannot be reached.
    pub async fn holder(&self) -> anyhow::Result<Option<String>> {
        let Some(found) = self.s3.get(&self.bucket, KEY).await? else {
            return Ok(None);
        };
        let holder: Option<Holder> = serde_json::from_slice(&found.bytes).ok();
        let age = age(&found, holder.as_ref());
        let holder = holder.filter(|_| age < self.timing.lease);
        Ok(holder.map(|holder| holder.sentence(age)))
    }

    /// Removes the lock of a run that was killed. A living owner's stays.
    ///
    /// # Errors
    /// S3 refuses, or cannot be reached.
    pub async fn sweep(&self, me: &Holder) -> anyhow::Result<()> {
        let Some(found) = self.s3.get(&self.bucket, KEY).await? else {
            return Ok(());
        };
        let holder: Option<Holder> = serde_json::from_slice(&found.bytes).ok();
        if !self.is_abandoned(&found, holder.as_ref(), me, Duration::ZERO) {
            return Ok(());
        }
        // Taken first, so that it is let go of and not taken from somebody who took it meanwhile.
        match self.write(me, Only::IfMatch(&found.etag)).await? {
            Written::Done(etag) => self.guard(me, etag, holder).release().await,
            _ => Ok(()),
        }
    }

    /// True when the owner is known to be gone, or has been silent for the lease: `watched` is for how long we saw no change.
    pub fn is_abandoned(
        &self,
        found: &Object,
        holder: Option<&Holder>,
        me: &Holder,
        watched: Duration,
    ) -> bool {
        holder.is_some_and(|holder| holder.is_gone(me))
            || age(found, holder).max(watched) >= self.timing.lease
    }
}
