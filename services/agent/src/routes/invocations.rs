use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::request::{self, Refusal, SESSION_ID, Task};
use crate::app::App;
use crate::event::{Caller, Event, Failure};
use crate::transcript::Transcript;
use crate::turn;

/// A page that was reloaded in the middle of a turn asks again while the old turn finishes its payment.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// `POST /invocations`: a prompt for the model, or a tool to be called directly.
///
/// 400 says that nothing was done. Whatever fails later is told in the body of a 200: AgentCore replaces the body of an error by
/// one of its own.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let body = body.map_err(|rejection| {
        Refusal(
            rejection.status(),
            Failure::new("badBody", rejection.body_text()),
        )
    })?;
    let session_id = request::session_id(&headers)?;
    let mut response = match request::task(&body)? {
        Task::Tool { name, arguments } => {
            call_tool(&app, &name, arguments, session_id.as_deref()).await?
        }
        Task::Prompt(prompt) => {
            let events = start_turn(app, session_id, prompt);
            if request::wants_events(&headers) {
                stream(events)
            } else {
                document(events).await
            }
        }
    };
    if let Some(session_id) = headers.get(SESSION_ID) {
        response
            .headers_mut()
            .insert(SESSION_ID, session_id.clone());
    }
    Ok(response)
}

/// Starts a turn that goes on by itself. It learns from the dropped receiver that its caller has gone.
fn start_turn(
    app: Arc<App>,
    session_id: Option<String>,
    prompt: String,
) -> UnboundedReceiver<Event> {
    let (caller, events) = Caller::new(session_id);
    let context = runtime::trace::current().unwrap_or_default();
    let tracker = app.turns.clone();
    tracker.spawn(runtime::trace::scope(context, async move {
        let turn = take_turn(&app, prompt, &caller);
        tokio::pin!(turn);
        tokio::select! {
            () = &mut turn => return,
            () = caller.gone() => {}
        }
        // From here on nobody waits for the turn, so AgentCore must be told that there is work.
        let _background = app.activity.begin();
        turn.await;
    }));
    events
}

async fn take_turn(app: &App, prompt: String, caller: &Caller) {
    match app.sessions.begin(caller.session_id(), BUSY_PATIENCE).await {
        Ok(_) if caller.is_gone() => {}
        Ok(mut conversation) => turn::run(&app.agent, &mut conversation, prompt, caller).await,
        Err(_busy) => {
            let sentence = "This session is still answering another prompt. Wait for its answer, or use another session.";
            turn::refuse(&app.agent, Failure::new("sessionBusy", sentence), caller);
        }
    }
}

fn stream(events: UnboundedReceiver<Event>) -> Response {
    let lines = UnboundedReceiverStream::new(events).map(|event| {
        serde_json::to_string(&event).map(|event| Bytes::from(format!("data: {event}\n\n")))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(lines)).into_response()
}

async fn document(mut events: UnboundedReceiver<Event>) -> Response {
    let mut transcript = Transcript::default();
    while let Some(event) = events.recv().await {
        transcript.add(event);
    }
    Json(transcript).into_response()
}

/// Calls a tool for a page that wants to show a price or a balance. A tool that changes anything, or pays, is the model's to call.
async fn call_tool(
    app: &App,
    name: &str,
    arguments: Map<String, Value>,
    session_id: Option<&str>,
) -> Result<Response, Refusal> {
    let failed =
        |code, sentence| Ok(Json(json!({ "error": Failure::new(code, sentence) })).into_response());
    let toolbox = match app.agent.tools.list().await {
        Ok(toolbox) => toolbox,
        Err(sentence) => return failed("toolsUnavailable", sentence),
    };
    let Some(tool) = toolbox.get(name) else {
        let sentence = format!(
            "There is no tool {name:?}. The tools are: {}.",
            toolbox.names()
        );
        return Err(Refusal::bad_request("unknownTool", sentence));
    };
    let hints = tool.annotations.as_ref();
    if hints.and_then(|hints| hints.read_only_hint) != Some(true) {
        let sentence = format!(
            "The tool {name} is not read-only, so only the model may call it. Send a prompt instead."
        );
        return Err(Refusal::bad_request("toolNotReadOnly", sentence));
    }
    let outcome = app.agent.tools.call(name, arguments, session_id).await;
    match outcome.result {
        Ok(result) => Ok(Json(result).into_response()),
        Err(sentence) => failed("toolFailed", sentence),
    }
}
