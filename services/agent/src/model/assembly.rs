//! Puts the pieces of a streamed answer together.

use std::collections::BTreeMap;

use aws_sdk_bedrockruntime::types::{
    ContentBlockDelta, ContentBlockStart, ConverseStreamOutput, StopReason,
};
use serde_json::{Map, Value};

use super::thoughts::Thoughts;

/// A whole answer of the model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) blocks: Vec<Block>,
    pub(crate) stop_reason: StopReason,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
}

/// A part of an answer. Parts that only the model itself can use, such as its reasoning, are left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    Text(String),
    ToolUse(ToolUse),
}

/// The model's wish to call a tool.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ToolUse {
    pub(crate) id: String,
    pub(crate) name: String,
    /// What the tool is to be called with, or what is wrong with what the model wrote.
    pub(crate) arguments: Result<Map<String, Value>, String>,
}

/// An answer that is still coming in.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    blocks: BTreeMap<i32, Partial>,
    stop_reason: Option<StopReason>,
    input_tokens: u64,
    output_tokens: u64,
}

#[derive(Debug)]
enum Partial {
    Text {
        said: String,
        thoughts: Thoughts,
    },
    ToolUse {
        id: String,
        name: String,
        input: String,
    },
}

impl Assembly {
    /// Takes one event of the stream. Returns the text that it brought, if any.
    pub(crate) fn add(&mut self, event: ConverseStreamOutput) -> Option<String> {
        match event {
            ConverseStreamOutput::ContentBlockStart(start) => {
                if let Some(ContentBlockStart::ToolUse(tool)) = start.start {
                    let partial = Partial::ToolUse {
                        id: tool.tool_use_id,
                        name: tool.name,
                        input: String::new(),
                    };
                    self.blocks.insert(start.content_block_index, partial);
                }
                None
            }
            ConverseStreamOutput::ContentBlockDelta(delta) => {
                self.add_delta(delta.content_block_index, delta.delta?)
            }
            ConverseStreamOutput::ContentBlockStop(stop) => {
                match self.blocks.get_mut(&stop.content_block_index)? {
                    Partial::Text { said, thoughts } => {
                        let text = thoughts.finish();
                        said.push_str(&text);
                        (!text.is_empty()).then_some(text)
                    }
                    Partial::ToolUse { .. } => None,
                }
            }
            ConverseStreamOutput::MessageStop(stop) => {
                self.stop_reason = Some(stop.stop_reason);
                None
            }
            ConverseStreamOutput::Metadata(metadata) => {
                let usage = metadata.usage?;
                self.input_tokens = usage.input_tokens.try_into().unwrap_or(0);
                self.output_tokens = usage.output_tokens.try_into().unwrap_or(0);
                None
            }
            _ => None,
        }
    }

    fn add_delta(&mut self, index: i32, delta: ContentBlockDelta) -> Option<String> {
        let partial = self.blocks.entry(index).or_insert_with(|| Partial::Text {
            said: String::new(),
            thoughts: Thoughts::default(),
        });
        match (delta, partial) {
            (ContentBlockDelta::Text(text), Partial::Text { said, thoughts }) => {
                let text = thoughts.add(&text);
                said.push_str(&text);
                (!text.is_empty()).then_some(text)
            }
            (ContentBlockDelta::ToolUse(delta), Partial::ToolUse { input, .. }) => {
                input.push_str(&delta.input);
                None
            }
            _ => None,
        }
    }

    /// An answer that the model began as a thought and never ended, when it has said and wanted nothing else: it becomes a part of
    /// the answer, and is returned.
    pub(crate) fn unfinished_thought(&mut self) -> Option<String> {
        let said_nothing = self.blocks.values().all(|partial| match partial {
            Partial::Text { said, .. } => said.trim().is_empty(),
            Partial::ToolUse { .. } => false,
        });
        if !said_nothing {
            return None;
        }
        self.blocks.values_mut().find_map(|partial| match partial {
            Partial::Text { said, thoughts } => {
                *said = thoughts.unfinished()?.to_owned();
                Some(said.clone())
            }
            Partial::ToolUse { .. } => None,
        })
    }

    /// The answer. None when the stream ended before the model had said that it stopped.
    pub(crate) fn finish(self) -> Option<Answer> {
        let blocks = self
            .blocks
            .into_values()
            .filter_map(Partial::finish)
            .collect();
        let (input_tokens, output_tokens) = (self.input_tokens, self.output_tokens);
        self.stop_reason.map(|stop_reason| Answer {
            blocks,
            stop_reason,
            input_tokens,
            output_tokens,
        })
    }
}

impl Partial {
    fn finish(self) -> Option<Block> {
        match self {
            // Converse refuses a blank text when it is sent back as history.
            Self::Text { said, .. } => (!said.trim().is_empty()).then_some(Block::Text(said)),
            Self::ToolUse { id, name, input } => Some(Block::ToolUse(ToolUse {
                id,
                name,
                arguments: parse_arguments(&input),
            })),
        }
    }
}

/// A tool without parameters is called with no input at all.
fn parse_arguments(input: &str) -> Result<Map<String, Value>, String> {
    if input.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(input).map_err(|error| {
        format!("The arguments are not a JSON object ({error}). Call the tool again.")
    })
}

