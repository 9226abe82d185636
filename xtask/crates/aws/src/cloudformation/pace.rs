//! How often to ask. Quick at first, since much is over at once; then slower and never in step with others.

use std::time::Duration;

#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// The first wait; it grows by half each time that nothing was new.
    pub first: Duration,
    pub longest: Duration,
    /// How long AWS may be out of reach before watching ends.
    pub patience: Duration,
    /// How long a state that may be followed by another has to last before it counts as the end.
    pub settle: Duration,
    /// How long a stack may say nothing at all about what it was asked to do.
    pub silence: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(60),
            longest: Duration::from_millis(2500),
            patience: Duration::from_secs(300),
            settle: Duration::from_secs(3),
            silence: Duration::from_secs(60),
        }
    }
}

impl Pace {
    /// The wait after the round number `round` without news, which counts from zero. Between half and all of what is due.
    pub(super) fn wait(&self, round: u32) -> Duration {
        let due = self
            .first
            .mul_f64(1.5_f64.powi(round.min(30).cast_signed()))
            .min(self.longest);
        // Without randomness everybody waits the full time, which is not a harm.
        let random = getrandom::u32().unwrap_or(u32::MAX);
        due.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0)
    }
}
