//! Recent failures, remembered so that they do not cost gas again.

use alloy_primitives::Address;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::time::Instant;

/// How long "no gas" or "too dear" is believed without being asked again.
const REFUSE_FOR: Duration = Duration::from_secs(10);
/// How long a smart wallet waits that said yes to questions and no to the transaction.
const DISTRUST_FOR: Duration = Duration::from_secs(3600);
const WALLETS_MAX: usize = 4096;

#[derive(Default)]
pub(super) struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Why nothing could be sent for anybody, and when that was.
    refused: Option<(Instant, &'static str)>,
    reverted: HashMap<Address, Instant>,
}

impl Memory {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing can be sent for anybody now.
    pub(super) fn refuse(&self, reason: &'static str) {
        self.inner().refused = Some((Instant::now(), reason));
    }

    /// Why nothing could be sent a moment ago.
    pub(super) fn refusal(&self) -> Option<&'static str> {
        self.refusal_at(Instant::now())
    }

    fn refusal_at(&self, now: Instant) -> Option<&'static str> {
        let (since, reason) = self.inner().refused?;
        (now.duration_since(since) < REFUSE_FOR).then_some(reason)
    }

    /// A transaction for this smart wallet has failed.
    pub(super) fn distrust(&self, wallet: Address) {
        let mut inner = self.inner();
        if inner.reverted.len() >= WALLETS_MAX {
            inner.reverted.clear();
        }
        inner.reverted.insert(wallet, Instant::now());
    }

    pub(super) fn distrusts(&self, wallet: Address) -> bool {
        self.distrusts_at(Instant::now(), wallet)
    }

    fn distrusts_at(&self, now: Instant, wallet: Address) -> bool {
        let inner = self.inner();
        let since = inner.reverted.get(&wallet);
        since.is_some_and(|since| now.duration_since(*since) < DISTRUST_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets() {
        let memory = Memory::default();
        let wallet = Address::repeat_byte(1);
        assert_eq!((memory.refusal(), memory.distrusts(wallet)), (None, false));
        memory.refuse("dear");
        memory.distrust(wallet);
        assert_eq!(memory.refusal(), Some("dear"));
        let later = Instant::now() + REFUSE_FOR;
        assert_eq!(memory.refusal_at(later), None);
        assert!(memory.distrusts_at(later, wallet));
        assert!(!memory.distrusts_at(later + DISTRUST_FOR, wallet));
    }
}
