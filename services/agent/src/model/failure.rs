//! What goes wrong with a model, as a code for programs and a sentence that says what to do.

use aws_sdk_bedrockruntime::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamError;
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError;
use runtime::text::clean;

use crate::event::Failure;

/// Of the service's own words.
const DETAIL_CHARACTERS_MAX: usize = 500;

/// The model cannot take what it was sent. Repeating it would fail again, so the turn is forgotten.
pub(crate) const REJECTED: &str = "modelRejectedInput";

/// Why the model did not begin to answer.
pub(super) fn of_request(error: &SdkError<ConverseStreamError>, model: &str) -> Failure {
    from_sdk(error, model, |error| error.code().unwrap_or_default())
}

/// Why the model's answer was cut off. Events of a stream carry no error code, so the kind of the error has to do.
pub(super) fn of_stream<R>(error: &SdkError<ConverseStreamOutputError, R>, model: &str) -> Failure
where
    R: std::fmt::Debug,
{
    from_sdk(error, model, |error| match error {
        ConverseStreamOutputError::ThrottlingException(_) => "ThrottlingException",
        ConverseStreamOutputError::ValidationException(_) => "ValidationException",
        other => other.code().unwrap_or_default(),
    })
}

fn from_sdk<E, R>(error: &SdkError<E, R>, model: &str, code: impl Fn(&E) -> &str) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let text = DisplayErrorContext(error).to_string();
    tracing::warn!(error = text, model, "the model failed");
    match error {
        SdkError::ServiceError(service) => {
            let error = service.err();
            from_code(code(error), error.message().unwrap_or_default(), model)
        }
        SdkError::TimeoutError(_) => timed_out(model),
        // The SDK has no kind of its own for this one.
        _ if text.contains("credential") => Failure::new(
            "credentialsMissing",
            "The agent has no AWS credentials to call the model with. Check the role it runs with.",
        ),
        _ => Failure::new(
            "modelUnavailable",
            format!(
                "Amazon Bedrock could not be reached to call {model}. Check the network, then ask again."
            ),
        ),
    }
}

/// The model has said nothing for too long.
pub(crate) fn timed_out(model: &str) -> Failure {
    let message = format!("The model {model} did not answer in time. Ask again, or ask for less.");
    Failure::new("modelTimeout", message)
}

/// The stream ended in the middle.
pub(crate) fn broken_off(model: &str) -> Failure {
    let message = format!("The answer from the model {model} was cut off. Ask again.");
    Failure::new("modelUnavailable", message)
}

/// By the name of the exception that Bedrock sends.
fn from_code(code: &str, detail: &str, model: &str) -> Failure {
    let detail = if detail.is_empty() {
        String::new()
    } else {
        format!(" Bedrock says: {}", clean(detail, DETAIL_CHARACTERS_MAX))
    };
    match code {
        "ThrottlingException" | "TooManyRequestsException" => Failure::new(
            "modelThrottled",
            format!(
                "The model {model} is receiving too many requests. Wait a minute and ask again.{detail}"
            ),
        ),
        "AccessDeniedException" | "UnrecognizedClientException" | "ExpiredTokenException" => {
            Failure::new(
                "modelAccessDenied",
                format!(
                    "The agent may not call the model {model}. Check the stage's `model`, the agent's role and the organization's \
                 policies; a model of Anthropic wants a form once, in the Bedrock console's model catalog.{detail}"
                ),
            )
        }
        "ResourceNotFoundException" => not_found(model, &detail),
        "ValidationException" if detail.contains("model identifier") => not_found(model, &detail),
        "ValidationException" => Failure::new(
            REJECTED,
            format!(
                "The model {model} did not accept the conversation. Rephrase the question or start a new session.{detail}"
            ),
        ),
        "ModelTimeoutException" => timed_out(model),
        _ => Failure::new(
            "modelUnavailable",
            format!(
                "The model {model} is not available at the moment. Ask again in a minute.{detail}"
            ),
        ),
    }
}

fn not_found(model: &str, detail: &str) -> Failure {
    Failure::new(
        "modelNotFound",
        format!(
            "There is no model {model} in this region. Check the stage's `model` and `region`.{detail}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn codes_are_stable_and_sentences_say_what_to_do() {
        let lines: Vec<String> = [
            ("ThrottlingException", "Too many tokens."),
            ("AccessDeniedException", ""),
            ("ResourceNotFoundException", ""),
            (
                "ValidationException",
                "The provided model identifier is invalid.",
            ),
            ("ValidationException", "Input is too long."),
            ("ModelTimeoutException", ""),
            ("ModelStreamErrorException", ""),
            ("SomethingNew", ""),
        ]
        .map(|(code, detail)| {
            let failure = from_code(code, detail, "a-model");
            format!("{code} -> {}: {}\n", failure.code, failure.message)
        })
        .into();
        expect![[r#"
            ThrottlingException -> modelThrottled: The model a-model is receiving too many requests. Wait a minute and ask again. Bedrock says: Too many tokens.
            AccessDeniedException -> modelAccessDenied: The agent may not call the model a-model. Check the stage's `model`, the agent's role and the organization's policies; a model of Anthropic wants a form once, in the Bedrock console's model catalog.
            ResourceNotFoundException -> modelNotFound: There is no model a-model in this region. Check the stage's `model` and `region`.
            ValidationException -> modelNotFound: There is no model a-model in this region. Check the stage's `model` and `region`. Bedrock says: The provided model identifier is invalid.
            ValidationException -> modelRejectedInput: The model a-model did not accept the conversation. Rephrase the question or start a new session. Bedrock says: Input is too long.
            ModelTimeoutException -> modelTimeout: The model a-model did not answer in time. Ask again, or ask for less.
            ModelStreamErrorException -> modelUnavailable: The model a-model is not available at the moment. Ask again in a minute.
            SomethingNew -> modelUnavailable: The model a-model is not available at the moment. Ask again in a minute.
        "#]].assert_eq(&lines.concat());
    }
}