impl Answer {
    pub(crate) fn tool_uses(&self) -> Vec<ToolUse> {
        let tool_use = |block: &Block| match block {
            Block::ToolUse(tool_use) => Some(tool_use.clone()),
            Block::Text(_) => None,
        };
        self.blocks.iter().filter_map(tool_use).collect()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_bedrockruntime::types::{
        ContentBlockDeltaEvent, ContentBlockStartEvent, ContentBlockStopEvent, MessageStopEvent,
        ToolUseBlockDelta, ToolUseBlockStart,
    };
    use expect_test::expect;

    use super::*;

    fn text(index: i32, text: &str) -> ConverseStreamOutput {
        delta(index, ContentBlockDelta::Text(text.into()))
    }

    fn delta(index: i32, delta: ContentBlockDelta) -> ConverseStreamOutput {
        let event = ContentBlockDeltaEvent::builder()
            .content_block_index(index)
            .delta(delta)
            .build();
        ConverseStreamOutput::ContentBlockDelta(event.unwrap())
    }

    fn tool(index: i32, inputs: &[&str]) -> Vec<ConverseStreamOutput> {
        let start = ToolUseBlockStart::builder()
            .tool_use_id(format!("t{index}"))
            .name("get_weather");
        let start = ContentBlockStart::ToolUse(start.build().unwrap());
        let start = ContentBlockStartEvent::builder()
            .content_block_index(index)
            .start(start)
            .build();
        let mut events = vec![ConverseStreamOutput::ContentBlockStart(start.unwrap())];
        for input in inputs {
            let input = ToolUseBlockDelta::builder().input(*input).build().unwrap();
            events.push(delta(index, ContentBlockDelta::ToolUse(input)));
        }
        events
    }

    fn stopped(index: i32) -> ConverseStreamOutput {
        let stop = ContentBlockStopEvent::builder()
            .content_block_index(index)
            .build();
        ConverseStreamOutput::ContentBlockStop(stop.unwrap())
    }

    fn stop(reason: StopReason) -> ConverseStreamOutput {
        let stop = MessageStopEvent::builder().stop_reason(reason).build();
        ConverseStreamOutput::MessageStop(stop.unwrap())
    }

    #[test]
    fn text_and_tools_in_the_order_of_their_index() {
        let mut assembly = Assembly::default();
        let mut spoken = Vec::new();
        let mut events = vec![text(0, ""), text(1, "Let me "), text(1, "look.")];
        events.extend(tool(2, &["{\"city\":", "\"Tokyo\"}"]));
        events.extend(tool(3, &[]));
        events.extend(tool(4, &["{\"city\""]));
        events.push(stop(StopReason::ToolUse));
        for event in events {
            spoken.extend(assembly.add(event));
        }
        assert_eq!(spoken, ["Let me ", "look."]);
        let answer = assembly.finish().unwrap();
        let lines: Vec<String> = answer
            .blocks
            .iter()
            .map(|block| format!("{block:?}\n"))
            .collect();
        expect![[r#"
            Text("Let me look.")
            ToolUse(ToolUse { id: "t2", name: "get_weather", arguments: Ok({"city": String("Tokyo")}) })
            ToolUse(ToolUse { id: "t3", name: "get_weather", arguments: Ok({}) })
            ToolUse(ToolUse { id: "t4", name: "get_weather", arguments: Err("The arguments are not a JSON object (EOF while parsing an object at line 1 column 7). Call the tool again.") })
        "#]].assert_eq(&lines.concat());
    }

    #[test]
    fn a_stream_that_breaks_off_is_no_answer() {
        let mut assembly = Assembly::default();
        assembly.add(text(0, "Let me"));
        assert_eq!(assembly.finish(), None);
    }

    #[test]
    fn thoughts_are_neither_said_nor_remembered() {
        let mut assembly = Assembly::default();
        let mut spoken = Vec::new();
        let mut events = vec![
            text(0, "<think"),
            text(0, "ing>They ask.</thi"),
            text(0, "nking>\n\nLet me <"),
        ];
        events.push(stopped(0));
        events.extend(tool(1, &[]));
        events.push(stop(StopReason::ToolUse));
        for event in events {
            spoken.extend(assembly.add(event));
        }
        assert_eq!(spoken, ["Let me ", "<"]);
        assert_eq!(assembly.unfinished_thought(), None);
        assert_eq!(
            assembly.finish().unwrap().blocks[0],
            Block::Text("Let me <".to_owned())
        );
    }

    #[test]
    fn an_answer_that_is_only_a_thought_without_an_end_is_told() {
        let mut assembly = Assembly::default();
        for event in [
            text(0, "<thinking>It is 11.6 °C."),
            stopped(0),
            stop(StopReason::EndTurn),
        ] {
            assert_eq!(assembly.add(event), None);
        }
        assert_eq!(assembly.unfinished_thought().unwrap(), "It is 11.6 °C.");
        assert_eq!(
            assembly.finish().unwrap().blocks,
            [Block::Text("It is 11.6 °C.".to_owned())]
        );
    }
}
