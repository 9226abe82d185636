//! A Bedrock that plays a script, in the real framing of ConverseStream.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::nova;

/// What the model does when it is asked next.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Events(Vec<(&'static str, Value)>),
    /// Events, and then an exception in the same stream.
    Broken(Vec<(&'static str, Value)>, &'static str),
    /// Events, and then silence.
    Hanging(Vec<(&'static str, Value)>),
    Refused(u16, &'static str, &'static str),
}

#[derive(Debug, Default)]
pub(crate) struct Bedrock {
    script: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<Value>>,
}

impl Bedrock {
    /// Starts it. Returns what the tests steer it by, and its address.
    pub(crate) async fn start() -> (Arc<Self>, String) {
        let bedrock = Arc::new(Self::default());
        let router = Router::new()
            .route("/model/{id}/converse-stream", post(converse))
            .with_state(Arc::clone(&bedrock));
        (bedrock, crate::process::serve(router).await)
    }

    pub(crate) fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().extend(replies);
    }

    /// What the model was asked, since the last time this was called.
    pub(crate) fn requests(&self) -> Vec<Value> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    /// The messages of the last request, one line each.
    pub(crate) fn last_messages(&self) -> String {
        let requests = self.requests();
        let messages = requests.last().expect("the model was asked")["messages"]
            .as_array()
            .unwrap()
            .clone();
        messages
            .iter()
            .map(|message| {
                format!(
                    "{}: {}\n",
                    message["role"].as_str().unwrap(),
                    message["content"]
                )
            })
            .collect()
    }
}

async fn converse(
    State(bedrock): State<Arc<Bedrock>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let refusal = nova::refusal(&id, &request);
    bedrock.requests.lock().unwrap().push(request);
    if let Some(message) = refusal {
        let headers = [
            ("x-amzn-errortype", "ValidationException"),
            ("content-type", "application/json"),
        ];
        let body = json!({ "message": message }).to_string();
        return (http::StatusCode::BAD_REQUEST, headers, body).into_response();
    }
    let reply = bedrock.script.lock().unwrap().pop_front();
    let (events, exception, hangs) = match reply.expect("the script goes on") {
        Reply::Events(events) => (events, None, false),
        Reply::Broken(events, exception) => (events, Some(exception), false),
        Reply::Hanging(events) => (events, None, true),
        Reply::Refused(status, error, message) => {
            let status = http::StatusCode::from_u16(status).unwrap();
            let headers = [
                ("x-amzn-errortype", error),
                ("content-type", "application/json"),
            ];
            return (status, headers, json!({ "message": message }).to_string()).into_response();
        }
    };
    let (sender, receiver) = mpsc::unbounded_channel::<Result<Bytes, Infallible>>();
    for (event, payload) in &events {
        sender
            .send(Ok(frame(
                &[(":message-type", "event"), (":event-type", event)],
                payload,
            )))
            .unwrap();
    }
    if let Some(exception) = exception {
        let headers = [
            (":message-type", "exception"),
            (":exception-type", exception),
        ];
        sender
            .send(Ok(frame(&headers, &json!({"message": "it broke"}))))
            .unwrap();
    }
    if hangs {
        tokio::spawn(async move { sender.closed().await });
    }
    let body = Body::from_stream(UnboundedReceiverStream::new(receiver));
    (
        [("content-type", "application/vnd.amazon.eventstream")],
        body,
    )
        .into_response()
}

fn frame(headers: &[(&'static str, &str)], payload: &Value) -> Bytes {
    let mut message = Message::new(Bytes::from(payload.to_string()));
    for (name, value) in headers
        .iter()
        .chain(&[(":content-type", "application/json")])
    {
        let value = HeaderValue::String((*value).to_owned().into());
        message = message.add_header(Header::new(*name, value));
    }
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes.into()
}

/// An answer in two pieces.
pub(crate) fn says(text: &str) -> Reply {
    let mut events = start(text);
    events.extend(stop("end_turn"));
    Reply::Events(events)
}

/// An answer in exactly these pieces.
pub(crate) fn says_in_pieces(pieces: &[&str]) -> Reply {
    let mut events = vec![("messageStart", json!({"role": "assistant"}))];
    events.extend(pieces.iter().map(|piece| {
        let delta = json!({"contentBlockIndex": 0, "delta": {"text": piece}});
        ("contentBlockDelta", delta)
    }));
    events.extend(stop("end_turn"));
    Reply::Events(events)
}

/// A wish for several tools: id, name, and the JSON text of the arguments.
pub(crate) fn calls(tools: &[(&str, &str, &str)]) -> Reply {
    let mut events = vec![("messageStart", json!({"role": "assistant"}))];
    for (index, (id, name, arguments)) in tools.iter().enumerate() {
        events.push(("contentBlockStart", json!({"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": id, "name": name}}})));
        let (first, second) = arguments.split_at(arguments.len() / 2);
        for part in [first, second] {
            events.push((
                "contentBlockDelta",
                json!({"contentBlockIndex": index, "delta": {"toolUse": {"input": part}}}),
            ));
        }
        events.push(("contentBlockStop", json!({"contentBlockIndex": index})));
    }
    events.extend(stop("tool_use"));
    Reply::Events(events)
}

/// The beginning of an answer.
pub(crate) fn start(text: &str) -> Vec<(&'static str, Value)> {
    let (first, second) = text.split_at(text.len() / 2);
    vec![
        ("messageStart", json!({"role": "assistant"})),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 0, "delta": {"text": first}}),
        ),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 0, "delta": {"text": second}}),
        ),
    ]
}

/// The end of an answer.
pub(crate) fn stop(reason: &str) -> Vec<(&'static str, Value)> {
    let usage = json!({"inputTokens": 100, "outputTokens": 10, "totalTokens": 110});
    vec![
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        ("messageStop", json!({"stopReason": reason})),
        (
            "metadata",
            json!({"usage": usage, "metrics": {"latencyMs": 1}}),
        ),
    ]
}
