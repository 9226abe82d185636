//! Bedrock's `Converse` and `ConverseStream`, answered by one offline model.

mod intent;
mod model;
mod places;
mod request;
mod sentences;
mod stream;
mod validate;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::Aws;
use super::access::Caller;
use super::error::AwsError;
use super::gateway::{self, BEDROCK};
use model::{Answer, Block};
use request::ConverseRequest;

/// The only model of the local cloud. Its name says what it is.
const MODEL_ID: &str = "turnpike.offline-model";

pub(super) async fn converse(
    State(aws): State<Aws>,
    Extension(caller): Extension<Caller>,
    Path(model): Path<String>,
    body: Bytes,
) -> Result<Response, AwsError> {
    let answered = answer(&aws, &caller, "bedrock:InvokeModel", &model, &body)?;
    let content: Vec<Value> = answered.blocks.iter().map(content_block).collect();
    let output = json!({
        "output": { "message": { "role": "assistant", "content": content } },
        "stopReason": answered.stop_reason,
        "usage": usage(&answered),
        "metrics": { "latencyMs": 1 },
    });
    Ok(Json(output).into_response())
}

pub(super) async fn converse_stream(
    State(aws): State<Aws>,
    Extension(caller): Extension<Caller>,
    Path(model): Path<String>,
    body: Bytes,
) -> Result<Response, AwsError> {
    let answered = answer(
        &aws,
        &caller,
        "bedrock:InvokeModelWithResponseStream",
        &model,
        &body,
    )?;
    let mut response = Response::new(Body::from_stream(stream::events(&answered)?));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/vnd.amazon.eventstream"),
    );
    Ok(response)
}

fn answer(
    aws: &Aws,
    caller: &Caller,
    action: &str,
    model: &str,
    body: &[u8],
) -> Result<Answer, AwsError> {
    gateway::require_service(caller, BEDROCK)?;
    let id = model
        .rsplit_once("foundation-model/")
        .map_or(model, |(_, id)| id);
    if id != MODEL_ID {
        let message = format!(
            "The provided model identifier is invalid: '{model}'. The local cloud has one model, '{MODEL_ID}'; set the stage's key `model` to it, or deploy to a cloud stage."
        );
        return Err(AwsError::validation(message));
    }
    aws.authorize(
        caller,
        action,
        &format!(
            "arn:aws:bedrock:{}::foundation-model/{id}",
            aws.inner.region
        ),
        &[],
    )?;
    let request: ConverseRequest = serde_json::from_slice(body)
        .map_err(|error| AwsError::validation(format!("Malformed input request: {error}.")))?;
    validate::check(&request).map_err(AwsError::validation)?;
    Ok(model::answer(&request))
}

fn content_block(block: &Block) -> Value {
    match block {
        Block::Text(text) => json!({ "text": text }),
        Block::ToolUse { id, name, input } => {
            json!({ "toolUse": { "toolUseId": id, "name": name, "input": input } })
        }
    }
}

fn usage(answer: &Answer) -> Value {
    let (input, output) = (answer.input_tokens, answer.output_tokens);
    json!({ "inputTokens": input, "outputTokens": output, "totalTokens": input + output })
}
