//! What Bedrock, and Amazon Nova behind it, refuses of a request. Every script is played by a model that refuses this.
//!
//! Tools: <https://docs.aws.amazon.com/nova/latest/userguide/prompting-tool-troubleshooting.html> ("top level object"), with the
//! words of zed-industries/zed#28521. Names: `ToolSpecification` in the API reference of Bedrock Runtime. Conversations: `Message`
//! and `ContentBlock` there, and aws-samples/bedrock-access-gateway#58 for the words about blank text.

use serde_json::Value;

const SCHEMA_KEYS: [&str; 3] = ["properties", "required", "type"];

/// Why the request is refused, if it is.
pub(crate) fn refusal(model: &str, request: &Value) -> Option<String> {
    tools(request)
        .or_else(|| conversation(request))
        .or_else(|| inference(model, request))
}

fn tools(request: &Value) -> Option<String> {
    let tools = request.get("toolConfig")?["tools"].as_array()?;
    if tools.is_empty() {
        return Some(
            "toolConfig.tools: Member must have length greater than or equal to 1".to_owned(),
        );
    }
    tools.iter().enumerate().find_map(|(index, tool)| {
        let specification = &tool["toolSpec"];
        let name = specification["name"].as_str().unwrap_or_default();
        let is_name = (1..=64).contains(&name.len())
            && name.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"_-".contains(&letter));
        if !is_name {
            return Some(format!("toolSpec.name: `{name}` does not fit [a-zA-Z0-9_-]+"));
        }
        let schema = specification["inputSchema"]["json"].as_object();
        let Some(schema) = schema.filter(|schema| schema["type"] == "object") else {
            return Some(format!("toolSpec.inputSchema of {name} is not an object"));
        };
        let extra = schema.keys().find(|key| !SCHEMA_KEYS.contains(&key.as_str()))?;
        Some(format!(
            "The model returned the following errors: Malformed input request: #/toolConfig/tools/{index}/toolSpec/inputSchema/json: extraneous key [{extra}] is not permitted, please reformat your input and try again."
        ))
    })
}

fn conversation(request: &Value) -> Option<String> {
    let messages = request["messages"].as_array()?;
    for (index, message) in messages.iter().enumerate() {
        let expected = if index % 2 == 0 { "user" } else { "assistant" };
        if message["role"] != expected {
            return Some(
                "A conversation must alternate between user and assistant roles.".to_owned(),
            );
        }
        let content = message["content"].as_array().map_or(&[][..], Vec::as_slice);
        if content.is_empty() {
            return Some(format!(
                "The content field in the Message object at messages.{index} is empty."
            ));
        }
        let is_blank = |block: &Value| {
            block["text"]
                .as_str()
                .is_some_and(|text| text.trim().is_empty())
        };
        if content.iter().any(is_blank) {
            return Some(format!(
                "The text field in the ContentBlock object at messages.{index} is blank."
            ));
        }
        let ids = |message: &Value, kind: &str| -> Vec<String> {
            let blocks = message["content"].as_array().into_iter().flatten();
            blocks
                .filter_map(|block| Some(block[kind]["toolUseId"].as_str()?.to_owned()))
                .collect()
        };
        let before = index.checked_sub(1).map(|before| &messages[before]);
        let wanted = before.map_or_else(Vec::new, |before| ids(before, "toolUse"));
        if expected == "user" && wanted != ids(message, "toolResult") {
            return Some(format!(
                "Expected toolResult blocks at messages.{index}.content for: {}",
                wanted.join(", ")
            ));
        }
    }
    None
}

/// Nova is asked for its likeliest words; another model is sent no setting that only Nova has.
fn inference(model: &str, request: &Value) -> Option<String> {
    let fields = &request["additionalModelRequestFields"];
    let is_nova = model.contains("amazon.nova-");
    if is_nova != (fields["inferenceConfig"]["topK"] == 1) {
        return Some(format!("{model} is sent {fields}"));
    }
    None
}
