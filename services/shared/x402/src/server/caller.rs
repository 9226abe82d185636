//! The caller, who waits for an answer and may stop waiting.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// Whether the caller still waits for the answer.
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

/// Held by the future that the connection waits for, which is dropped when the caller disconnects.
pub(super) struct Presence(Caller);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}

/// Work that is done where it is waited for, and goes on in a task of its own when nobody waits any more. A task from the
/// beginning would do the same, and cost every sale its way to another thread and back.
pub(super) struct Detachable<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send> + Send + 'static> Detachable<F> {
    pub(super) fn new(work: F) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Detachable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let Some(work) = &mut self.0 else {
            // Asked again after its end, as no caller does.
            return Poll::Pending;
        };
        let output = ready!(work.as_mut().poll(task));
        self.0 = None;
        Poll::Ready(output)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Detachable<F> {
    fn drop(&mut self) {
        // Without a runtime the process ends, and what is noted in the store has to do.
        if let Some(work) = self.0.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            runtime::spawn_to_end(work);
        }
    }
}
