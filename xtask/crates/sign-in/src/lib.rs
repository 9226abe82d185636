//! Who somebody is at AWS. A crate of its own because it is small: what is missing is said before the AWS support is compiled,
//! which takes minutes.

mod http;
mod sources;

use std::time::Duration;

use anyhow::Context as _;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_types::os_shim_internal::{Env, Fs};
use facts::Stage;
use words::error::UserError;

use http::https;
pub use sources::Source;
use sources::find;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Per try. CloudFormation takes its time over large change sets.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// CloudFormation's own limits are low, and a deploy asks often.
const TRIES_MAX: u32 = 6;

const SIGN_IN: &str = "sign in: `aws login` or `aws sso login`, or set AWS_PROFILE";

/// Credentials for the account and region of a stage.
#[derive(Debug, Clone)]
pub struct Aws {
    pub config: SdkConfig,
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
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(stage.region.clone()))
            .http_client(https())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES_MAX))
            .load()
            .await;
        let caller = aws_sdk_sts::Client::new(&config)
            .get_caller_identity()
            .send()
            .await;
        let caller = match caller {
            Ok(caller) => caller,
            Err(error) => return Err(not_signed_in(&error).await.into()),
        };
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

/// Where the credentials come from. Nobody is asked for them.
///
/// # Errors
/// There are none, or the profile that is named does not exist or has none.
pub async fn look() -> Result<Source, UserError> {
    find(&Fs::real(), &Env::real()).await
}

/// Whether the credentials for a stage are there and good, as far as this build of the tool can say. Credentials that another
/// program or a browser gives are left to the build with the AWS support.
///
/// # Errors
/// As those of [`Aws::connect`].
pub async fn check(stage: &Stage) -> anyhow::Result<()> {
    match look().await? {
        Source::Elsewhere => Ok(()),
        Source::Here => Aws::connect(stage)
            .await
            .map(drop)
            .with_context(|| format!("the stage {} is on AWS", stage.name)),
    }
}

async fn not_signed_in<E>(error: &SdkError<E>) -> UserError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.code() {
        Some(code) if code.contains("Expired") => {
            UserError::new("the AWS credentials have expired").hint(SIGN_IN)
        }
        Some(code) => {
            let message = error.message().unwrap_or_default();
            UserError::new(format!("AWS refuses these credentials ({code}): {message}"))
                .hint(SIGN_IN)
        }
        // The SDK names the source that it asked last, which is the metadata service of EC2. What is missing is said better here.
        None => match look().await {
            Err(missing) => missing,
            Ok(_) => {
                UserError::new(format!("cannot sign in to AWS: {}", chain(error))).hint(SIGN_IN)
            }
        },
    }
}

fn none() -> UserError {
    UserError::new("there are no AWS credentials: not in the environment, not in a profile")
        .hint(format!("{SIGN_IN}; `plan --offline` needs none"))
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
