//! The offline model: a few rules that call the tools they are offered, and put what comes back into words.

use serde_json::{Map, Value, json};

use super::super::identifiers;
use super::intent::{self, Intent};
use super::request::{Author, ConverseRequest, ToolSpec, ToolUse};
use super::{places, sentences};

/// A rough count, as the model has no tokens: about four letters each.
const LETTERS_PER_TOKEN: usize = 4;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    Text(String),
    ToolUse {
        id: String,
        name: String,
        input: Value,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub blocks: Vec<Block>,
    pub stop_reason: &'static str,
    pub input_tokens: usize,
    pub output_tokens: usize,
}

/// Answers a conversation that [`super::validate`] has checked.
pub(super) fn answer(request: &ConverseRequest) -> Answer {
    let last = request
        .messages
        .last()
        .expect("validation refuses an empty conversation");
    let mut blocks = match last.tool_results().next() {
        Some(_) => vec![Block::Text(conclusion(request))],
        None => reply(request),
    };
    let calls = blocks
        .iter()
        .any(|block| matches!(block, Block::ToolUse { .. }));
    let mut stop_reason = if calls { "tool_use" } else { "end_turn" };
    if let (Some(maximum), [Block::Text(text)]) =
        (request.inference_config.max_tokens, blocks.as_mut_slice())
        && tokens(text) > maximum
    {
        *text = text.chars().take(maximum * LETTERS_PER_TOKEN).collect();
        stop_reason = "max_tokens";
    }
    let said = |block: &Block| match block {
        Block::Text(text) => tokens(text),
        Block::ToolUse { name, input, .. } => tokens(name) + tokens(&input.to_string()),
    };
    let heard = tokens(&json!([request.messages, request.system]).to_string());
    Answer {
        output_tokens: blocks.iter().map(said).sum(),
        blocks,
        stop_reason,
        input_tokens: heard,
    }
}

fn tokens(text: &str) -> usize {
    text.chars().count().div_ceil(LETTERS_PER_TOKEN)
}

/// An answer to a prompt: tool calls if they are needed, else text.
fn reply(request: &ConverseRequest) -> Vec<Block> {
    let prompts = prompts(request);
    let (prompt, earlier) = prompts.split_last().expect("the last message is a prompt");
    let tools = request.tools();
    let mut intents = intent::intents(prompt);
    let mut places = places::places(prompt);
    if intents.is_empty() && !places.is_empty() {
        // `And in Oslo?` goes on with what was asked before.
        intents = earlier
            .iter()
            .rev()
            .map(|prompt| intent::intents(prompt))
            .find(|found| !found.is_empty())
            .unwrap_or_default();
        intents.retain(|&intent| intent == Intent::Weather);
    }
    if intents.contains(&Intent::Weather)
        && !places.is_empty()
        && !intent::is_price_question(prompt)
    {
        // The answer itself says what it cost.
        intents.retain(|&intent| intent != Intent::Price);
    } else if intents.len() > 1 {
        // `What does the weather cost?` asks for no weather.
        intents.retain(|&intent| intent != Intent::Weather);
    }
    if intents == [Intent::Weather] && places.is_empty() {
        places = places::leftover(prompt);
        if places.is_empty() {
            places = earlier
                .iter()
                .rev()
                .map(|prompt| places::places(prompt))
                .find(|found| !found.is_empty())
                .unwrap_or_default();
        }
        if places.is_empty() {
            return vec![Block::Text(
                "Which city do you mean? Ask me, for example, for the weather in Tokyo.".to_owned(),
            )];
        }
    }
    let mut calls = Vec::new();
    for intent in &intents {
        match intent.tool(&tools) {
            Some(tool) => calls.extend(uses(*intent, tool, &places)),
            None => return vec![Block::Text(sentences::no_tool(*intent, &tools))],
        }
    }
    if calls.is_empty() {
        vec![Block::Text(sentences::introduction(&tools))]
    } else {
        calls
    }
}

/// What the user has said in words, oldest first.
fn prompts(request: &ConverseRequest) -> Vec<String> {
    let said = request
        .messages
        .iter()
        .filter(|message| message.role == Author::User && message.tool_results().next().is_none());
    said.map(super::request::Message::text).collect()
}

/// One call for each place if the tool is about places, else one.
fn uses(intent: Intent, tool: &ToolSpec, places: &[String]) -> Vec<Block> {
    let call = |input: Value| Block::ToolUse {
        id: tool_use_id(),
        name: tool.name.clone(),
        input,
    };
    match place_property(tool) {
        Some(property) if intent == Intent::Weather => places
            .iter()
            .map(|place| call(json!({ property: place })))
            .collect(),
        _ => vec![call(Value::Object(Map::new()))],
    }
}

/// The input property that takes a place: by its name, else the first required one that is a string.
fn place_property(tool: &ToolSpec) -> Option<&str> {
    let properties = tool.input_schema.json.get("properties")?.as_object()?;
    let by_name = ["city", "location", "place", "town", "query", "name"]
        .into_iter()
        .find(|name| properties.contains_key(*name));
    let is_string = |name: &&str| {
        properties
            .get(*name)
            .is_some_and(|property| property.get("type").is_some_and(|kind| kind == "string"))
    };
    let required = tool
        .input_schema
        .json
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    by_name.or_else(|| required.filter_map(Value::as_str).find(is_string))
}

fn tool_use_id() -> String {
    format!("tooluse_{}", hex::encode(identifiers::random::<11>()))
}

/// Puts the results of the tools into words.
fn conclusion(request: &ConverseRequest) -> String {
    let [.., asked, last] = request.messages.as_slice() else {
        return String::new();
    };
    let results: Vec<(&ToolUse, &super::request::ToolResult)> = last
        .tool_results()
        .filter_map(|result| {
            asked
                .tool_uses()
                .find(|tool_use| tool_use.tool_use_id == result.tool_use_id)
                .map(|tool_use| (tool_use, result))
        })
        .collect();
    sentences::about(&results)
}
