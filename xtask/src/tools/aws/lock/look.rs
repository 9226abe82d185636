//! Looking at the lock without taking it.

use super::{Holder, KEY, StageLock, age};

impl StageLock {
    /// Who holds the lock, in words; none when nobody does, or whoever did has been silent for too long.
    ///
    /// # Errors
    /// S3 refuses, or cannot be reached.
    pub(crate) async fn holder(&self) -> anyhow::Result<Option<String>> {
        let Some(found) = self.s3.get(&self.bucket, KEY).await? else {
            return Ok(None);
        };
        let holder: Option<Holder> = serde_json::from_slice(&found.bytes).ok();
        let age = age(&found, holder.as_ref());
        let holder = holder.filter(|_| age < self.timing.lease);
        Ok(holder.map(|holder| holder.sentence(age)))
    }
}
