use std::time::Duration;

use crate::Environment;

/// How long and how much a client may keep a service waiting. One place for all services, and [`Limits::default`] is what
/// they have; a test takes shorter ones.
///
/// Nothing here cuts an answer that streams: a service may think for as long as it likes, and only a client that takes
/// nothing of what is there for it is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the first byte of a request to the end of its headers; on a new connection from its beginning.
    pub headers: Duration,
    /// All headers of one request, in bytes; more is answered 431. At least 8 KiB.
    pub headers_bytes: usize,
    /// From the end of the headers to the end of the body, while the handler waits for it; longer is answered 408.
    pub body: Duration,
    /// A body, in bytes; more is answered 413. A route may take less by axum's `DefaultBodyLimit`.
    pub body_bytes: u64,
    /// Between two requests of one connection. Longer than the load balancer's idle timeout: whoever closes first should be
    /// the one that opens, or a request meets a connection that has just gone.
    pub idle: Duration,
    /// While the client takes no byte of an answer.
    pub write: Duration,
    /// Connections open at once. One more has an idle one closed; when none is idle it is answered 503, health checks
    /// excepted.
    pub connections: usize,
    /// From the signal to stop, for requests that are under way: a sale whose money has moved still gets its answer.
    pub stop: Duration,
}

/// Set from the manifest's `answers_within_seconds`, for every service that has it.
const ANSWER_WITHIN: &str = "ANSWER_WITHIN_SECONDS";

/// The limit for open files is 1024 on most systems, and what a request opens itself needs the other half.
const CONNECTIONS: &str = "512";

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(10),
            headers_bytes: 64 * 1024,
            body: Duration::from_secs(30),
            body_bytes: 1024 * 1024,
            idle: Duration::from_secs(315),
            write: Duration::from_secs(60),
            connections: 512,
            stop: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// The defaults, with the number of connections from `MAX_CONNECTIONS`, and the time to stop from `ANSWER_WITHIN_SECONDS`:
    /// what was asked before the signal is answered within that.
    pub fn from_environment(environment: &mut Environment) -> Self {
        let connections = environment.parse_or_default("MAX_CONNECTIONS", Some(CONNECTIONS));
        if connections == 0 {
            environment.problem("MAX_CONNECTIONS", "must be a whole number of 1 or more");
        }
        let default = Self::default();
        let within = environment.optional(ANSWER_WITHIN);
        // The service itself says what is wrong with it: some take less than others.
        let within = within.and_then(|seconds| seconds.parse().ok());
        Self {
            connections,
            stop: within.map_or(default.stop, Duration::from_secs),
            ..default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_connections_is_a_setting() {
        for (value, connections, problems) in [("", 512, 0), ("2048", 2048, 0), ("0", 0, 1)] {
            let mut environment = Environment::from_pairs([("MAX_CONNECTIONS", value)]);
            let limits = Limits::from_environment(&mut environment);
            assert_eq!(limits.connections, connections, "{value}");
            let found = environment.finish().err().map_or(0, |all| all.0.len());
            assert_eq!(found, problems, "{value}");
        }
        assert_eq!(
            Limits::from_environment(&mut Environment::from_pairs([("", "")])),
            Limits::default()
        );
    }

    #[test]
    fn a_service_stops_within_the_time_that_it_answers_in() {
        for (value, seconds) in [("", 10), ("45", 45), ("soon", 10)] {
            let mut environment = Environment::from_pairs([("ANSWER_WITHIN_SECONDS", value)]);
            let limits = Limits::from_environment(&mut environment);
            assert_eq!(limits.stop, Duration::from_secs(seconds), "{value}");
        }
    }

    #[test]
    fn an_idle_connection_outlives_the_load_balancers() {
        let template = include_str!("../../../../../templates/fargate.yaml.tera");
        let (_, rest) = template
            .split_once("idle_timeout.timeout_seconds, Value: \"")
            .unwrap();
        let seconds = rest.split('"').next().unwrap().parse().unwrap();
        assert!(Limits::default().idle > Duration::from_secs(seconds));
    }
}
