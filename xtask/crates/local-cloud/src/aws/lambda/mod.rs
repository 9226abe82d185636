//! Lambda: functions whose instances are real processes that poll a real Runtime API.

mod instance;
mod payload;
mod pool;
mod runtime_api;
mod url;

use std::collections::HashMap;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::events::Facts;
use super::types::Function;
use pool::Pool;
pub(super) use url::function_url;

/// The largest event and the largest answer, as at AWS.
const PAYLOAD_BYTES_MAX: usize = 6 * 1024 * 1024;

/// One event on its way to an instance.
pub(super) struct Invocation {
    request_id: String,
    trace_id: String,
    event: Bytes,
    /// Told as soon as an instance has the event.
    started: Option<oneshot::Sender<()>>,
    reply: oneshot::Sender<Outcome>,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// What the function answered.
    Answered(Bytes),
    /// The function said that it failed, broke down, or did not come to an end.
    Failed(Failure),
    /// No instance was free for too long.
    Throttled,
    /// The function has been removed.
    Gone,
}

/// `error_type` is Lambda's: `Runtime.ExitError`, `Sandbox.Timedout`, or the function's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    error_type: String,
    message: String,
}

impl Failure {
    fn new(error_type: &str, message: impl Into<String>) -> Failure {
        Failure {
            error_type: error_type.to_owned(),
            message: message.into(),
        }
    }
}

/// All functions by ARN.
#[derive(Default)]
pub(super) struct Functions {
    pools: HashMap<String, Pool>,
}

impl Functions {
    /// The function that was there before finishes what it has.
    pub(super) fn put(&mut self, function: Function, facts: Facts) {
        let arn = function.arn.clone();
        if let Some(before) = self.pools.insert(arn, Pool::start(function, facts)) {
            before.close();
        }
    }

    /// Closes the function; wait for [`Pool::gone`] of what comes back.
    pub(super) fn remove(&mut self, arn: &str) -> Option<Pool> {
        self.pools.remove(arn).inspect(Pool::close)
    }

    pub(super) fn remove_all(&mut self) -> Vec<Pool> {
        self.pools
            .drain()
            .map(|(_, pool)| pool)
            .inspect(Pool::close)
            .collect()
    }

    fn find(&self, arn: &str) -> Option<Pool> {
        self.pools.get(arn).cloned()
    }
}
