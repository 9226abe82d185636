//! What AgentCore's refusals mean for the person in front of the page.

use aws_sdk_bedrockagentcore::error::{ProvideErrorMetadata, SdkError};
use http::StatusCode;

use crate::problem::{Action, Problem};

pub(super) const SESSION_BUSY: &str = "sessionBusy";

type HttpResponse = aws_sdk_bedrockagentcore::config::http::HttpResponse;

/// The problem behind a failed call. What only operators need goes to the log.
pub(super) fn explain<E>(error: &SdkError<E, HttpResponse>) -> Problem
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let response = error
        .raw_response()
        .map(|response| response.status().as_u16());
    let (code, message) = match error.as_service_error() {
        Some(error) => (error.code(), error.message()),
        None => (None, None),
    };
    let detail = message.map_or_else(|| chain(error), str::to_owned);
    tracing::error!(
        status = response,
        code,
        detail,
        "the call to the agent failed"
    );
    match (error, response) {
        (SdkError::ServiceError(_), Some(status)) => of_service(code, status),
        (SdkError::ResponseError(_), _) => unreadable(),
        (SdkError::DispatchFailure(failure), _) if failure.is_timeout() && was_connected(error) => {
            silent()
        }
        _ => unreachable(),
    }
}

/// A timeout of the connection itself has sent nothing. The SDK tells the two apart in its words only.
fn was_connected(error: &dyn std::error::Error) -> bool {
    !chain(error).to_lowercase().contains("connect timeout")
}

fn chain(mut error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    while let Some(cause) = error.source() {
        text = format!("{text}: {cause}");
        error = cause;
    }
    text
}

/// The type of the error decides, not the status: AgentCore's 402 means a quota, never a payment.
fn of_service(code: Option<&str>, status: u16) -> Problem {
    let name = code.map(|code| code.trim_end_matches("Exception").trim_end_matches("Error"));
    match (name, status) {
        (Some("ServiceQuotaExceeded"), _) | (None, 402) => quota_exceeded(),
        (Some("Throttling" | "ThrottledException" | "TooManyRequests"), _) | (None, 429) => {
            throttled()
        }
        (Some("RetryableConflict" | "Conflict"), _) | (None, 409) => session_busy(),
        (Some("RuntimeClient"), _) | (None, 424) => agent_failed(),
        (Some("ResourceNotFound"), _) | (None, 404) => agent_missing(),
        (
            Some(
                "AccessDenied" | "Unauthorized" | "UnrecognizedClient" | "InvalidSignature"
                | "ExpiredToken",
            ),
            _,
        )
        | (None, 401 | 403) => access_denied(),
        (Some("Validation"), _) | (None, 400) => request_invalid(),
        _ => service_failed(),
    }
}

fn unreachable() -> Problem {
    Problem::new(
        StatusCode::BAD_GATEWAY,
        "agentUnreachable",
        "The agent cannot be reached",
        "It may be starting, or it is not running. Wait a few seconds and try again. If that does not help, `cargo xtask status` shows what is running.",
        Action::Retry,
    )
}

fn agent_failed() -> Problem {
    Problem::new(
        StatusCode::FAILED_DEPENDENCY,
        "agentFailed",
        "The agent stopped before it could answer (424)",
        "It failed to start, or it failed while reading the question. Try again; if that does not help, \
         `cargo xtask logs agent` says why.",
        Action::Retry,
    )
}

fn quota_exceeded() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "quotaExceeded",
        "An AWS quota is used up",
        "AgentCore cannot start another session in this account. No payment was involved, and nothing was paid. \
         Try again later, or ask for a higher quota in the AWS console.",
        Action::Retry,
    )
    .retry_after(60)
}

fn throttled() -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "throttled",
        "Too many questions at once",
        "AgentCore is limiting requests. Wait a few seconds, then try again. Nothing was paid.",
        Action::Retry,
    )
    .retry_after(5)
}

fn session_busy() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        SESSION_BUSY,
        "This conversation is busy",
        "The agent is still starting or ending it. Wait a moment and try again, or start a new conversation.",
        Action::Retry,
    )
    .retry_after(2)
}

