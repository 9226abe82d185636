//! How long a purchase may take.

use std::time::{Duration, Instant};

/// The time by which a purchase has to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    pub(super) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    pub(super) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// What is left when something else still has to be done before the end.
    pub(super) fn left_before(self, rest: Duration) -> Duration {
        self.left().saturating_sub(rest)
    }
}
