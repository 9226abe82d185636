//! Everybody's clock. The shop's is the one that the others are held against; wallets and the chain may differ from it.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    /// The shop's, in seconds since 1970; zero for the system's.
    static SHOP: Cell<u64> = const { Cell::new(0) };
    /// How far the clock of whoever is running now is ahead of it.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
    static CHAIN_AHEAD: Cell<i64> = const { Cell::new(0) };
}

/// The clock of whoever runs now.
pub(crate) fn clock() -> Option<u64> {
    let shop = SHOP.get();
    (shop > 0).then(|| shop.saturating_add_signed(AHEAD.get()))
}

pub(crate) fn chain_seconds() -> u64 {
    SHOP.get().saturating_add_signed(CHAIN_AHEAD.get())
}

pub(crate) fn set_clock(now: u64) {
    SHOP.set(now);
}

pub(crate) fn set_chain_ahead(seconds: i64) {
    CHAIN_AHEAD.set(seconds);
}

/// Work whose clock is ahead of the shop's by this, or behind it.
pub(crate) struct Ahead<F> {
    seconds: i64,
    work: Pin<Box<F>>,
}

pub(crate) fn ahead<F: Future>(seconds: i64, work: F) -> Ahead<F> {
    Ahead {
        seconds,
        work: Box::pin(work),
    }
}

impl<F: Future> Future for Ahead<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let outside = AHEAD.replace(self.seconds);
        let polled = self.work.as_mut().poll(context);
        AHEAD.set(outside);
        polled
    }
}
