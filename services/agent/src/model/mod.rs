//! The model: Amazon Bedrock's ConverseStream.

mod assembly;
pub(crate) mod document;
pub(crate) mod failure;
mod thoughts;

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::types::{
    InferenceConfiguration, Message, SystemContentBlock, ToolConfiguration,
};

use aws_smithy_types::Document;

use self::assembly::Assembly;
pub(crate) use self::assembly::{Answer, Block, ToolUse};
use crate::event::{Caller, Event, Failure};

/// The longest silence before an answer, all tries together, and within it: less than the agent's callers wait.
const SILENCE_MAX: Duration = Duration::from_secs(60);

const INSTRUCTIONS: &str = "\
You are Turnpike, an assistant that answers questions with the help of tools. Some tools cost money: each such call pays at \
once, in USDC, from a wallet that belongs to the person you talk to. \
Call a tool that pays only when the question needs it, once for each thing asked, and never again for something that you \
already know from this conversation. \
Answer from what the tools return, and say so when it is not a current measurement. When you paid, say how much. \
When a tool fails, say why in plain words and do not call it again with the same arguments. \
Be brief.";

/// One model, ready to be asked. Its connections stay open between turns.
#[derive(Debug)]
pub(crate) struct Model {
    client: Client,
    id: String,
    tokens_max: i32,
}

impl Model {
    /// Nothing is called yet: credentials and connections come with the first question.
    pub(crate) fn new(aws: &SdkConfig, id: String, tokens_max: i32) -> Self {
        let timeouts = runtime::aws::timeouts(SILENCE_MAX).to_builder();
        let timeouts = timeouts.operation_timeout(SILENCE_MAX).build();
        let client = aws_sdk_bedrockruntime::config::Builder::from(aws).timeout_config(timeouts);
        Self {
            client: Client::from_conf(client.build()),
            id,
            tokens_max,
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn tokens_max(&self) -> i32 {
        self.tokens_max
    }

    /// Asks for the next message of a conversation, and hands on its text as it comes.
    pub(crate) async fn answer(
        &self,
        messages: Vec<Message>,
        tools: Option<ToolConfiguration>,
        caller: &Caller,
    ) -> Result<Answer, Failure> {
        let request = self
            .client
            .converse_stream()
            .model_id(&self.id)
            .system(SystemContentBlock::Text(INSTRUCTIONS.to_owned()))
            .inference_config(self.inference())
            .set_additional_model_request_fields(is_nova(&self.id).then(only_the_likeliest))
            .set_messages(Some(messages))
            .set_tool_config(tools);
        let mut stream = request
            .send()
            .await
            .map_err(|error| failure::of_request(&error, &self.id))?
            .stream;
        let mut assembly = Assembly::default();
        loop {
            let event = tokio::time::timeout(SILENCE_MAX, stream.recv())
                .await
                .map_err(|_elapsed| failure::timed_out(&self.id))?
                .map_err(|error| failure::of_stream(&error, &self.id))?;
            let Some(event) = event else { break };
            if let Some(text) = assembly.add(event) {
                caller.emit(Event::Text { text });
            }
        }
        if let Some(text) = assembly.unfinished_thought() {
            caller.emit(Event::Text { text });
        }
        assembly
            .finish()
            .ok_or_else(|| failure::broken_off(&self.id))
    }

    fn inference(&self) -> InferenceConfiguration {
        let inference = InferenceConfiguration::builder().max_tokens(self.tokens_max);
        let temperature = is_nova(&self.id).then_some(0.0);
        inference.set_temperature(temperature).build()
    }
}

/// True for Amazon Nova: `amazon.nova-lite-v1:0`, `us.amazon.nova-2-lite-v1:0`, and the ARNs of both.
fn is_nova(id: &str) -> bool {
    id.contains("amazon.nova-")
}

/// With temperature 0 and this, Nova calls tools without mistakes more often. It is one of its own settings, which Converse hands on
/// (<https://docs.aws.amazon.com/nova/latest/userguide/prompting-tool-troubleshooting.html>; for Nova 2, "Core inference" of its
/// guide says the same of `topK`).
fn only_the_likeliest() -> Document {
    let inference = HashMap::from([("topK".to_owned(), Document::from(1))]);
    Document::Object(HashMap::from([(
        "inferenceConfig".to_owned(),
        Document::Object(inference),
    )]))
}
