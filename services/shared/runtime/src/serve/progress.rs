//! How far a connection is, and when it has kept us waiting for too long.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Limits;

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The client has sent nothing yet.
    New,
    /// A request has begun to arrive.
    Headers,
    /// A request is with its handler, or its answer under way.
    Request,
    /// The last answer is out.
    Idle,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Since when the client has taken none of the bytes that wait for it.
    stalled_since: Option<Instant>,
}

/// Shared by the socket, the handler's call and the answer's body of one connection; asked by what drives it.
#[derive(Debug)]
pub(super) struct Progress {
    limits: Limits,
    state: Mutex<State>,
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    Headers,
    Idle,
    Write,
}

impl Progress {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::new(State {
                phase: Phase::New,
                since: Instant::now(),
                stalled_since: None,
            }),
        }
    }

    /// Bytes have arrived.
    pub(super) fn received(&self) {
        let mut state = self.state();
        match state.phase {
            // The time of the first request runs from the connection's beginning.
            Phase::New => state.phase = Phase::Headers,
            Phase::Idle => state.enter(Phase::Headers),
            Phase::Headers | Phase::Request => {}
        }
    }

    /// The headers of a request are there.
    pub(super) fn requested(&self) {
        self.state().enter(Phase::Request);
    }

    /// The last byte of an answer has been passed on.
    pub(super) fn answered(&self) {
        self.state().enter(Phase::Idle);
    }

    /// The client takes no more bytes for now.
    pub(super) fn stalled(&self) {
        let mut state = self.state();
        if state.stalled_since.is_none() {
            state.stalled_since = Some(Instant::now());
        }
    }

    /// The client has taken bytes.
    pub(super) fn taken(&self) {
        self.state().stalled_since = None;
    }

    /// When the connection will have been waited for too long, and for what; never while only we are waited for.
    pub(super) fn deadline(&self) -> Option<(Instant, Overdue)> {
        let state = self.state();
        let of_phase = match state.phase {
            Phase::New | Phase::Headers => {
                Some((state.since + self.limits.headers, Overdue::Headers))
            }
            Phase::Idle => Some((state.since + self.limits.idle, Overdue::Idle)),
            Phase::Request => None,
        };
        let of_writing = state
            .stalled_since
            .map(|since| (since + self.limits.write, Overdue::Write));
        of_phase
            .into_iter()
            .chain(of_writing)
            .min_by_key(|(at, _)| *at)
    }

    /// How long nothing has been asked for; none while something is.
    pub(super) fn idle(&self) -> Option<Duration> {
        let state = self.state();
        (state.phase == Phase::Idle && state.stalled_since.is_none()).then(|| state.since.elapsed())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_has_its_time() {
        let limits = Limits::default();
        let progress = Progress::new(limits);
        let due = || progress.deadline().map(|(_, why)| why);
        let began = progress.deadline().unwrap();
        assert_eq!(began.1, Overdue::Headers);
        progress.received();
        progress.received();
        assert_eq!(progress.deadline(), Some(began), "bytes give no more time");
        progress.requested();
        progress.received();
        assert_eq!(due(), None, "the handler may take its time");
        assert_eq!(progress.idle(), None);

        progress.stalled();
        let stalled = progress.deadline();
        assert_eq!(due(), Some(Overdue::Write));
        progress.stalled();
        assert_eq!(
            progress.deadline(),
            stalled,
            "asking again gives no more time"
        );
        progress.answered();
        assert_eq!(due(), Some(Overdue::Write), "the answer waits to be taken");
        assert_eq!(progress.idle(), None);
        progress.taken();
        assert_eq!(due(), Some(Overdue::Idle));
        assert!(progress.idle().is_some());

        progress.received();
        let (at, why) = progress.deadline().unwrap();
        assert_eq!(why, Overdue::Headers);
        assert!(at >= began.0 && at <= Instant::now() + limits.headers);
        assert_eq!(progress.idle(), None);
    }
}
