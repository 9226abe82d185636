//! The AgentCore control plane: which version of an agent its endpoint serves.

use aws_config::SdkConfig;
use aws_sdk_bedrockagentcorecontrol::Client;
use aws_sdk_bedrockagentcorecontrol::error::{ProvideErrorMetadata, SdkError};

use super::errors::refused;

/// The control plane in one account and region.
#[derive(Debug, Clone)]
pub struct Control {
    client: Client,
}

/// A runtime or an endpoint as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentState {
    /// `READY`, `CREATING`, `UPDATE_FAILED`...
    pub status: String,
    pub failure: Option<String>,
    /// Of a runtime the newest version, of an endpoint the one that it serves.
    pub version: Option<String>,
    /// The version that an endpoint is moving to.
    pub target: Option<String>,
}

impl AgentState {
    /// `READY, version 3`, with what is not as it should be.
    pub fn words(&self) -> String {
        let mut text = self.status.to_lowercase();
        if let Some(version) = &self.version {
            text.push_str(&format!(", version {version}"));
        }
        if let Some(target) = self
            .target
            .as_ref()
            .filter(|target| Some(*target) != self.version.as_ref())
        {
            text.push_str(&format!(", moving to version {target}"));
        }
        if let Some(failure) = &self.failure {
            text.push_str(&format!(": {failure}"));
        }
        text
    }

    pub fn is_ready(&self) -> bool {
        self.status == "READY"
    }
}

impl Control {
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// The newest version of a runtime; `None` when it is not there.
    pub async fn runtime(&self, id: &str) -> anyhow::Result<Option<AgentState>> {
        let answer = self
            .client
            .get_agent_runtime()
            .agent_runtime_id(id)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(Some(AgentState {
                status: answer.status.as_str().to_owned(),
                failure: answer.failure_reason,
                version: Some(answer.agent_runtime_version),
                target: None,
            })),
            Err(error) => missing_or_failed(id, &error),
        }
    }

    /// An endpoint of a runtime; `None` when it is not there.
    pub async fn endpoint(&self, id: &str, name: &str) -> anyhow::Result<Option<AgentState>> {
        let answer = self
            .client
            .get_agent_runtime_endpoint()
            .agent_runtime_id(id)
            .endpoint_name(name)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(Some(AgentState {
                status: answer.status.as_str().to_owned(),
                failure: answer.failure_reason,
                version: answer.live_version,
                target: answer.target_version,
            })),
            Err(error) => missing_or_failed(id, &error),
        }
    }
}

fn missing_or_failed<E>(id: &str, error: &SdkError<E>) -> anyhow::Result<Option<AgentState>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.code() {
        Some("ResourceNotFoundException") => Ok(None),
        _ => Err(refused(&format!("ask AgentCore about {id}"), error)),
    }
}
