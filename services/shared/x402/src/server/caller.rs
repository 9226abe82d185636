//! Whoever waits for an answer, and may stop waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether somebody still waits for the answer.
#[derive(Clone, Default)]
pub(super) struct Caller(Arc<AtomicBool>);

impl Caller {
    /// A caller, who is there for as long as the presence is held.
    pub(super) fn present() -> (Self, Presence) {
        let caller = Self::default();
        (caller.clone(), Presence(caller))
    }

    pub(super) fn is_gone(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Held by the future that the connection waits for: it goes away with the caller.
pub(super) struct Presence(Caller);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}
