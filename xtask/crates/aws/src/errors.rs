//! What AWS answered, told apart: a refusal, a lost connection, credentials that ran out.

use aws_sdk_sts::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use super::explain::explain;
use words::error::{Failure, UserError};

/// Codes that say "later", whatever the service.
const LATER: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "InternalFailure",
    "InternalError",
    "InternalServerError",
    "ServerException",
];

const SIGN_IN: &str = "sign in again (`aws login`, `aws sso login`, or AWS_PROFILE) and run the same command: it goes on where it was";

/// An answer that is not a success.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// AWS's code; none when nobody answered.
    pub code: Option<String>,
    pub message: String,
    /// True when the same request may succeed later: throttled, a 5xx, no answer.
    pub passing: bool,
    /// True when who asks is the problem, not what is asked.
    pub expired: bool,
}

impl Refusal {
    pub fn of<E>(error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let status = error
            .raw_response()
            .map_or(0, |answer| answer.status().as_u16());
        if let Some(code) = error.code() {
            return Self {
                code: Some(code.to_owned()),
                message: error.message().unwrap_or("AWS says no more").to_owned(),
                passing: LATER.contains(&code) || status >= 500 || status == 429,
                expired: is_expired(code),
            };
        }
        let message = DisplayErrorContext(error).to_string();
        let credentials = match error {
            SdkError::DispatchFailure(failure) => {
                !failure.is_io() && !failure.is_timeout() && message.contains("redential")
            }
            SdkError::ConstructionFailure(_) => message.contains("redential"),
            _ => false,
        };
        let built = matches!(error, SdkError::ConstructionFailure(_));
        Self {
            code: (status != 0).then(|| format!("HTTP {status}")),
            passing: !credentials && !built && (status == 0 || status >= 500 || status == 429),
            expired: credentials,
            message,
        }
    }

    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// The error for a person: what was being done, what AWS said, what it means where we know it, and what to do.
    pub fn into_error(self, doing: &str) -> anyhow::Error {
        if self.expired {
            let problem = format!("cannot {doing}: the AWS credentials have run out");
            return UserError::new(problem).hint(SIGN_IN).into();
        }
        let said = match &self.code {
            Some(code) => format!("{} ({code})", self.message.trim_end_matches('.')),
            None => self.message.clone(),
        };
        let problem = format!("cannot {doing}: {said}");
        let text = format!(
            "{} {}",
            self.code.as_deref().unwrap_or_default(),
            self.message
        );
        match explain(&text) {
            Some(known) => Failure::new(format!("{problem}\n  {}", known.meaning), known.fix).into(),
            None if self.passing => Failure::new(
                problem,
                "AWS did not answer as it should, six times in a row; run the same command again: it goes on where it was",
            )
            .into(),
            None => Failure::new(
                problem,
                "fix what AWS names and run the same command again: it goes on where it was",
            )
            .into(),
        }
    }
}

fn is_expired(code: &str) -> bool {
    matches!(
        code,
        "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "InvalidAccessKeyId"
            | "AuthFailure"
    )
}

/// The error for a person, straight from an answer.
pub fn refused<E>(doing: &str, error: &SdkError<E>) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    Refusal::of(error).into_error(doing)
}
