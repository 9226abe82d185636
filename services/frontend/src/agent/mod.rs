//! The agent behind AgentCore: one call, two ways to use it.

mod answer;
mod events;
mod refusal;

use std::time::Duration;

use aws_sdk_bedrockagentcore::Client;
use aws_sdk_bedrockagentcore::config::retry::RetryConfig;
use aws_sdk_bedrockagentcore::config::{Builder, Region, StalledStreamProtectionConfig};
use aws_sdk_bedrockagentcore::operation::invoke_agent_runtime::InvokeAgentRuntimeOutput;
use aws_sdk_bedrockagentcore::primitives::Blob;
use serde_json::{Value, json};

pub(crate) use answer::Answer;

use crate::config::AgentConfig;
use crate::problem::Problem;

const EVENT_STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";

/// AgentCore says "busy" while it starts or ends the session, before the agent has seen anything.
const BUSY_TRIES_MAX: u32 = 3;
const BUSY_WAIT: Duration = Duration::from_millis(300);

/// Asks the agent.
pub(crate) struct Agent {
    client: Client,
    config: AgentConfig,
}

impl Agent {
    pub(crate) fn new(sdk: Builder, config: AgentConfig) -> Self {
        let sdk = sdk
            .region(Region::new(config.region.clone()))
            // A call that got lost may have paid. Only a person decides to ask twice.
            .retry_config(RetryConfig::disabled())
            // Longer than the agent takes: its answer may have cost something.
            .timeout_config(runtime::aws::timeouts(config.answer_within))
            // A model may think for a minute between two words, which the SDK would take for a stalled download.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Self {
            client: Client::from_conf(sdk.build()),
            config,
        }
    }

    /// Asks a question. The answer's events arrive while the agent works.
    pub(crate) async fn ask(&self, session: &str, prompt: &str) -> Result<Answer, Problem> {
        let output = self
            .invoke(session, EVENT_STREAM, &json!({ "prompt": prompt }))
            .await?;
        if !output.content_type().starts_with(EVENT_STREAM) {
            tracing::error!(
                content_type = output.content_type(),
                "the agent did not answer with a stream of events"
            );
            return Err(refusal::unreadable());
        }
        Ok(Answer::new(output.response, self.config.answer_within))
    }

    /// Calls one of the agent's read-only tools, without a model.
    pub(crate) async fn read(&self, session: &str, tool: &str) -> Result<Value, Problem> {
        let output = self
            .invoke(session, JSON, &json!({ "tool": tool, "arguments": {} }))
            .await?;
        let body = output.response.collect().await.map_err(|error| {
            tracing::error!(error = %error, tool, "the agent's answer was cut off");
            refusal::cut_off()
        })?;
        serde_json::from_slice(&body.into_bytes()).map_err(|error| {
            tracing::error!(%error, tool, "the agent's answer is not JSON");
            refusal::unreadable()
        })
    }

    async fn invoke(
        &self,
        session: &str,
        accept: &str,
        payload: &Value,
    ) -> Result<InvokeAgentRuntimeOutput, Problem> {
        for tries in 1.. {
            let request = self.client.invoke_agent_runtime();
            let sent = request
                .agent_runtime_arn(&self.config.runtime_arn)
                .qualifier(&self.config.qualifier)
                .runtime_session_id(session)
                .content_type(JSON)
                .accept(accept)
                .set_trace_parent(runtime::trace::current().map(|context| context.to_string()))
                .payload(Blob::new(payload.to_string()))
                .send()
                .await;
            let problem = match sent {
                Ok(output) => return Ok(output),
                Err(error) => refusal::explain(&error),
            };
            if problem.code != refusal::SESSION_BUSY || tries >= BUSY_TRIES_MAX {
                return Err(problem);
            }
            tokio::time::sleep(BUSY_WAIT * tries).await;
        }
        Err(refusal::unreadable())
    }
}
