//! Messages, tools and results for the tests of the offline model.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, Message, StopReason, Tool, ToolConfiguration, ToolInputSchema,
    ToolResultBlock, ToolResultContentBlock, ToolResultStatus, ToolSpecification, ToolUseBlock,
};
use aws_smithy_types::{Document, Number};
use serde_json::{Value, json};

pub(super) const MODEL: &str = "turnpike.offline-model";

pub(super) fn document(value: &Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(flag) => Document::Bool(*flag),
        Value::Number(number) => Document::Number(
            number
                .as_u64()
                .map_or_else(|| Number::Float(number.as_f64().unwrap()), Number::PosInt),
        ),
        Value::String(text) => Document::String(text.clone()),
        Value::Array(list) => Document::Array(list.iter().map(document).collect()),
        Value::Object(object) => Document::Object(
            object
                .iter()
                .map(|(key, value)| (key.clone(), document(value)))
                .collect(),
        ),
    }
}

pub(super) fn tools() -> ToolConfiguration {
    let city = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    let nothing = json!({ "type": "object", "properties": {} });
    let tools = [
        ("get_weather", "Weather of a city, for a price", &city),
        ("get_price", "What an answer costs", &nothing),
        ("get_wallet", "Balance", &nothing),
    ];
    let tools = tools.map(|(name, description, schema)| {
        let schema = ToolInputSchema::Json(document(schema));
        Tool::ToolSpec(
            ToolSpecification::builder()
                .name(name)
                .description(description)
                .input_schema(schema)
                .build()
                .unwrap(),
        )
    });
    ToolConfiguration::builder()
        .set_tools(Some(tools.into()))
        .build()
        .unwrap()
}

pub(super) fn message(role: ConversationRole, content: Vec<ContentBlock>) -> Message {
    Message::builder()
        .role(role)
        .set_content(Some(content))
        .build()
        .unwrap()
}

pub(super) fn user(text: &str) -> Message {
    message(
        ConversationRole::User,
        vec![ContentBlock::Text(text.to_owned())],
    )
}

pub(super) async fn converse(client: &Client, messages: &[Message]) -> (Message, StopReason) {
    let output = client
        .converse()
        .model_id(MODEL)
        .tool_config(tools())
        .set_messages(Some(messages.to_vec()))
        .send()
        .await
        .unwrap();
    let usage = output.usage().unwrap();
    assert!(
        usage.input_tokens() > 0
            && usage.output_tokens() > 0
            && usage.total_tokens() == usage.input_tokens() + usage.output_tokens()
    );
    (
        output.output().unwrap().as_message().unwrap().clone(),
        output.stop_reason().clone(),
    )
}

pub(super) fn calls(message: &Message) -> Vec<&ToolUseBlock> {
    message
        .content()
        .iter()
        .filter_map(|block| block.as_tool_use().ok())
        .collect()
}

pub(super) fn said(message: &Message) -> String {
    message
        .content()
        .iter()
        .filter_map(|block| block.as_text().ok())
        .cloned()
        .collect()
}

pub(super) fn names(message: &Message) -> Vec<String> {
    let input = |call: &ToolUseBlock| {
        call.input()
            .as_object()
            .unwrap()
            .values()
            .map(|value| value.as_string().unwrap().to_owned())
            .collect::<String>()
    };
    calls(message)
        .into_iter()
        .map(|call| format!("{}({})", call.name(), input(call)))
        .collect()
}

pub(super) fn result(id: &str, value: Result<Value, &str>) -> ContentBlock {
    let builder = ToolResultBlock::builder().tool_use_id(id);
    ContentBlock::ToolResult(match value {
        Ok(value) => builder
            .content(ToolResultContentBlock::Json(document(&value)))
            .build()
            .unwrap(),
        Err(text) => builder
            .content(ToolResultContentBlock::Text(text.to_owned()))
            .status(ToolResultStatus::Error)
            .build()
            .unwrap(),
    })
}

pub(super) fn weather(city: &str, temperature: f64) -> Value {
    json!({ "city": city, "country": "XX", "temperatureCelsius": temperature, "conditions": "mostly sunny", "month": "November", "kind": "climateNormal",
            "payment": { "amount": "10000", "displayAmount": "0.01", "currency": "USDC" } })
}
