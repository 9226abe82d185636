//! The answer of `ConverseStream`: event-stream messages, one word after the other.

use std::convert::Infallible;
use std::time::Duration;

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use serde_json::{Value, json};

use super::super::error::AwsError;
use super::model::{Answer, Block};
use super::usage;

/// Between two pieces of an answer, so that a reader sees them come.
const PACE: Duration = Duration::from_millis(8);
const INPUT_PIECE_LETTERS: usize = 12;

/// Frames everything first: a piece that cannot be framed is an error answer, not a stream that breaks off.
pub(super) fn events(
    answer: &Answer,
) -> Result<impl Stream<Item = Result<Bytes, Infallible>> + use<>, AwsError> {
    let frames = pieces(answer)
        .into_iter()
        .map(|(kind, payload)| frame(kind, &payload))
        .collect::<Result<Vec<Bytes>, AwsError>>()?;
    Ok(futures_util::stream::iter(frames).then(|frame| async {
        tokio::time::sleep(PACE).await;
        Ok(frame)
    }))
}

fn pieces(answer: &Answer) -> Vec<(&'static str, Value)> {
    let mut pieces = vec![("messageStart", json!({ "role": "assistant" }))];
    for (index, block) in answer.blocks.iter().enumerate() {
        let delta = |delta: Value| {
            (
                "contentBlockDelta",
                json!({ "contentBlockIndex": index, "delta": delta }),
            )
        };
        match block {
            Block::Text(text) => pieces.extend(
                text.split_inclusive(' ')
                    .map(|word| delta(json!({ "text": word }))),
            ),
            Block::ToolUse { id, name, input } => {
                let start = json!({ "contentBlockIndex": index, "start": { "toolUse": { "toolUseId": id, "name": name } } });
                pieces.push(("contentBlockStart", start));
                let letters: Vec<char> = input.to_string().chars().collect();
                let parts = letters.chunks(INPUT_PIECE_LETTERS).map(String::from_iter);
                pieces.extend(
                    parts.map(|part: String| delta(json!({ "toolUse": { "input": part } }))),
                );
            }
        }
        pieces.push(("contentBlockStop", json!({ "contentBlockIndex": index })));
    }
    pieces.push(("messageStop", json!({ "stopReason": answer.stop_reason })));
    pieces.push((
        "metadata",
        json!({ "usage": usage(answer), "metrics": { "latencyMs": 1 } }),
    ));
    pieces
}

fn frame(kind: &'static str, payload: &Value) -> Result<Bytes, AwsError> {
    let text = |text: &'static str| HeaderValue::String(text.into());
    let message = Message::new(payload.to_string())
        .add_header(Header::new(":message-type", text("event")))
        .add_header(Header::new(":event-type", text(kind)))
        .add_header(Header::new(":content-type", text("application/json")));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes)
        .map_err(|error| AwsError::internal(format!("an event cannot be framed: {error}")))?;
    Ok(bytes.into())
}