fn agent_missing() -> Problem {
    Problem::new(
        StatusCode::BAD_GATEWAY,
        "agentMissing",
        "The agent is not deployed",
        "AgentCore does not have the agent that this page was built for. `cargo xtask deploy` brings both up to date.",
        Action::None,
    )
}

fn access_denied() -> Problem {
    Problem::new(
        StatusCode::BAD_GATEWAY,
        "accessDenied",
        "This page may not call the agent",
        "AWS refused the page's own credentials. `cargo xtask deploy` restores its role; trying again does not help.",
        Action::None,
    )
}

fn request_invalid() -> Problem {
    Problem::new(
        StatusCode::BAD_GATEWAY,
        "requestInvalid",
        "AgentCore did not accept the question",
        "Ask it in a new conversation. If that fails too, `cargo xtask logs frontend` has the details.",
        Action::NewConversation,
    )
}

fn service_failed() -> Problem {
    Problem::new(
        StatusCode::BAD_GATEWAY,
        "agentCoreFailed",
        "AgentCore reported an error",
        "The error is on the AWS side. Try again in a moment; a question that got through may have been paid for.",
        Action::Retry,
    )
}

pub(super) fn unreadable() -> Problem {
    Problem::new(
        StatusCode::BAD_GATEWAY,
        "answerUnreadable",
        "The agent's answer cannot be read",
        "The page and the agent may be different versions. `cargo xtask deploy` brings both up to date.",
        Action::Retry,
    )
}

pub(super) fn cut_off() -> Problem {
    Problem::new(
        StatusCode::BAD_GATEWAY,
        "streamCutOff",
        "The answer was cut off",
        "The connection to the agent ended before it had finished. A payment shown above has been made; asking again may \
         pay again.",
        Action::Retry,
    )
}

pub(super) fn silent() -> Problem {
    Problem::new(
        StatusCode::GATEWAY_TIMEOUT,
        "agentSilent",
        "The agent stopped responding",
        "No data arrived within the time limit, so the page stopped waiting. A payment shown above has been made; asking again may \
         pay again.",
        Action::Retry,
    )
}

#[cfg(test)]
mod tests {
    use super::of_service;
    use expect_test::expect;

    #[test]
    fn the_type_of_the_error_decides_and_the_status_helps_without_one() {
        let cases = [
            (Some("ServiceQuotaExceededException"), 402),
            (None, 402),
            (Some("ThrottlingException"), 429),
            (Some("RetryableConflictException"), 409),
            (Some("ConflictException"), 409),
            (Some("RuntimeClientError"), 424),
            (Some("ResourceNotFoundException"), 404),
            (Some("AccessDeniedException"), 403),
            (Some("ValidationException"), 400),
            (Some("InternalServerException"), 500),
            (Some("SomethingNewException"), 402),
            (None, 503),
        ];
        let lines = cases.map(|(code, status)| {
            let problem = of_service(code, status);
            format!(
                "{} {status} -> {} {} {:?}",
                code.unwrap_or("-"),
                problem.status,
                problem.code,
                problem.action
            )
        });
        expect![[r#"
            ServiceQuotaExceededException 402 -> 503 quotaExceeded Retry
            - 402 -> 503 quotaExceeded Retry
            ThrottlingException 429 -> 429 throttled Retry
            RetryableConflictException 409 -> 409 sessionBusy Retry
            ConflictException 409 -> 409 sessionBusy Retry
            RuntimeClientError 424 -> 424 agentFailed Retry
            ResourceNotFoundException 404 -> 502 agentMissing None
            AccessDeniedException 403 -> 502 accessDenied None
            ValidationException 400 -> 502 requestInvalid NewConversation
            InternalServerException 500 -> 502 agentCoreFailed Retry
            SomethingNewException 402 -> 502 agentCoreFailed Retry
            - 503 -> 502 agentCoreFailed Retry"#]]
        .assert_eq(&lines.join("\n"));
    }
}
