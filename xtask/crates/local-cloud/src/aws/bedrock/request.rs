//! What `Converse` is sent, as far as the offline model reads it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConverseRequest {
    #[serde(default)]
    pub messages: Vec<Message>,
    #[serde(default)]
    pub system: Vec<Value>,
    #[serde(default)]
    pub inference_config: InferenceConfig,
    pub tool_config: Option<ToolConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InferenceConfig {
    pub max_tokens: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Author {
    User,
    Assistant,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Message {
    pub role: Author,
    #[serde(default)]
    pub content: Vec<ContentBlock>,
}

/// A union on the wire: one of the members is there. What we do not read stays in `others`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContentBlock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_use: Option<ToolUse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_result: Option<ToolResult>,
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolUse {
    pub tool_use_id: String,
    pub name: String,
    #[serde(default)]
    pub input: Value,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolResult {
    pub tool_use_id: String,
    #[serde(default)]
    pub content: Vec<ResultBlock>,
    pub status: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ResultBlock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig {
    #[serde(default)]
    pub tools: Vec<Tool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tool {
    /// Missing for things that are no tool, such as a cache point.
    pub tool_spec: Option<ToolSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolSpec {
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub input_schema: InputSchema,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct InputSchema {
    #[serde(default)]
    pub json: Value,
}

impl ConverseRequest {
    pub(super) fn tools(&self) -> Vec<&ToolSpec> {
        self.tool_config
            .iter()
            .flat_map(|config| &config.tools)
            .filter_map(|tool| tool.tool_spec.as_ref())
            .collect()
    }
}

impl Message {
    /// All text blocks, one after the other.
    pub(super) fn text(&self) -> String {
        let texts: Vec<&str> = self
            .content
            .iter()
            .filter_map(|block| block.text.as_deref())
            .collect();
        texts.join("\n")
    }

    pub(super) fn tool_uses(&self) -> impl Iterator<Item = &ToolUse> {
        self.content
            .iter()
            .filter_map(|block| block.tool_use.as_ref())
    }

    pub(super) fn tool_results(&self) -> impl Iterator<Item = &ToolResult> {
        self.content
            .iter()
            .filter_map(|block| block.tool_result.as_ref())
    }
}
