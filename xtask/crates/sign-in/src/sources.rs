//! Where credentials come from, in the order in which the SDK looks:
//! <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>.

use std::time::Duration;

use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::{Profile, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};
use words::error::UserError;

use crate::{https, none};

/// How long the metadata service of a machine on EC2 may take. On other machines nobody answers at its address.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);
/// A profile may take the credentials of another.
const PROFILES_MAX: usize = 8;

/// Who can get the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Every build of this tool.
    Here,
    /// A program, single sign-on, or `aws login`: features of the SDK that only the build with the AWS support has. What `aws login`
    /// writes is `login_session`: <https://docs.aws.amazon.com/sdkref/latest/guide/access-login.html>.
    Elsewhere,
}

/// Where the credentials come from. What they are worth is not asked.
///
/// # Errors
/// There are none; the profile does not exist, or says nothing about credentials; its file cannot be read.
pub(crate) async fn find(fs: &Fs, env: &Env) -> Result<Source, UserError> {
    let set = |name: &str| env.get(name).is_ok_and(|value| !value.is_empty());
    if set("AWS_ACCESS_KEY_ID") && set("AWS_SECRET_ACCESS_KEY") {
        return Ok(Source::Here);
    }
    let profiles = aws_config::profile::load(fs, env, &EnvConfigFiles::default(), None)
        .await
        .map_err(|error| {
            UserError::new(format!("cannot read the AWS profiles: {error}")).hint(
                "correct the file, or name others: AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE",
            )
        })?;
    let given_to_the_process = [
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ]
    .into_iter()
    .any(set);
    match of_profile(&profiles, set("AWS_PROFILE")) {
        Ok(Some(source)) => return Ok(source),
        Ok(None) | Err(_) if given_to_the_process => return Ok(Source::Here),
        Ok(None) => {}
        Err(error) => return Err(error),
    }
    if machine_has_a_role().await {
        return Ok(Source::Here);
    }
    if set("AWS_ACCESS_KEY_ID") {
        return Err(
            UserError::new("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not")
                .hint("set both, or neither and AWS_PROFILE"),
        );
    }
    Err(none())
}

/// What the selected profile says; none when there is no profile and nobody named one.
fn of_profile(profiles: &ProfileSet, named: bool) -> Result<Option<Source>, UserError> {
    let mut name = profiles.selected_profile();
    for _ in 0..PROFILES_MAX {
        let Some(profile) = profiles.get_profile(name) else {
            if !named && name == profiles.selected_profile() {
                return Ok(None);
            }
            let mut known: Vec<&str> = profiles.profiles().collect();
            known.sort_unstable();
            let hint = match known.is_empty() {
                true => "there are no profiles: `aws configure sso` or `aws configure` makes one"
                    .to_owned(),
                false => format!(
                    "profiles: {}; choose one with AWS_PROFILE",
                    known.join(", ")
                ),
            };
            return Err(
                UserError::new(format!("the AWS profile {name} does not exist")).hint(hint),
            );
        };
        if profile.get("role_arn").is_some() && profile.get("mfa_serial").is_some() {
            return Err(wants_a_code(name));
        }
        match profile.get("source_profile") {
            Some(next) if profile.get("role_arn").is_some() && next != name => name = next,
            _ => return of_last(profile, named),
        }
    }
    let problem = format!("the AWS profile {name} leads to itself by source_profile");
    Err(UserError::new(problem).hint("correct source_profile in ~/.aws/config"))
}

/// The AWS SDK for Rust leaves `mfa_serial` out, and the role then refuses: awslabs/aws-sdk-rust#527.
fn wants_a_code(name: &str) -> UserError {
    let problem = format!(
        "the AWS profile {name} wants a code (mfa_serial), and this tool cannot ask for one"
    );
    UserError::new(problem).hint(format!(
        "let the AWS CLI ask, and hand its credentials on: eval \"$(aws configure export-credentials --profile {name} --format env)\""
    ))
}

fn of_last(profile: &Profile, named: bool) -> Result<Option<Source>, UserError> {
    let any = |keys: &[&str]| keys.iter().any(|key| profile.get(key).is_some());
    if any(&[
        "sso_session",
        "sso_start_url",
        "credential_process",
        "login_session",
    ]) {
        return Ok(Some(Source::Elsewhere));
    }
    if any(&[
        "aws_access_key_id",
        "web_identity_token_file",
        "credential_source",
    ]) {
        return Ok(Some(Source::Here));
    }
    if !named {
        return Ok(None);
    }
    let problem = format!("the AWS profile {} has no credentials", profile.name());
    Err(UserError::new(problem).hint(format!(
        "sign in with it: `aws login --profile {0}` or `aws configure --profile {0}`",
        profile.name()
    )))
}

async fn machine_has_a_role() -> bool {
    let client = imds::Client::builder()
        .configure(&ProviderConfig::without_region().with_http_client(https()))
        .max_attempts(1)
        .connect_timeout(METADATA_TIMEOUT)
        .read_timeout(METADATA_TIMEOUT)
        .build();
    ImdsCredentialsProvider::builder()
        .imds_client(client)
        .build()
        .provide_credentials()
        .await
        .is_ok()
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
