//! The heartbeat of a lock that is held.

use anyhow::Context;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Holder, KEY, StageLock};
use crate::s3::{Only, Written};

pub(super) struct Beat {
    pub lock: StageLock,
    pub me: Holder,
    /// The version of the object that we wrote last.
    pub etag: String,
    pub lost: CancellationToken,
    pub stop: CancellationToken,
}

impl Beat {
    /// Renews the lock until it is to be let go, which it then does, or until it is lost.
    pub(super) async fn run(mut self) -> anyhow::Result<()> {
        let timing = self.lock.timing;
        // Others count from when S3 wrote, which is after we began to.
        let mut alive = Instant::now();
        let stop = self.stop.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.let_go().await,
                () = tokio::time::sleep(timing.beat) => {}
            }
            let begun = Instant::now();
            let renewed = tokio::select! {
                biased;
                () = stop.cancelled() => return self.let_go().await,
                renewed = tokio::time::timeout(timing.lease / 3, self.renew()) => renewed,
            };
            match renewed {
                Ok(Ok(Renewed::Yes)) => alive = begun,
                Ok(Ok(Renewed::Lost)) => {
                    self.lost.cancel();
                    return Ok(());
                }
                // Out of reach: the lease has room for a few of these.
                Ok(Ok(Renewed::Unknown) | Err(_)) | Err(_) => {}
            }
            if alive.elapsed() + timing.beat >= timing.lease {
                // Somebody may take over from now on. Whether somebody has is seen when letting go.
                self.lost.cancel();
                stop.cancelled().await;
                return self.let_go().await;
            }
        }
    }

    async fn renew(&mut self) -> anyhow::Result<Renewed> {
        if let Written::Done(etag) = self.lock.write(&self.me, Only::IfMatch(&self.etag)).await? {
            self.etag = etag;
            return Ok(Renewed::Yes);
        }
        // Taken over; or written by us before, and the answer was lost.
        match self.ours().await? {
            Some(etag) if etag != self.etag => {
                self.etag = etag;
                Ok(Renewed::Yes)
            }
            Some(_) => Ok(Renewed::Unknown),
            None => Ok(Renewed::Lost),
        }
    }

    /// The version that is there now, if it is ours.
    async fn ours(&self) -> anyhow::Result<Option<String>> {
        let found = self.lock.s3.get(&self.lock.bucket, KEY).await?;
        Ok(found.and_then(|found| {
            let holder: Holder = serde_json::from_slice(&found.bytes).ok()?;
            (holder.id == self.me.id).then_some(found.etag)
        }))
    }

    async fn let_go(&self) -> anyhow::Result<()> {
        let what = || "cannot let go of the lock; it goes by itself in half a minute".to_owned();
        let (s3, bucket) = (&self.lock.s3, &self.lock.bucket);
        let gone = s3.delete(bucket, KEY, &self.etag).await;
        if gone.with_context(what)? {
            return Ok(());
        }
        // A heartbeat that was under way may have arrived after all.
        if let Some(etag) = self.ours().await.with_context(what)? {
            s3.delete(bucket, KEY, &etag).await.with_context(what)?;
        }
        Ok(())
    }
}

enum Renewed {
    Yes,
    Unknown,
    Lost,
}
