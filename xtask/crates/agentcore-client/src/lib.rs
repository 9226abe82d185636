//! The AgentCore data plane: one question to the agent, and its answer as it arrives.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_bedrockagentcore::Client;
use aws_sdk_bedrockagentcore::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_bedrockagentcore::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockagentcore::operation::invoke_agent_runtime::InvokeAgentRuntimeOutput;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use words::text::clean;

/// How long an agent may take to begin its answer: what AgentCore grants.
const ANSWER_MAX: Duration = Duration::from_secs(900);
/// How often a question that AgentCore has not passed on is asked.
const TRIES_MAX: u32 = 4;

/// Whom to ask, and as whom.
#[derive(Debug)]
pub struct Agent {
    client: Client,
    runtime_arn: String,
    qualifier: String,
}

/// AgentCore's own answer in place of the agent's.
#[derive(Debug)]
pub struct Refused {
    /// `RuntimeClientError`, `ThrottlingException`...
    pub code: String,
    pub message: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, message } = self;
        write!(formatter, "the agent did not answer ({code}): {message}")
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// The container failed, as opposed to AgentCore: its log says why.
    pub fn is_the_agents_own(&self) -> bool {
        self.code == "RuntimeClientError"
    }

    /// Nobody has seen the question yet, so it may be asked again: an agent pays, and must not be asked twice.
    fn came_too_early(&self) -> bool {
        matches!(
            self.code.as_str(),
            "RetryableConflictException" | "ThrottlingException"
        )
    }
}

impl Agent {
    /// The agent of a stage with these outputs (by owner), and whose stack it is; `None` when it has none.
    pub fn of_stage(
        config: &SdkConfig,
        outputs: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Option<(String, Self)> {
        outputs.iter().find_map(|(owner, outputs)| {
            let (runtime_arn, endpoint) =
                (outputs.get("RuntimeArn")?, outputs.get("EndpointName")?);
            Some((owner.clone(), Self::new(config, runtime_arn, endpoint)))
        })
    }

    pub fn new(config: &SdkConfig, runtime_arn: &str, qualifier: &str) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(ANSWER_MAX)
            .build();
        let config = Builder::from(config)
            // A lost answer may have been paid for: only a person may ask again.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            // An agent that waits for a payment is silent for longer than a download that has stalled.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            client: Client::from_conf(config),
            runtime_arn: runtime_arn.to_owned(),
            qualifier: qualifier.to_owned(),
        }
    }

    /// Sends a JSON body to the agent and hands every chunk of the answer over as it arrives.
    ///
    /// # Errors
    /// `Refused` when AgentCore answers in the agent's place.
    pub async fn invoke(
        &self,
        session: &str,
        accept: &str,
        body: &serde_json::Value,
        mut each: impl FnMut(&[u8]),
    ) -> anyhow::Result<()> {
        let payload = serde_json::to_vec(body)?;
        let mut wait = Duration::from_millis(500);
        let mut tries = 1;
        let answer = loop {
            match self.ask(session, accept, &payload).await {
                Err(refused) if refused.came_too_early() && tries < TRIES_MAX => {
                    tokio::time::sleep(wait).await;
                    (tries, wait) = (tries + 1, wait * 2);
                }
                answer => break answer?,
            }
        };
        let mut stream = answer.response;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
            each(&chunk);
        }
        Ok(())
    }

    async fn ask(
        &self,
        session: &str,
        accept: &str,
        payload: &[u8],
    ) -> Result<InvokeAgentRuntimeOutput, Refused> {
        let answer = self
            .client
            .invoke_agent_runtime()
            .agent_runtime_arn(&self.runtime_arn)
            .qualifier(&self.qualifier)
            .runtime_session_id(session)
            .content_type("application/json")
            .accept(accept)
            .payload(payload.to_vec().into())
            .send()
            .await;
        answer.map_err(|error| refused(&error))
    }
}

/// How a client reaches a cloud on this machine, as one principal of it.
pub fn config_on_this_machine(
    endpoint: &str,
    region: &str,
    access_key_id: &str,
    secret_access_key: &str,
) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "operator");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::new(region.to_owned()))
        .endpoint_url(endpoint)
        .build()
}

/// A session of its own for one question: 128 random bits, and longer than the 33 characters that AgentCore asks for. A
/// session that stands goes on running the old code after a deploy.
pub fn new_session() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(format!("invoke-{}", hex::encode(bytes)))
}

fn refused<E>(error: &SdkError<E>) -> Refused
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    Refused {
        code: error.code().unwrap_or("no answer").to_owned(),
        message: error.message().map_or_else(
            || DisplayErrorContext(error).to_string(),
            |text| clean(text, 1_000),
        ),
    }
}
