//! How often a wrong access key may be typed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(5 * 60);
const PER_CLIENT_MAX: u32 = 5;
/// All clients together: an address is cheap, and one that is not behind a load balancer can be made up.
const TOTAL_MAX: u32 = 200;

/// Counts failures within a window of five minutes that begins with the first one.
#[derive(Default)]
pub(super) struct Failures {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    total: Option<Count>,
    clients: HashMap<String, Count>,
}

#[derive(Clone, Copy)]
struct Count {
    since: Instant,
    tries: u32,
}

impl Failures {
    /// Counts a try as a failure, unless there were too many: then the error is how many seconds to wait.
    pub(super) fn begin(&self, client: &str, now: Instant) -> Result<(), u64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.clients.retain(|_, count| !count.is_over(now));
        let total = counts
            .total
            .filter(|count| !count.is_over(now))
            .unwrap_or(Count::new(now));
        let own = counts
            .clients
            .get(client)
            .copied()
            .unwrap_or(Count::new(now));
        for (count, limit) in [(own, PER_CLIENT_MAX), (total, TOTAL_MAX)] {
            if count.tries >= limit {
                return Err(count.seconds_left(now));
            }
        }
        counts.total = Some(total.plus_one());
        counts.clients.insert(client.to_owned(), own.plus_one());
        Ok(())
    }

    /// Forgets the tries of a client that knew the key in the end.
    pub(super) fn forgive(&self, client: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = counts.clients.remove(client) else {
            return;
        };
        if let Some(total) = &mut counts.total {
            total.tries = total.tries.saturating_sub(own.tries);
        }
    }
}

impl Count {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            tries: 0,
        }
    }

    fn plus_one(self) -> Self {
        Self {
            tries: self.tries + 1,
            ..self
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= WINDOW
    }

    fn seconds_left(&self, now: Instant) -> u64 {
        WINDOW
            .saturating_sub(now.duration_since(self.since))
            .as_secs()
            + 1
    }
}

#[cfg(test)]
mod tests {
    use super::{Failures, PER_CLIENT_MAX, TOTAL_MAX, WINDOW};
    use std::time::{Duration, Instant};

    #[test]
    fn a_client_waits_after_five_and_others_do_not() {
        let (failures, start) = (Failures::default(), Instant::now());
        for _ in 0..PER_CLIENT_MAX {
            assert_eq!(failures.begin("ann", start), Ok(()));
        }
        assert_eq!(
            failures.begin("ann", start + Duration::from_secs(60)),
            Err(241)
        );
        assert_eq!(failures.begin("ben", start), Ok(()));
        assert_eq!(failures.begin("ann", start + WINDOW), Ok(()));
    }

    #[test]
    fn a_right_key_forgives() {
        let (failures, start) = (Failures::default(), Instant::now());
        for _ in 0..3 * PER_CLIENT_MAX {
            assert_eq!(failures.begin("ann", start), Ok(()));
            failures.forgive("ann");
        }
    }

    #[test]
    fn many_addresses_do_not_help() {
        let (failures, start) = (Failures::default(), Instant::now());
        for number in 0..TOTAL_MAX {
            assert_eq!(failures.begin(&number.to_string(), start), Ok(()));
        }
        assert_eq!(failures.begin("one more", start), Err(301));
    }
}
