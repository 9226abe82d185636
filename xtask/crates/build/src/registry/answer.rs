//! What registries answer.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};

use words::error::Failure;

/// The header in which a registry says what it stored.
pub(super) const DIGEST: &str = "docker-content-digest";

/// True for an answer that another time may be different.
pub(super) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}

/// What the registry asks for, up to half a minute.
pub(super) fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.parse::<u64>().ok()?.min(30)))
}

/// That the registry did not do it, in its own words where it has any.
pub(super) async fn refused(answer: Response, what: &str) -> anyhow::Error {
    let status = answer.status();
    let body: serde_json::Value = answer.json().await.unwrap_or_default();
    let first = &body["errors"][0];
    let words = match (first["code"].as_str(), first["message"].as_str()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => "no reason given".to_owned(),
    };
    let hint = match status {
        StatusCode::UNAUTHORIZED => "name or password are wrong, or have run out",
        StatusCode::FORBIDDEN => "this login may not do that; ask whoever runs the registry",
        StatusCode::NOT_FOUND => "make the repository first: it belongs to the stack `artifacts`",
        status if is_passing(status) => "the registry is in trouble; try again later",
        _ => "see what the registry says",
    };
    Failure::new(format!("cannot {what}: {status}, {words}"), hint).into()
}

/// Compares what the registry says it stored with what was sent.
pub(super) fn check_digest(answer: &Response, wanted: &str) -> anyhow::Result<()> {
    let found = answer.headers().get(DIGEST);
    let found = found
        .and_then(|value| value.to_str().ok())
        .unwrap_or(wanted);
    anyhow::ensure!(
        found == wanted,
        "the registry stored {found} instead of {wanted}"
    );
    Ok(())
}
