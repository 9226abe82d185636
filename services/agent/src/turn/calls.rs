//! The tool calls of one answer.

use aws_sdk_bedrockruntime::types::{
    ContentBlock, ToolResultBlock, ToolResultContentBlock, ToolResultStatus,
};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::Value;

use crate::event::{Caller, Event};
use crate::model::{ToolUse, document};
use crate::tools::{Outcome, Toolbox, Tools};

/// More calls than this wait for their turn, so that a caller who leaves stops payments that have not begun.
const AT_ONCE_MAX: usize = 4;

/// Makes the calls, several at once, and tells the caller of each as it begins, pays and ends. The outcomes come in the order of
/// the calls. A call that has begun is always finished; once the caller has gone, no other is begun.
pub(super) async fn make(
    tools: &Tools,
    toolbox: &Toolbox,
    uses: &[ToolUse],
    caller: &Caller,
) -> Vec<Outcome> {
    let calls: Vec<_> = uses
        .iter()
        .map(|tool_use| make_one(tools, toolbox, tool_use, caller))
        .collect();
    stream::iter(calls).buffered(AT_ONCE_MAX).collect().await
}

async fn make_one(
    tools: &Tools,
    toolbox: &Toolbox,
    tool_use: &ToolUse,
    caller: &Caller,
) -> Outcome {
    if caller.is_gone() {
        return Outcome::failed(
            "The tool was not called and nothing was paid, because the caller had disconnected.",
        );
    }
    let ToolUse {
        id,
        name,
        arguments,
    } = tool_use;
    caller.emit(Event::ToolCall {
        id: id.clone(),
        name: name.clone(),
        arguments: arguments.clone().unwrap_or_default(),
    });
    let outcome = match arguments {
        _ if toolbox.get(name).is_none() => Outcome::failed(format!(
            "There is no tool {}. The tools are: {}.",
            runtime::text::clean(name, 64),
            toolbox.names()
        )),
        Ok(arguments) => {
            tools
                .call(name, arguments.clone(), caller.session_id())
                .await
        }
        Err(problem) => Outcome::failed(problem.clone()),
    };
    if let Some(receipt) = outcome.payment.clone() {
        caller.emit(Event::Payment {
            tool_call_id: id.clone(),
            receipt,
        });
    }
    let (result, error) = match outcome.result.clone() {
        Ok(result) => (Some(result), None),
        Err(error) => (None, Some(error)),
    };
    caller.emit(Event::ToolResult {
        id: id.clone(),
        name: name.clone(),
        ok: error.is_none(),
        result,
        error,
    });
    outcome
}

/// An outcome as the model reads it, and how long it is.
pub(super) fn result_block(tool_use: &ToolUse, outcome: &Outcome) -> (ContentBlock, usize) {
    let (content, length, status) = match &outcome.result {
        Ok(value @ Value::Object(_)) => (
            ToolResultContentBlock::Json(document::from_json(value)),
            value.to_string().len(),
            None,
        ),
        Ok(Value::String(text)) => (ToolResultContentBlock::Text(text.clone()), text.len(), None),
        // Converse takes objects only.
        Ok(other) => (
            ToolResultContentBlock::Text(other.to_string()),
            other.to_string().len(),
            None,
        ),
        Err(error) => {
            let text = match &outcome.payment {
                Some(receipt) => format!("{error} It was paid for nevertheless: {receipt}"),
                None => error.clone(),
            };
            let length = text.len();
            (
                ToolResultContentBlock::Text(text),
                length,
                Some(ToolResultStatus::Error),
            )
        }
    };
    let block = ToolResultBlock::builder()
        .tool_use_id(&tool_use.id)
        .content(content)
        .set_status(status)
        .build()
        .expect("id and content are all that a result needs");
    (ContentBlock::ToolResult(block), length)
}
