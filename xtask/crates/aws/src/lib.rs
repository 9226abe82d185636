//! AWS: whose account it is, in which region, and one file per service that the tool talks to.

mod clock;
pub mod cloudformation;
pub mod control;
pub mod ecr;
pub mod ecs;
pub mod errors;
pub mod explain;
pub mod inventory;
pub mod lock;
pub mod logs;
pub mod s3;
pub mod secrets;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod testing;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use facts::Stage;
use words::error::UserError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Per try. CloudFormation takes its time over large change sets.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// CloudFormation's own limits are low, and a deploy asks often.
const TRIES_MAX: u32 = 6;

/// Credentials for the account and region of a stage.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
    /// Twelve digits.
    pub account: String,
    pub region: String,
    /// Who is signed in, as an ARN.
    pub identity: String,
}

impl Aws {
    /// Signs in as every AWS tool does (environment, profile, SSO, container), and checks that it is the stage's account.
    ///
    /// # Errors
    /// Nobody is signed in, what was found has expired, or it belongs to another account. One request is made.
    pub async fn connect(stage: &Stage) -> anyhow::Result<Self> {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(stage.region.clone()))
            .http_client(http)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES_MAX))
            .load()
            .await;
        let caller = aws_sdk_sts::Client::new(&config)
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| not_signed_in(&error))?;
        let account = caller.account.unwrap_or_default();
        if let Some(expected) = stage
            .account
            .as_ref()
            .filter(|expected| **expected != account)
        {
            let problem = format!(
                "these credentials are for the account {account}, and the stage {} is in {expected}",
                stage.name
            );
            return Err(UserError::new(problem)
                .hint("choose the right profile with AWS_PROFILE; nothing was touched")
                .into());
        }
        Ok(Self {
            config,
            account,
            region: stage.region.clone(),
            identity: caller.arn.unwrap_or_default(),
        })
    }

    /// What the clients of the single services are made from.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }
}

fn not_signed_in<E>(error: &SdkError<E>) -> UserError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let hint = "sign in: `aws login` or `aws sso login`, or set AWS_PROFILE";
    match error.code() {
        Some(code) if code.contains("Expired") => {
            UserError::new("the AWS credentials have expired").hint(hint)
        }
        Some(code) => {
            let message = error.message().unwrap_or_default();
            UserError::new(format!("AWS refuses these credentials ({code}): {message}")).hint(hint)
        }
        None => match chain(error) {
            // The last one that is asked is the metadata service of EC2, which not every machine has.
            text if text.contains("no credentials found in chain") || text.contains("IMDS") => {
                UserError::new(
                    "there are no AWS credentials: not in the environment, not in a profile",
                )
                .hint(format!("{hint}; `plan --offline` needs none"))
            }
            text => UserError::new(format!("cannot sign in to AWS: {text}")).hint(hint),
        },
    }
}

/// What an error says, and what led to it: the first line of each, once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        if !said.iter().any(|before| before.contains(line)) {
            said.push(line.to_owned());
        }
        next = error.source();
    }
    said.join(": ")
}
