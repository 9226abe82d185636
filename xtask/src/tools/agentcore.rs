//! The AgentCore data plane: one question to the agent, and its events as they arrive.

use std::time::Duration;

use anyhow::Context;
use aws_credential_types::Credentials;
use aws_sdk_bedrockagentcore::Client;
use aws_sdk_bedrockagentcore::config::{BehaviorVersion, Region};
use aws_sdk_bedrockagentcore::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::error::Failure;

/// Whom to ask, and as whom.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) region: String,
    /// The address of a local cloud; none for AWS itself.
    pub(crate) endpoint: Option<String>,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) runtime_arn: String,
    pub(crate) qualifier: String,
}

impl Agent {
    /// Sends a JSON body to the agent and hands every chunk of the answer over as it arrives.
    pub(crate) async fn invoke(
        &self,
        session: &str,
        accept: &str,
        body: &serde_json::Value,
        mut each: impl FnMut(&[u8]),
    ) -> anyhow::Result<()> {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let credentials = Credentials::new(
            &self.access_key_id,
            &self.secret_access_key,
            None,
            None,
            "operator",
        );
        let mut config = aws_sdk_bedrockagentcore::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .credentials_provider(credentials)
            .region(Region::new(self.region.clone()));
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint);
        }
        let request = Client::from_conf(config.build())
            .invoke_agent_runtime()
            .agent_runtime_arn(&self.runtime_arn)
            .qualifier(&self.qualifier)
            .runtime_session_id(session)
            .content_type("application/json")
            .accept(accept)
            .payload(serde_json::to_vec(body)?.into());
        let answer = tokio::time::timeout(Duration::from_secs(900), request.send())
            .await
            .context("the agent has not begun to answer for 15 minutes")?
            .map_err(|error| explain(&error))?;
        let mut stream = answer.response;
        while let Some(chunk) = stream.next().await {
            each(&chunk.context("the answer broke off")?);
        }
        Ok(())
    }
}

fn explain<E>(error: &aws_sdk_bedrockagentcore::error::SdkError<E>) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let code = error.code().unwrap_or("no answer");
    let message = error
        .message()
        .map_or_else(|| DisplayErrorContext(error).to_string(), str::to_owned);
    let hint = match code {
        "RuntimeClientError" => "the agent's own error: cargo xtask logs agent --since 5m",
        "ResourceNotFoundException" => "deploy it first: cargo xtask deploy",
        "ServiceQuotaExceededException" => {
            "a quota of the account, not a payment: wait, or ask AWS for more"
        }
        "ThrottlingException" => "too many requests at once: wait a moment and ask again",
        _ => "see what runs: cargo xtask status",
    };
    Failure::new(
        format!("the agent did not answer ({code}): {message}"),
        hint,
    )
    .into()
}
