//! What goes wrong, and a store that it goes wrong in.

use super::Dice;
use crate::store::{Change, Entry, MemoryStore, Stamp, Store, StoreError};
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never arrives, and the asker knows.
    Refused,
    /// It never arrives, and the asker does not know.
    Lost,
    /// It is done, and nobody hears of it.
    AnswerLost,
    /// It is done later.
    Late,
    /// The process that asks dies before it is done.
    Never,
    /// The process that asks dies after it is done.
    NeverAfter,
    /// It arrives twice at once.
    Twice,
    /// It is done, and something else is said.
    Lie,
}

struct State {
    dice: Dice,
    /// One call in so many goes wrong; zero for none.
    one_in: u64,
    struck: u64,
}

/// Shared by everything that can go wrong.
#[derive(Clone)]
pub(crate) struct Faults(Arc<Mutex<State>>);

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            dice: Dice(seed),
            one_in: 0,
            struck: 0,
        })))
    }

    pub(super) fn set(&self, one_in: u64) {
        self.0.lock().unwrap().one_in = one_in;
    }

    pub(super) fn struck(&self) -> u64 {
        self.0.lock().unwrap().struck
    }

    pub(super) fn below(&self, bound: u64) -> u64 {
        self.0.lock().unwrap().dice.below(bound)
    }

    pub(super) fn one_in(&self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub(super) fn draw(&self, of: &[Fault]) -> Option<Fault> {
        let mut state = self.0.lock().unwrap();
        let one_in = state.one_in;
        if one_in == 0 || state.dice.below(one_in) != 0 {
            return None;
        }
        state.struck += 1;
        let index = state.dice.below(of.len() as u64) as usize;
        Some(of[index])
    }

    /// Whether the call goes wrong; one whose process dies does not come back.
    pub(super) async fn strike(&self, of: &[Fault]) -> bool {
        match self.draw(of) {
            None => false,
            Some(Fault::Never | Fault::NeverAfter) => std::future::pending().await,
            Some(_) => true,
        }
    }
}

/// A memory that is shared, and reached over a network.
#[derive(Clone)]
pub(super) struct FaultyStore {
    pub(super) memory: Arc<MemoryStore>,
    pub(super) faults: Faults,
}

impl Store for FaultyStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            if self.faults.strike(&[Fault::Lost, Fault::Never]).await {
                return Err(StoreError("lost".into()));
            }
            self.memory.get(key).await
        })
    }

    fn change(
        &self,
        changes: Vec<Change>,
        stamp: Stamp,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let fault = self.faults.draw(&[
                Fault::Lost,
                Fault::AnswerLost,
                Fault::Never,
                Fault::NeverAfter,
            ]);
            match fault {
                None => self.memory.change(changes, stamp).await,
                Some(Fault::Never) => std::future::pending().await,
                Some(Fault::NeverAfter) => {
                    self.memory.change(changes, stamp).await?;
                    std::future::pending().await
                }
                Some(Fault::AnswerLost) => {
                    self.memory.change(changes, stamp).await?;
                    Err(StoreError("the answer is lost".into()))
                }
                Some(_) => Err(StoreError("lost".into())),
            }
        })
    }

    fn value_bytes_max(&self) -> usize {
        self.memory.value_bytes_max()
    }
}
