//! The tools of the MCP server in the form that the model is told of them.

use aws_sdk_bedrockruntime::types::{Tool, ToolConfiguration, ToolInputSchema, ToolSpecification};

use runtime::text::clean_lines;

use super::schema;
use crate::model::document;

/// What Converse takes as the name of a tool, besides letters and digits.
const NAME_SIGNS: [char; 2] = ['_', '-'];
const NAME_LENGTH_MAX: usize = 64;
const DESCRIPTION_CHARACTERS_MAX: usize = 4_000;

/// The tools of one server.
#[derive(Debug)]
pub(crate) struct Toolbox {
    tools: Vec<rmcp::model::Tool>,
    configuration: Option<ToolConfiguration>,
}

impl Toolbox {
    /// Leaves out tools that the model could not call.
    pub(crate) fn new(mut tools: Vec<rmcp::model::Tool>) -> Self {
        tools.retain(|tool| {
            let usable = is_name(&tool.name);
            if !usable {
                tracing::warn!(tool = %tool.name, "a tool was left out: Bedrock does not accept its name");
            }
            usable
        });
        let specifications: Vec<Tool> = tools.iter().map(specification).collect();
        let configuration = (!specifications.is_empty()).then(|| {
            let configuration = ToolConfiguration::builder()
                .set_tools(Some(specifications))
                .build();
            configuration.expect("a configuration needs nothing but tools")
        });
        Self {
            tools,
            configuration,
        }
    }

    /// What Converse is told. None when there are no tools, because it refuses an empty list.
    pub(crate) fn configuration(&self) -> Option<ToolConfiguration> {
        self.configuration.clone()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&rmcp::model::Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    /// For messages: `get_price, get_wallet`.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.tools.iter().map(|tool| tool.name.as_ref()).collect();
        names.join(", ")
    }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_LENGTH_MAX).contains(&name.len())
        && name
            .chars()
            .all(|sign| sign.is_ascii_alphanumeric() || NAME_SIGNS.contains(&sign))
}

fn specification(tool: &rmcp::model::Tool) -> Tool {
    let description = tool
        .description
        .as_deref()
        .filter(|text| !text.is_empty())
        .unwrap_or(&tool.name);
    let specification = ToolSpecification::builder()
        .name(tool.name.as_ref())
        .description(clean_lines(description, DESCRIPTION_CHARACTERS_MAX))
        .input_schema(ToolInputSchema::Json(document::from_object(
            &schema::for_model(&tool.input_schema),
        )))
        .build();
    Tool::ToolSpec(specification.expect("name and schema are all that a tool needs"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_tools_that_the_model_can_call() {
        let tool = |name: &str| {
            serde_json::from_value(json!({"name": name, "inputSchema": {"type": "object"}}))
                .unwrap()
        };
        let long = "x".repeat(65);
        let toolbox = Toolbox::new(vec![
            tool("get_price"),
            tool("files.read"),
            tool(""),
            tool(&long),
            tool("get-it"),
        ]);
        assert_eq!(toolbox.names(), "get_price, get-it");
        assert_eq!(toolbox.configuration().unwrap().tools().len(), 2);
        assert!(Toolbox::new(Vec::new()).configuration().is_none());
    }
}
