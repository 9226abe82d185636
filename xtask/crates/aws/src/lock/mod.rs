//! One deploy at a time for each stage: an object in the stage's bucket that says who is at it.
//!
//! S3 decides who gets it, by conditional writes. The holder writes it anew every few seconds; when it has not done so for the
//! lease, or its process is known to be gone, the next one takes it over. Ages are by S3's clock, never by two machines' clocks.

mod beat;
mod holder;
mod look;
#[cfg(test)]
mod tests;

use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::s3::{Object, Only, S3, Written};
use beat::Beat;
pub use holder::Holder;
use words::error::UserError;

const KEY: &str = "lock.json";
/// How often somebody else may be quicker, and how long is waited, longer each time.
const MISSES_MAX: u32 = 20;
const PAUSE: Duration = Duration::from_millis(20);

/// How often the holder shows that it is alive, and how long it may be silent.
#[derive(Debug, Clone, Copy)]
struct Timing {
    beat: Duration,
    lease: Duration,
}

const TIMING: Timing = Timing {
    beat: Duration::from_secs(5),
    lease: Duration::from_secs(30),
};

/// The lock of one stage, which is where its bucket is.
#[derive(Debug, Clone)]
pub struct StageLock {
    s3: S3,
    bucket: String,
    timing: Timing,
}

/// The right to deploy. It goes on being renewed until it is let go or lost.
#[derive(Debug)]
pub struct LockGuard {
    /// Whose lock this was, when its owner was gone.
    pub took_over: Option<Holder>,
    lost: CancellationToken,
    stop: CancellationToken,
    beat: Option<JoinHandle<anyhow::Result<()>>>,
}

impl StageLock {
    pub fn new(s3: &S3, bucket: &str) -> Self {
        Self {
            s3: s3.clone(),
            bucket: bucket.to_owned(),
            timing: TIMING,
        }
    }

    /// Takes the lock. One that has been silent for longer than it should is waited for, at most until its lease is over;
    /// `waiting` is told once, in words.
    ///
    /// # Errors
    /// Somebody else deploys, who is named; or S3 refuses or cannot be reached.
    pub async fn acquire(
        &self,
        me: &Holder,
        mut waiting: impl FnMut(&str),
    ) -> anyhow::Result<LockGuard> {
        let mut watched: Option<(String, Instant)> = None;
        let mut misses = 0;
        loop {
            // What was there a moment ago is gone, or what was gone is there: somebody else is quicker.
            if misses > 0 {
                tokio::time::sleep(PAUSE * misses).await;
            }
            if misses == MISSES_MAX {
                let problem = "the lock of the stage is taken and let go again and again";
                let hint = "something deploys in a loop: find it (s3://.../lock.json names it), or try again";
                return Err(UserError::new(problem).hint(hint).into());
            }
            if let Written::Done(etag) = self.write(me, Only::IfAbsent).await? {
                return Ok(self.guard(me, etag, None));
            }
            let Some(found) = self.s3.get(&self.bucket, KEY).await? else {
                misses += 1;
                continue;
            };
            let holder: Option<Holder> = serde_json::from_slice(&found.bytes).ok();
            if holder.as_ref().is_some_and(|holder| holder.id == me.id) {
                // Our own write, whose answer was lost.
                return Ok(self.guard(me, found.etag, None));
            }
            let since = match &watched {
                Some((etag, since)) if *etag == found.etag => since.elapsed(),
                _ => Duration::ZERO,
            };
            if self.is_abandoned(&found, holder.as_ref(), me, since) {
                if let Written::Done(etag) = self.write(me, Only::IfMatch(&found.etag)).await? {
                    return Ok(self.guard(me, etag, holder));
                }
                misses += 1;
                continue;
            }
            let age = age(&found, holder.as_ref());
            let sentence = holder.map_or_else(
                || format!("somebody holds the lock, last seen {} s ago", age.as_secs()),
                |holder| holder.sentence(age),
            );
            // A beat may be late, and one missing is a sign.
            if age < self.timing.beat * 2 {
                let hint = "wait until it has ended; both at once would undo each other's work";
                return Err(UserError::new(sentence).hint(hint).into());
            }
            if watched.is_none() {
                waiting(&format!("{sentence}; waiting whether it is still there"));
            }
            if watched.as_ref().is_none_or(|(etag, _)| *etag != found.etag) {
                watched = Some((found.etag, Instant::now()));
            }
            tokio::time::sleep(self.timing.beat / 2).await;
        }
    }

    async fn write(&self, me: &Holder, only: Only<'_>) -> anyhow::Result<Written> {
        let bytes = serde_json::to_vec_pretty(&me.alive(self.timing.lease))
            .context("cannot write down who holds the lock")?;
        self.s3.put(&self.bucket, KEY, bytes.into(), only).await
    }

    fn guard(&self, me: &Holder, etag: String, took_over: Option<Holder>) -> LockGuard {
        let (lost, stop) = (CancellationToken::new(), CancellationToken::new());
        let beat = Beat {
            lock: self.clone(),
            me: me.clone(),
            etag,
            lost: lost.clone(),
            stop: stop.clone(),
        };
        LockGuard {
            took_over,
            lost,
            stop,
            beat: Some(tokio::spawn(beat.run())),
        }
    }
}

/// How long ago the object was written: by S3's clock, or if that is not known by its own words.
fn age(found: &Object, holder: Option<&Holder>) -> Duration {
    let own = || holder.map(Holder::last_seen);
    found.age.or_else(own).unwrap_or_default()
}

impl LockGuard {
    /// Cancelled when the lock is not ours any more: whatever it protects has to stop.
    pub fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Lets the lock go, on every ordinary way out. After a crash it goes by itself when the lease is over.
    ///
    /// # Errors
    /// S3 refuses, or cannot be reached.
    pub async fn release(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        match self.beat.take() {
            Some(beat) => beat.await.context("the lock's heartbeat broke off")?,
            None => Ok(()),
        }
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        // The heartbeat lets go by itself, if the runtime lives that long.
        self.stop.cancel();
    }
}
