//! The instances of one function: how many there are, and which events wait for one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::access::lock;
use super::super::events::{Fact, Facts};
use super::super::identifiers;
use super::super::types::Function;
use super::instance::{self, End};
use super::{Failure, Invocation, Outcome};

/// How long an event waits for an instance; Lambda would refuse at once, but has many more instances to give.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Between two attempts to keep an instance warm that does not come up.
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    function: Function,
    facts: Facts,
    queue: mpsc::UnboundedSender<Invocation>,
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    counts: Mutex<Counts>,
    closing: CancellationToken,
    /// One task for each instance and for each thing that will start one.
    tasks: TaskTracker,
}

#[derive(Debug, Default)]
struct Counts {
    /// Events that no instance has taken.
    queued: usize,
    /// Instances that handle no event: starting ones too, which will take one soon.
    available: usize,
    total: usize,
    failed_starts: u32,
}

impl Pool {
    /// Starts the first instance, so that the first event meets a warm one.
    pub(crate) fn start(function: Function, facts: Facts) -> Pool {
        let (queue, waiting) = mpsc::unbounded_channel();
        let pool = Pool {
            inner: Arc::new(Inner {
                function,
                facts,
                queue,
                waiting: tokio::sync::Mutex::new(waiting),
                counts: Mutex::default(),
                closing: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        };
        pool.grow(true);
        pool
    }

    pub(crate) fn function(&self) -> &Function {
        &self.inner.function
    }

    pub(crate) fn tell(&self, fact: Fact) {
        self.inner
            .facts
            .tell(fact.with("function", &*self.inner.function.name));
    }

    /// Hands `event` to an instance and waits for what becomes of it.
    pub(crate) async fn invoke(
        &self,
        request_id: String,
        trace_id: String,
        event: Bytes,
    ) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let (started, has_started) = oneshot::channel();
        if self.inner.closing.is_cancelled() {
            return Outcome::Gone;
        }
        lock(&self.inner.counts).queued += 1;
        let invocation = Invocation {
            request_id,
            trace_id,
            event,
            started: Some(started),
            reply,
        };
        if self.inner.queue.send(invocation).is_err() {
            return Outcome::Gone;
        }
        self.grow(false);
        tokio::pin!(outcome);
        // Without `biased` order an outcome that comes together with the start could be taken for a missing one.
        let early = tokio::select! {
            biased;
            early = &mut outcome => Some(early),
            started = tokio::time::timeout(WAIT_MAX, has_started) => match started {
                Ok(_) => None,
                Err(_) => return Outcome::Throttled,
            },
        };
        let outcome = match early {
            Some(outcome) => outcome,
            None => outcome.await,
        };
        outcome.unwrap_or_else(|_| {
            Outcome::Failed(Failure::new("Runtime.ExitError", "the instance has gone"))
        })
    }

    /// Ends the instances once they have nothing to do.
    pub(crate) fn close(&self) {
        self.inner.closing.cancel();
        self.inner.tasks.close();
        if lock(&self.inner.counts).total == 0 {
            self.refuse_waiting(&Outcome::Gone);
        }
    }

    /// Returns when the last instance has ended, after [`Pool::close`].
    pub(crate) async fn gone(&self) {
        self.inner.tasks.wait().await;
    }

    pub(crate) async fn closing(&self) {
        self.inner.closing.cancelled().await;
    }

    /// The next event that somebody still waits for. Safe to drop half-way.
    pub(crate) async fn take(&self) -> Invocation {
        let mut waiting = self.inner.waiting.lock().await;
        loop {
            // The pool holds a sender of its own, so the queue never ends.
            let Some(invocation) = waiting.recv().await else {
                std::future::pending().await
            };
            let mut counts = lock(&self.inner.counts);
            counts.queued -= 1;
            if !invocation.reply.is_closed() {
                counts.available -= 1;
                return invocation;
            }
        }
    }

    /// The instance has answered its event.
    pub(crate) fn available_again(&self) {
        lock(&self.inner.counts).available += 1;
    }

    pub(crate) fn has_started(&self) {
        lock(&self.inner.counts).failed_starts = 0;
    }

    /// Whether an idle instance may go. Who gets `true` must go, and is not counted any more.
    pub(crate) fn may_shrink(&self) -> bool {
        let mut counts = lock(&self.inner.counts);
        let enough = counts.total > 1 && counts.available > counts.queued;
        if enough {
            counts.total -= 1;
            counts.available -= 1;
        }
        enough
    }

    /// Starts an instance if an event has to wait without one, or if there is none at all and one is to be kept.
    fn grow(&self, keep_one: bool) {
        let maximum =
            usize::try_from(self.inner.function.instances_max.max(1)).unwrap_or(usize::MAX);
        let mut counts = lock(&self.inner.counts);
        let needed = counts.queued > counts.available || (keep_one && counts.total == 0);
        if !needed || counts.total >= maximum {
            return;
        }
        counts.total += 1;
        counts.available += 1;
        drop(counts);
        let pool = self.clone();
        self.inner.tasks.spawn(async move {
            let end = instance::live(&pool).await;
            pool.ended(end);
        });
    }

    fn ended(&self, end: End) {
        let mut counts = lock(&self.inner.counts);
        match &end {
            // Counted by `may_shrink` already.
            End::Idle => return,
            End::Busy => {}
            End::Free => counts.available -= 1,
            End::NotStarted(_) => {
                counts.available -= 1;
                counts.failed_starts += 1;
            }
        }
        counts.total -= 1;
        let none_left = counts.total == 0;
        let wait = match counts.failed_starts {
            0 => Duration::ZERO,
            failures => BACK_OFF_MAX
                .min(Duration::from_millis(500).saturating_mul(2_u32.saturating_pow(failures))),
        };
        drop(counts);
        match end {
            // Who waits would wait for the same failure again and again.
            End::NotStarted(failure) if none_left => self.refuse_waiting(&Outcome::Failed(failure)),
            _ if none_left && self.inner.closing.is_cancelled() => {
                self.refuse_waiting(&Outcome::Gone)
            }
            _ => {}
        }
        if !self.inner.closing.is_cancelled() {
            self.grow_after(wait);
        }
    }

    fn grow_after(&self, wait: Duration) {
        let pool = self.clone();
        self.inner.tasks.spawn(async move {
            tokio::select! {
                () = pool.closing() => {}
                () = tokio::time::sleep(wait) => pool.grow(true),
            }
        });
    }

    fn refuse_waiting(&self, outcome: &Outcome) {
        // An instance that holds the lock takes the events itself.
        let Ok(mut waiting) = self.inner.waiting.try_lock() else {
            return;
        };
        while let Ok(invocation) = waiting.try_recv() {
            lock(&self.inner.counts).queued -= 1;
            // Who has stopped waiting needs no answer.
            invocation.reply.send(outcome.clone()).ok();
        }
    }

    /// The environment that Lambda gives to every instance.
    pub(crate) fn environment(&self, runtime_api: std::net::SocketAddr) -> Vec<(String, String)> {
        let function = &self.inner.function;
        let variables = [
            ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            (
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                function.memory_mib.to_string(),
            ),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            (
                "AWS_LAMBDA_LOG_GROUP_NAME",
                format!("/aws/lambda/{}", function.name),
            ),
            (
                "AWS_LAMBDA_LOG_STREAM_NAME",
                format!("[$LATEST]{}", hex::encode(identifiers::random::<16>())),
            ),
            ("_HANDLER", "bootstrap".to_owned()),
            ("TZ", ":UTC".to_owned()),
        ];
        variables
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }
}
