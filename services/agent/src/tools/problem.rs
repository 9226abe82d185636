//! What went wrong with the MCP server, in a few words.

use std::error::Error;

use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::streamable_http_client::StreamableHttpError;
use runtime::text::clean;

const CHARACTERS_MAX: usize = 300;

pub(super) const TIMED_OUT: &str = "the tool server did not answer in time";

/// Why a request had no answer.
pub(super) fn of_request(error: &ServiceError) -> String {
    match error {
        ServiceError::TransportSend(error) => innermost(error.error.as_ref()),
        other => innermost(other),
    }
}

/// Why no connection came about.
pub(super) fn of_start(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::TransportError { error, .. } => innermost(error.error.as_ref()),
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => of_start(fallback),
        other => innermost(other),
    }
}

/// Whether it is certain that the server has not seen the request.
pub(super) fn was_never_sent(error: &ServiceError) -> bool {
    let ServiceError::TransportSend(error) = error else {
        return false;
    };
    match error
        .error
        .downcast_ref::<StreamableHttpError<reqwest::Error>>()
    {
        Some(StreamableHttpError::Client(error)) => error.is_connect(),
        // Signing fails before anything is sent.
        Some(StreamableHttpError::Io(_)) => true,
        _ => false,
    }
}

/// The innermost cause says most: "Connection refused" rather than "error sending request".
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = cause(innermost) {
        innermost = cause;
    }
    // The SDK lists every provider of credentials that it has tried, line by line.
    let text = innermost.to_string();
    let line = text.lines().next().unwrap_or_default();
    // Some of them quote what the server has answered.
    clean(line.trim_end_matches(". Attempted:"), CHARACTERS_MAX)
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
        // rmcp does not name it as the source.
        Some(StreamableHttpError::Client(error)) => Some(error),
        _ => error.source(),
    }
}
