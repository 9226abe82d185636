//! Refuses conversations that Bedrock would refuse, so that an agent's mistake shows on the local stage.

use std::collections::HashSet;

use super::request::{Author, ContentBlock, ConverseRequest, Message, ToolSpec};

/// Members of a content block that change nothing for the offline model.
const IGNORED_BLOCKS: [&str; 2] = ["cachePoint", "reasoningContent"];
const TOOL_NAME_LENGTH_MAX: usize = 64;
/// All that Amazon Nova takes at the top of a tool's schema, and so what every model is sent: a list of tools that it refuses is
/// refused on the local stage too. <https://docs.aws.amazon.com/nova/latest/userguide/prompting-tool-troubleshooting.html>; the
/// words are those of zed-industries/zed#28521.
const SCHEMA_KEYS: [&str; 3] = ["properties", "required", "type"];

pub(super) fn check(request: &ConverseRequest) -> Result<(), String> {
    if request.messages.is_empty() {
        return Err(
            "The messages field must not be empty: a conversation must start with a user message."
                .to_owned(),
        );
    }
    check_tools(&request.tools(), request.tool_config.is_some())?;
    if request.inference_config.max_tokens == Some(0) {
        return Err("Value '0' at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must have value greater than or equal to 1".to_owned());
    }
    let mut expected = Author::User;
    let mut before: Option<&Message> = None;
    for (index, message) in request.messages.iter().enumerate() {
        match (index, message.role == expected) {
            (_, true) => {}
            (0, false) => return Err("A conversation must start with a user message. Try again with a conversation that starts with a user message.".to_owned()),
            _ => return Err("A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.".to_owned()),
        }
        check_message(index, message, request.tool_config.is_some())?;
        check_tool_results(index, message, before)?;
        expected = if message.role == Author::User {
            Author::Assistant
        } else {
            Author::User
        };
        before = Some(message);
    }
    match expected {
        Author::Assistant => Ok(()),
        Author::User => Err(
            "The offline model does not continue an assistant message: the conversation must end with a user message."
                .to_owned(),
        ),
    }
}

fn check_tools(tools: &[&ToolSpec], configured: bool) -> Result<(), String> {
    if configured && tools.is_empty() {
        return Err("Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1".to_owned());
    }
    let mut names = HashSet::new();
    for (index, tool) in tools.iter().enumerate() {
        let name = &tool.name;
        let letters = name
            .bytes()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == b'_' || letter == b'-');
        if name.is_empty() || name.len() > TOOL_NAME_LENGTH_MAX || !letters {
            return Err(format!(
                "Value '{name}' at 'toolConfig.tools.toolSpec.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+ with at most {TOOL_NAME_LENGTH_MAX} characters"
            ));
        }
        if !names.insert(name) {
            return Err(format!(
                "The tool {name} is already defined at toolConfig.tools."
            ));
        }
        if !tool
            .input_schema
            .json
            .get("type")
            .is_some_and(|kind| kind == "object")
        {
            return Err(format!(
                "The value at toolConfig.tools.toolSpec.inputSchema.json.type of the tool {name} must be one of the following: object."
            ));
        }
        let fields = tool.input_schema.json.as_object();
        let mut keys = fields.into_iter().flat_map(|fields| fields.keys());
        if let Some(key) = keys.find(|key| !SCHEMA_KEYS.contains(&key.as_str())) {
            return Err(format!(
                "The model returned the following errors: Malformed input request: #/toolConfig/tools/{index}/toolSpec/inputSchema/json: extraneous key [{key}] is not permitted, please reformat your input and try again."
            ));
        }
    }
    Ok(())
}

fn check_message(index: usize, message: &Message, has_tools: bool) -> Result<(), String> {
    if message.content.is_empty() {
        return Err(format!(
            "The content field in the Message object at messages.{index} is empty. Add a ContentBlock object to the content field and try again."
        ));
    }
    for (position, block) in message.content.iter().enumerate() {
        let place = format!("messages.{index}.content.{position}");
        if block
            .text
            .as_ref()
            .is_some_and(|text| text.trim().is_empty())
        {
            return Err(format!(
                "The text field in the ContentBlock object at {place} is blank. Add text to the text field, and try again."
            ));
        }
        if (block.tool_use.is_some() || block.tool_result.is_some()) && !has_tools {
            return Err(
                "The toolConfig field must be defined when using toolUse and toolResult content blocks.".to_owned()
            );
        }
        let wrong_author = match message.role {
            Author::User => block.tool_use.is_some(),
            Author::Assistant => block.tool_result.is_some(),
        };
        if wrong_author {
            return Err(format!(
                "The content block at {place} does not belong to its role: toolUse is the assistant's, toolResult the user's."
            ));
        }
        check_kind(block, &place)?;
    }
    Ok(())
}

fn check_kind(block: &ContentBlock, place: &str) -> Result<(), String> {
    let known = usize::from(block.text.is_some())
        + usize::from(block.tool_use.is_some())
        + usize::from(block.tool_result.is_some());
    match block
        .others
        .keys()
        .find(|kind| !IGNORED_BLOCKS.contains(&kind.as_str()))
    {
        Some(kind) => Err(format!(
            "The offline model reads text and tools only; the content block at {place} is `{kind}`."
        )),
        None if known + block.others.len() == 1 => Ok(()),
        None => Err(format!(
            "The content block at {place} must set exactly one of its members."
        )),
    }
}

/// Every tool use of a turn is answered in the next one, and nothing else is.
fn check_tool_results(
    index: usize,
    message: &Message,
    before: Option<&Message>,
) -> Result<(), String> {
    if message.role == Author::Assistant {
        return Ok(());
    }
    let used: Vec<&str> = before
        .iter()
        .flat_map(|message| message.tool_uses())
        .map(|tool_use| tool_use.tool_use_id.as_str())
        .collect();
    let answered: Vec<&str> = message
        .tool_results()
        .map(|result| result.tool_use_id.as_str())
        .collect();
    let missing: Vec<&str> = used
        .iter()
        .filter(|id| !answered.contains(id))
        .copied()
        .collect();
    if !missing.is_empty() {
        return Err(format!(
            "Expected toolResult blocks at messages.{index}.content for the following Ids: {}",
            missing.join(", ")
        ));
    }
    match answered.iter().find(|id| !used.contains(id)) {
        Some(id) => Err(format!(
            "The toolResult block at messages.{index}.content has the Id {id}, which no toolUse block of the previous turn has."
        )),
        None if answered.len() > used.len() => Err(format!(
            "The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse blocks of previous turn."
        )),
        None => Ok(()),
    }
}
