//! One turn: ask the model, call the tools that it wants, and ask again, until it has nothing more to say.

mod calls;

use aws_sdk_bedrockruntime::types::{ContentBlock, StopReason, ToolUseBlock};

use crate::conversation::{Conversation, Exchange};
use crate::event::{Caller, Event, Failure};
use crate::model::{Answer, Block, Model, document, failure};
use crate::tools::Tools;

/// What a turn works with.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) model: Model,
    pub(crate) tools: Tools,
    /// Calls of the model in one turn.
    pub(crate) steps_max: u32,
}

#[derive(Debug, Default)]
struct Tally {
    steps: u32,
    input_tokens: u64,
    output_tokens: u64,
    tool_calls: usize,
}

/// How a turn ended that did not fail.
type StopWord = String;

/// What `done` says when the caller has left. Nobody reads it but the log.
const CANCELLED: &str = "cancelled";
const FAILED: &str = "error";

/// Runs one turn to its end. The caller hears of everything; the last event is always `done`. The conversation keeps what was
/// said and what the tools returned, also when the turn fails or its caller leaves.
pub(crate) async fn run(
    agent: &Agent,
    conversation: &mut Conversation,
    prompt: String,
    caller: &Caller,
) {
    let mut exchange = Exchange::new(prompt);
    let mut tally = Tally::default();
    let ended = steps(agent, conversation, &mut exchange, &mut tally, caller).await;
    let (stop_reason, failure) = match ended {
        Ok(stop_reason) => (stop_reason, None),
        Err(failure) => (stop_reason_of(&failure).to_owned(), Some(failure)),
    };
    if failure
        .as_ref()
        .is_none_or(|failure| failure.code != failure::REJECTED)
    {
        conversation.keep(exchange);
    }
    let Tally {
        steps,
        input_tokens,
        output_tokens,
        tool_calls,
    } = tally;
    let error = failure.as_ref().map(|failure| failure.code);
    tracing::info!(
        stop_reason,
        error,
        steps,
        tool_calls,
        input_tokens,
        output_tokens,
        "turn ended"
    );
    if let Some(failure) = failure {
        caller.emit(Event::Error(failure));
    }
    end(
        agent,
        stop_reason,
        steps,
        (input_tokens, output_tokens),
        caller,
    );
}

/// Tells the caller that there will be no turn.
pub(crate) fn refuse(agent: &Agent, failure: Failure, caller: &Caller) {
    caller.emit(Event::Error(failure));
    end(agent, FAILED.to_owned(), 0, (0, 0), caller);
}

fn end(
    agent: &Agent,
    stop_reason: StopWord,
    steps: u32,
    (input_tokens, output_tokens): (u64, u64),
    caller: &Caller,
) {
    let model = agent.model.id().to_owned();
    caller.emit(Event::Done {
        stop_reason,
        model,
        steps,
        input_tokens,
        output_tokens,
    });
}

async fn steps(
    agent: &Agent,
    conversation: &Conversation,
    exchange: &mut Exchange,
    tally: &mut Tally,
    caller: &Caller,
) -> Result<StopWord, Failure> {
    loop {
        let toolbox = agent
            .tools
            .list()
            .await
            .map_err(|sentence| Failure::new("toolsUnavailable", sentence))?;
        let messages = conversation.messages_with(exchange);
        tally.steps += 1;
        let answer = tokio::select! {
            answer = agent.model.answer(messages, toolbox.configuration(), caller) => answer?,
            () = caller.gone() => return Ok(CANCELLED.to_owned()),
        };
        tally.input_tokens += answer.input_tokens;
        tally.output_tokens += answer.output_tokens;
        let uses = answer.tool_uses();
        if answer.stop_reason == StopReason::MaxTokens {
            // Whatever tool the model was about to call, its arguments may be cut off.
            exchange.add_answer(texts(&answer), text_length(&answer));
            return Err(token_limit(agent.model.tokens_max()));
        }
        if uses.is_empty() {
            exchange.add_answer(texts(&answer), text_length(&answer));
            return Ok(camel_case(answer.stop_reason.as_str()));
        }
        if tally.steps >= agent.steps_max {
            // Results that no further step could use are not paid for.
            return Err(step_limit(agent.steps_max));
        }
        if caller.is_gone() {
            return Ok(CANCELLED.to_owned());
        }
        tally.tool_calls += uses.len();
        let outcomes = calls::make(&agent.tools, &toolbox, &uses, caller).await;
        let (results, lengths): (Vec<_>, Vec<_>) = uses
            .iter()
            .zip(&outcomes)
            .map(|(tool_use, outcome)| calls::result_block(tool_use, outcome))
            .unzip();
        let characters = text_length(&answer) + lengths.iter().sum::<usize>();
        exchange.add_step(
            answer.blocks.iter().map(content_block).collect(),
            results,
            characters,
        );
    }
}

fn content_block(block: &Block) -> ContentBlock {
    match block {
        Block::Text(text) => ContentBlock::Text(text.clone()),
        Block::ToolUse(tool_use) => {
            let arguments = tool_use.arguments.clone().unwrap_or_default();
            let block = ToolUseBlock::builder()
                .tool_use_id(&tool_use.id)
                .name(&tool_use.name)
                .input(document::from_object(&arguments))
                .build();
            ContentBlock::ToolUse(block.expect("id, name and input are all that a tool use needs"))
        }
    }
}

fn texts(answer: &Answer) -> Vec<ContentBlock> {
    answer
        .blocks
        .iter()
        .filter(|block| matches!(block, Block::Text(_)))
        .map(content_block)
        .collect()
}

fn text_length(answer: &Answer) -> usize {
    let length = |block: &Block| match block {
        Block::Text(text) => text.len(),
        Block::ToolUse(tool_use) => {
            tool_use.name.len()
                + tool_use
                    .arguments
                    .iter()
                    .map(|map| map.len())
                    .sum::<usize>()
        }
    };
    answer.blocks.iter().map(length).sum()
}

fn token_limit(tokens_max: i32) -> Failure {
    let sentence = format!(
        "The answer was cut off after {tokens_max} tokens. Ask for less, or raise TOKENS_MAX."
    );
    Failure::new("tokenLimit", sentence)
}

fn step_limit(steps_max: u32) -> Failure {
    let sentence = format!(
        "The question was not answered within {steps_max} steps. Ask for less at once, or raise STEPS_MAX."
    );
    Failure::new("stepLimit", sentence)
}

fn stop_reason_of(failure: &Failure) -> &'static str {
    match failure.code {
        "tokenLimit" => "maxTokens",
        "stepLimit" => "stepLimit",
        _ => FAILED,
    }
}

/// `end_turn`, as Converse says it, is `endTurn` on our wire.
fn camel_case(words: &str) -> StopWord {
    let mut words = words.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_reasons_in_camel_case() {
        for (words, expected) in [
            ("end_turn", "endTurn"),
            (
                "model_context_window_exceeded",
                "modelContextWindowExceeded",
            ),
            ("", ""),
        ] {
            assert_eq!(camel_case(words), expected);
        }
    }
}
