//! How far a log group has been read.

use std::collections::HashMap;

/// Lines become visible out of order: each container, and each copy of the log service, has its own delay. What is older than
/// the newest line by less than this is asked for again, and told apart by its id.
pub(super) const OVERLAP_MILLIS: i64 = 60_000;

/// A place in a log group, in milliseconds since 1970.
#[derive(Debug)]
pub(super) struct Cursor {
    since: i64,
    /// The newest line of every finished round.
    newest: Option<i64>,
    /// The newest line of this round, which counts once the round is complete: a later page may have an older line.
    newest_of_round: Option<i64>,
    /// Lines that have been handed over, by id, and that may come again.
    seen: HashMap<String, i64>,
}

impl Cursor {
    pub(super) fn new(since: i64) -> Self {
        Self {
            since,
            newest: None,
            newest_of_round: None,
            seen: HashMap::new(),
        }
    }

    /// Where the next question begins.
    pub(super) fn start(&self) -> i64 {
        self.newest
            .map_or(self.since, |newest| self.since.max(newest - OVERLAP_MILLIS))
    }

    /// Notes a line; false when it was handed over before.
    pub(super) fn take(&mut self, id: &str, time: i64) -> bool {
        self.newest_of_round = self.newest_of_round.max(Some(time));
        self.seen.insert(id.to_owned(), time).is_none()
    }

    /// Ends a round of which every page has been read. A line from the future must not hide those that come before it.
    pub(super) fn finish_round(&mut self, now: i64) {
        let newest = self.newest_of_round.take().map(|time| time.min(now));
        self.newest = self.newest.max(newest);
        let start = self.start();
        self.seen.retain(|_, time| *time >= start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_handed_over_once() {
        let mut cursor = Cursor::new(1_000);
        assert_eq!(cursor.start(), 1_000);
        assert!(cursor.take("a", 100_000));
        assert!(cursor.take("b", 100_000), "the same time, another line");
        assert!(!cursor.take("a", 100_000));
        cursor.finish_round(200_000);
        assert_eq!(cursor.start(), 40_000);
        assert!(!cursor.take("b", 100_000), "asked for again");
        assert!(cursor.take("late", 50_000), "visible only now");
    }

    #[test]
    fn a_round_that_broke_off_is_read_again() {
        let mut cursor = Cursor::new(0);
        assert!(cursor.take("first page", 500_000));
        assert_eq!(cursor.start(), 0, "the second page was never read");
        assert!(!cursor.take("first page", 500_000));
        assert!(cursor.take("second page", 400_000));
        cursor.finish_round(500_000);
        assert_eq!(cursor.start(), 440_000);
    }

    #[test]
    fn what_cannot_come_again_is_forgotten() {
        let mut cursor = Cursor::new(0);
        for minute in 0..1_000 {
            cursor.take(&minute.to_string(), minute * 60_000);
            cursor.finish_round(minute * 60_000);
        }
        assert!(cursor.seen.len() <= 2, "{} ids are kept", cursor.seen.len());
    }

    #[test]
    fn a_clock_that_is_ahead_hides_nothing() {
        let mut cursor = Cursor::new(0);
        cursor.take("from tomorrow", 86_400_000);
        cursor.finish_round(100_000);
        assert_eq!(cursor.start(), 40_000);
        assert!(!cursor.take("from tomorrow", 86_400_000));
    }
}
