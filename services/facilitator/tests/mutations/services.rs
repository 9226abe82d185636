//! Against every service: connections that cost, and bring nothing.

use super::mutation::{CONNECTIONS, Mutation};

#[rustfmt::skip]
pub(crate) const MUTATIONS: &[Mutation] = &[
    CONNECTIONS.miss("headers that never end, on hundreds of connections", "runtime/serve/progress.rs",
        "Some((state.since + self.limits.headers, Overdue::Headers))", "None",
        "four_hundred_half_requests_are_closed_and_others_served_meanwhile"),
    CONNECTIONS.miss("a byte now and then, to keep half a request alive", "runtime/serve/progress.rs",
        "Phase::Headers | Phase::Request => {}", "Phase::Headers => state.enter(Phase::Headers),\n            Phase::Request => {}",
        "four_hundred_half_requests_are_closed_and_others_served_meanwhile"),
    CONNECTIONS.miss("connections that are kept for nothing", "runtime/serve/progress.rs",
        "Phase::Idle => Some((state.since + self.limits.idle, Overdue::Idle)),", "Phase::Idle => None,",
        "a_kept_connection_closes_after_its_time_and_not_before"),
    CONNECTIONS.miss("a client that asks for much and takes nothing", "runtime/serve/progress.rs",
        "state.stalled_since = Some(Instant::now());", "",
        "a_client_that_takes_nothing_is_left"),
    CONNECTIONS.miss("a body that never ends", "runtime/serve/body.rs",
        "Box::pin(tokio::time::sleep_until(ends_at))", "Box::pin(tokio::time::sleep_until(ends_at + std::time::Duration::from_secs(3600)))",
        "a_slow_body_is_answered_408"),
    CONNECTIONS.miss("a body of any size", "runtime/serve/body.rs",
        "match self.bytes_left.checked_sub(length) {", "match self.bytes_left.checked_sub(0) {",
        "a_large_body_is_answered_413"),
    CONNECTIONS.miss("headers of any size", "runtime/serve/connection.rs",
        "        .max_buf_size(limits.headers_bytes)\n", "",
        "large_headers_are_answered_431"),
    CONNECTIONS.miss("more connections than there are files for", "runtime/serve/connections.rs",
        "if let Ok(slot) = Arc::clone(&room.slots).try_acquire_owned() {",
        "if let Ok(slot) = Arc::new(tokio::sync::Semaphore::new(1)).try_acquire_owned() {",
        "one_connection_too_many_is_told_so_and_health_checks_are_not"),
    CONNECTIONS.miss("filling a service, so that its platform takes it for ill and stops it", "runtime/serve/connections.rs",
        "match is_health_check(request.uri().path()) {", "match false {",
        "one_connection_too_many_is_told_so_and_health_checks_are_not"),
    CONNECTIONS.miss("holding all places with idle connections", "runtime/serve/connection.rs",
        "let is_spare = progress.idle().is_some_and(|idle| idle >= IDLE_ENOUGH);", "let is_spare = false;",
        "idle_connections_make_room"),
];
