//! What `GET /ping` says: whether work goes on that no open request stands for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// Counts the turns that go on after their caller has left. While there is one, the service is busy and its session must be kept.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    state: Mutex<State>,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    background_count: usize,
    /// None until the first change after the start: a time taken at start would be part of a restored snapshot, and make a
    /// fresh instance look as if it had been idle for long.
    changed_at: Option<u64>,
}

/// The body of `GET /ping`. The time moves only when the status does: otherwise the session would never count as idle.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Ping {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_of_last_update: Option<u64>,
}

/// Background work; it has ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Background<'a> {
    activity: &'a Activity,
}

impl Activity {
    pub(crate) fn begin(&self) -> Background<'_> {
        let mut state = self.lock();
        state.background_count += 1;
        if state.background_count == 1 {
            state.changed_at = Some(unix_seconds());
        }
        Background { activity: self }
    }

    pub(crate) fn ping(&self) -> Ping {
        let state = *self.lock();
        let status = if state.background_count == 0 {
            "Healthy"
        } else {
            "HealthyBusy"
        };
        Ping {
            status,
            time_of_last_update: state.changed_at,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Background<'_> {
    fn drop(&mut self) {
        let mut state = self.activity.lock();
        state.background_count -= 1;
        if state.background_count == 0 {
            state.changed_at = Some(unix_seconds());
        }
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_moves_with_the_status_only() {
        let activity = Activity::default();
        assert_eq!(
            serde_json::to_string(&activity.ping()).unwrap(),
            r#"{"status":"Healthy"}"#
        );

        let first = activity.begin();
        let busy = activity.ping();
        assert_eq!(busy.status, "HealthyBusy");
        assert!(busy.time_of_last_update.is_some());
        activity.lock().changed_at = Some(5);
        let second = activity.begin();
        drop(first);
        assert_eq!(
            activity.ping(),
            Ping {
                status: "HealthyBusy",
                time_of_last_update: Some(5)
            }
        );

        drop(second);
        let idle = activity.ping();
        assert_eq!(idle.status, "Healthy");
        assert!(idle.time_of_last_update > Some(5));
    }
}
