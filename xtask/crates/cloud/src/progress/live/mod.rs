//! A deploy as a person watches it: rows below the lines, one for each stack, painted again as time goes by.

mod board;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use board::Board;
pub use board::Place;

use super::Event;
use words::output::Output;

/// Often enough for seconds, and for a terminal that changes its size.
const TICK: Duration = Duration::from_millis(200);

/// What every clone of a reporter tells its events to.
#[derive(Debug, Clone, Default)]
pub(super) struct Live {
    watched: Arc<Mutex<Option<Watched>>>,
}

#[derive(Debug)]
struct Watched {
    board: Board,
    begun: Instant,
}

/// The rows go away when this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Watching {
    live: Live,
    out: Output,
    ticker: Option<JoinHandle<()>>,
}

impl Live {
    /// Shows these stacks, unless there is no terminal to show them at.
    pub(super) fn watch(&self, out: &Output, places: Vec<Place>, wanted: bool) -> Watching {
        let able = wanted && out.size().is_some();
        let ticker = able.then(|| {
            *self.watched() = Some(Watched {
                board: Board::new(places),
                begun: Instant::now(),
            });
            let (live, out) = (self.clone(), out.clone());
            tokio::spawn(async move {
                loop {
                    live.paint(&out);
                    tokio::time::sleep(TICK).await;
                }
            })
        });
        Watching {
            live: self.clone(),
            out: out.clone(),
            ticker,
        }
    }

    pub(super) fn note(&self, event: &Event<'_>) {
        self.change(|board, now| board.note(event, now));
    }

    pub(super) fn work(&self, owner: &str, what: Option<&'static str>) {
        self.change(|board, now| board.work(owner, what, now));
    }

    pub(super) fn end(&self, owner: &str, how: &'static str) {
        self.change(|board, _| board.end(owner, how));
    }

    fn change(&self, change: impl FnOnce(&mut Board, Duration)) {
        if let Some(Watched { board, begun }) = self.watched().as_mut() {
            change(board, begun.elapsed());
        }
    }

    fn paint(&self, out: &Output) {
        if let (Some(watched), Some(size)) = (self.watched().as_ref(), out.size()) {
            out.show(&rows::rows(&watched.board, watched.begun.elapsed(), size));
        }
    }

    fn watched(&self) -> MutexGuard<'_, Option<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(ticker) = &self.ticker {
            ticker.abort();
            // Whoever paints at this moment has finished when the lock is ours, and nobody begins again.
            *self.live.watched() = None;
            self.out.show(&[]);
        }
    }
}
