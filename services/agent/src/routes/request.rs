//! What an invocation asks for.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::event::Failure;

pub(super) const SESSION_ID: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-session-id");
const SESSION_ID_LENGTH_MAX: usize = 256;

/// The body of an invocation.
#[derive(Debug, PartialEq)]
pub(super) enum Task {
    Prompt(String),
    /// A tool to be called without a model.
    Tool {
        name: String,
        arguments: Map<String, Value>,
    },
}

#[derive(Deserialize)]
struct Body {
    prompt: Option<String>,
    tool: Option<String>,
    #[serde(default)]
    arguments: Map<String, Value>,
}

/// A request that nothing was done for.
#[derive(Debug)]
pub(crate) struct Refusal(pub(super) StatusCode, pub(super) Failure);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl Refusal {
    pub(super) fn bad_request(code: &'static str, sentence: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, Failure::new(code, sentence))
    }
}

/// Reads the body. The content type does not matter: callers of AgentCore may leave it out.
pub(super) fn task(body: &[u8]) -> Result<Task, Refusal> {
    // An object first: serde would also read the fields of a struct from an array.
    let object: Result<Map<String, Value>, _> = serde_json::from_slice(body);
    let body: Body = object
        .and_then(|fields| serde_json::from_value(fields.into()))
        .map_err(|error| {
            let sentence = format!(
                "The body is not a valid request ({error}). Send {{\"prompt\":\"...\"}} as JSON."
            );
            Refusal::bad_request("badBody", sentence)
        })?;
    match (body.prompt, body.tool) {
        (Some(prompt), None) if prompt.trim().is_empty() => Err(Refusal::bad_request(
            "emptyPrompt",
            "The prompt is empty. Send a question.",
        )),
        (Some(prompt), None) => Ok(Task::Prompt(prompt)),
        (None, Some(name)) => Ok(Task::Tool {
            name,
            arguments: body.arguments,
        }),
        (Some(_), Some(_)) => Err(Refusal::bad_request(
            "badBody",
            "The body has both prompt and tool. Send one of them.",
        )),
        (None, None) => Err(Refusal::bad_request(
            "badBody",
            "The body has neither prompt nor tool. Send {\"prompt\":\"...\"}.",
        )),
    }
}

/// The conversation that the invocation belongs to, if it names one.
pub(super) fn session_id(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(SESSION_ID) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(id) if (1..=SESSION_ID_LENGTH_MAX).contains(&id.len()) => Ok(Some(id.to_owned())),
        _ => {
            let sentence = format!(
                "The header {SESSION_ID} must have 1 to {SESSION_ID_LENGTH_MAX} ASCII characters."
            );
            Err(Refusal::bad_request("badSessionId", sentence))
        }
    }
}

/// Whether the caller wants events as they happen, rather than one document at the end.
pub(super) fn wants_events(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|kind| {
            kind.split(';')
                .next()
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
        })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn bodies() {
        let lines: Vec<String> = [
            r#"{"prompt":"Tokyo?"}"#,
            r#"{"prompt":"Tokyo?","unknown":1}"#,
            r#"{"tool":"get_wallet"}"#,
            r#"{"tool":"get_wallet","arguments":{"a":1}}"#,
            r#"{"prompt":" \n"}"#,
            r#"{"prompt":7}"#,
            r#"{"tool":"get_wallet","arguments":[]}"#,
            r#"{"prompt":"a","tool":"b"}"#,
            "{}",
            r#"["Tokyo?",null,{}]"#,
            "",
            "{\"prompt\":\"\u{0}\"}",
        ]
        .map(|body| match task(body.as_bytes()) {
            Ok(task) => format!("{body} -> {task:?}\n"),
            Err(Refusal(status, failure)) => format!(
                "{body:?} -> {} {}: {}\n",
                status.as_u16(),
                failure.code,
                failure.message
            ),
        })
        .into();
        expect![[r#"
            {"prompt":"Tokyo?"} -> Prompt("Tokyo?")
            {"prompt":"Tokyo?","unknown":1} -> Prompt("Tokyo?")
            {"tool":"get_wallet"} -> Tool { name: "get_wallet", arguments: {} }
            {"tool":"get_wallet","arguments":{"a":1}} -> Tool { name: "get_wallet", arguments: {"a": Number(1)} }
            "{\"prompt\":\" \\n\"}" -> 400 emptyPrompt: The prompt is empty. Send a question.
            "{\"prompt\":7}" -> 400 badBody: The body is not a valid request (invalid type: integer `7`, expected a string). Send {"prompt":"..."} as JSON.
            "{\"tool\":\"get_wallet\",\"arguments\":[]}" -> 400 badBody: The body is not a valid request (invalid type: sequence, expected a map). Send {"prompt":"..."} as JSON.
            "{\"prompt\":\"a\",\"tool\":\"b\"}" -> 400 badBody: The body has both prompt and tool. Send one of them.
            "{}" -> 400 badBody: The body has neither prompt nor tool. Send {"prompt":"..."}.
            "[\"Tokyo?\",null,{}]" -> 400 badBody: The body is not a valid request (invalid type: sequence, expected a map at line 1 column 0). Send {"prompt":"..."} as JSON.
            "" -> 400 badBody: The body is not a valid request (EOF while parsing a value at line 1 column 0). Send {"prompt":"..."} as JSON.
            "{\"prompt\":\"\0\"}" -> 400 badBody: The body is not a valid request (control character (\u0000-\u001F) found while parsing a string at line 1 column 12). Send {"prompt":"..."} as JSON.
        "#]].assert_eq(&lines.concat());
    }

    #[test]
    fn accept_headers() {
        let wants = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            wants_events(&headers)
        };
        assert!(wants("text/event-stream") && wants("application/json, Text/Event-Stream;q=0.5"));
        assert!(!wants("application/json") && !wants("*/*") && !wants_events(&HeaderMap::new()));
    }

    #[test]
    fn session_ids() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(
                SESSION_ID,
                http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
            session_id(&headers).map_err(|refusal| refusal.1.code)
        };
        assert_eq!(read("s-1"), Ok(Some("s-1".into())));
        assert_eq!(read(&"x".repeat(256)), Ok(Some("x".repeat(256))));
        assert_eq!(read(""), Err("badSessionId"));
        assert_eq!(read(&"x".repeat(257)), Err("badSessionId"));
        assert_eq!(read("é"), Err("badSessionId"));
        assert_eq!(session_id(&HeaderMap::new()).unwrap(), None);
    }
}
