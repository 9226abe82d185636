//! What `Converse` is sent, as far as the offline model reads it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConverseRequest {
    #[serde(default)]
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) system: Vec<Value>,
    #[serde(default)]
    pub(super) inference_config: InferenceConfig,
    pub(super) tool_config: Option<ToolConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InferenceConfig {
    pub(super) max_tokens: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Author {
    User,
    Assistant,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) role: Author,
    #[serde(default)]
    pub(super) content: Vec<ContentBlock>,
}

/// A union on the wire: one of the members is there. What we do not read stays in `others`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContentBlock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_use: Option<ToolUse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_result: Option<ToolResult>,
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolUse {
    pub(super) tool_use_id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) input: Value,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolResult {
    pub(super) tool_use_id: String,
    #[serde(default)]
    pub(super) content: Vec<ResultBlock>,
    pub(super) status: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ResultBlock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) json: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig {
    #[serde(default)]
    pub(super) tools: Vec<Tool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tool {
    /// Missing for things that are no tool, such as a cache point.
    pub(super) tool_spec: Option<ToolSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolSpec {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) input_schema: InputSchema,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct InputSchema {
    #[serde(default)]
    pub(super) json: Value,
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
