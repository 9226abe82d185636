use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::Deserialize;

use super::PROMPT_LENGTH_MAX;
use crate::access::Visitor;
use crate::app::App;
use crate::conversation::Conversation;
use crate::problem::{Action, Problem};
use crate::streams::Full;

/// The token of the conversation that an answer belongs to; the page sends it back with the next question.
const CONVERSATION: HeaderName = HeaderName::from_static("turnpike-conversation");
/// Proxies of the nginx family keep answers back without it.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Deserialize)]
struct Question {
    prompt: String,
    /// The token of the conversation, or nothing to begin one.
    #[serde(default)]
    conversation: Option<String>,
}

/// `POST /api/chat` with `{"prompt", "conversation"?}`: the answer as server-sent events.
pub(crate) async fn chat(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let question = read(&headers, &body)?;
    let conversation = match &question.conversation {
        None => Conversation::new(&app.gate.conversation_seal, &visitor),
        Some(token) => Conversation::open(&app.gate.conversation_seal, &visitor, token)
            .ok_or_else(not_yours)?,
    };
    let place = app.streams.take(&visitor.id).map_err(no_place)?;
    let answer = app
        .agent
        .ask(&conversation.session, question.prompt.trim())
        .await?;
    // The place is free again when the last frame has gone, or when the visitor has.
    let frames = answer.into_frames().map(move |frame| {
        let _held = &place;
        frame
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (ACCEL_BUFFERING, "no"),
        (CONVERSATION, &conversation.token),
    ];
    Ok((headers, Body::from_stream(frames)).into_response())
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Question, Problem> {
    // A form of another site can send JSON text, but not with this content type, unless this server lets it.
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map_or(&b""[..], |value| value.as_bytes());
    if !content_type.starts_with(b"application/json") {
        return Err(refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "notJson",
            "Send application/json.",
        ));
    }
    let question: Question = serde_json::from_slice(body).map_err(|error| {
        let words = format!(
            "The body must be {{\"prompt\": \"...\", \"conversation\": \"...\"}}: {error}."
        );
        refused(StatusCode::BAD_REQUEST, "questionMalformed", words)
    })?;
    match question.prompt.trim().chars().count() {
        0 => Err(refused(
            StatusCode::BAD_REQUEST,
            "promptEmpty",
            "Type a question first.",
        )),
        length if length > PROMPT_LENGTH_MAX => {
            let words = format!(
                "It has {length} characters; the limit is {PROMPT_LENGTH_MAX}. Shorten it."
            );
            Err(refused(StatusCode::BAD_REQUEST, "promptTooLong", words))
        }
        _ => Ok(question),
    }
}

fn refused(status: StatusCode, code: &'static str, words: impl Into<String>) -> Problem {
    Problem::new(
        status,
        code,
        "The question cannot be sent",
        words,
        Action::None,
    )
}

fn not_yours() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "conversationUnknown",
        "This conversation has ended",
        "It belongs to an earlier visit. Ask in a new one; the agent will not remember what was said here.",
        Action::NewConversation,
    )
}

pub(super) fn no_place(full: Full) -> Problem {
    let words = match full {
        Full::Visitor => {
            "Other answers are still arriving, perhaps in another tab. Stop one, or wait until it ends."
        }
        Full::Everybody => {
            "Many people are asking right now. Try again in a few seconds. Nothing was paid."
        }
    };
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "tooManyAnswers",
        "Too many answers at once",
        words,
        Action::Retry,
    )
    .retry_after(5)
}
