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
pub(crate) enum Source {
    /// Every build of this tool.
    Here,
    /// A program or a sign-in that only the build with the AWS support knows.
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
        match profile.get("source_profile") {
            Some(next) if profile.get("role_arn").is_some() && next != name => name = next,
            _ => return of_last(profile, named),
        }
    }
    let problem = format!("the AWS profile {name} leads to itself by source_profile");
    Err(UserError::new(problem).hint("correct source_profile in ~/.aws/config"))
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
mod tests {
    use std::collections::HashMap;

    use expect_test::expect;

    use super::*;

    const CONFIG: &str = "\
[default]
region = us-west-2
[profile keys]
[profile web]
role_arn = arn:aws:iam::111122223333:role/ci
web_identity_token_file = /token
[profile company]
sso_session = company
sso_account_id = 111122223333
sso_role_name = Admin
[sso-session company]
sso_start_url = https://company.awsapps.com/start
sso_region = us-west-2
[profile browser]
login_session = arn:aws:iam::111122223333:user/Admin
[profile program]
credential_process = /opt/credentials
[profile deployer]
role_arn = arn:aws:iam::111122223333:role/deployer
source_profile = company
[profile lost]
role_arn = arn:aws:iam::111122223333:role/deployer
source_profile = nowhere
[profile one]
role_arn = arn:aws:iam::111122223333:role/one
source_profile = other
[profile other]
role_arn = arn:aws:iam::111122223333:role/other
source_profile = one
";
    const KEYS: &str = "[keys]\naws_access_key_id = AKID\naws_secret_access_key = secret\n";

    /// Looks with these variables, in a home with the files above.
    async fn look(variables: &[(&str, &str)]) -> String {
        let files = HashMap::from([
            ("/home/.aws/config".into(), CONFIG.into()),
            ("/home/.aws/credentials".into(), KEYS.into()),
        ]);
        let variables = [("HOME", "/home")].iter().chain(variables);
        let env = Env::from_slice(&variables.copied().collect::<Vec<_>>());
        match find(&Fs::from_raw_map(files), &env).await {
            Ok(source) => format!("{source:?}"),
            Err(error) => {
                let error = anyhow::Error::new(error);
                let hint = words::error::hint(&error).unwrap_or_default();
                format!("{error}\n    hint: {hint}")
            }
        }
    }

    #[tokio::test]
    async fn every_source_is_found_without_asking_for_credentials() {
        let mut found = String::new();
        let cases: &[&[(&str, &str)]] = &[
            &[
                ("AWS_ACCESS_KEY_ID", "AKID"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
            ],
            // The environment comes before a profile, even one that does not exist.
            &[
                ("AWS_ACCESS_KEY_ID", "AKID"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_PROFILE", "typo"),
            ],
            &[("AWS_PROFILE", "keys")],
            &[("AWS_PROFILE", "web")],
            &[("AWS_PROFILE", "company")],
            &[("AWS_PROFILE", "browser")],
            &[("AWS_PROFILE", "program")],
            &[("AWS_PROFILE", "deployer")],
            &[("AWS_PROFILE", "typo")],
            &[("AWS_PROFILE", "default")],
            &[("AWS_PROFILE", "lost")],
            &[("AWS_PROFILE", "one")],
            &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")],
            &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/")],
        ];
        for variables in cases {
            let words: Vec<String> = variables
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            found.push_str(&format!(
                "{}\n    {}\n",
                words.join(" "),
                look(variables).await
            ));
        }
        expect![[r#"
            AWS_ACCESS_KEY_ID=AKID AWS_SECRET_ACCESS_KEY=secret
                Here
            AWS_ACCESS_KEY_ID=AKID AWS_SECRET_ACCESS_KEY=secret AWS_PROFILE=typo
                Here
            AWS_PROFILE=keys
                Here
            AWS_PROFILE=web
                Here
            AWS_PROFILE=company
                Elsewhere
            AWS_PROFILE=browser
                Elsewhere
            AWS_PROFILE=program
                Elsewhere
            AWS_PROFILE=deployer
                Elsewhere
            AWS_PROFILE=typo
                the AWS profile typo does not exist
                hint: profiles: browser, company, default, deployer, keys, lost, one, other, program, web; choose one with AWS_PROFILE
            AWS_PROFILE=default
                the AWS profile default has no credentials
                hint: sign in with it: `aws login --profile default` or `aws configure --profile default`
            AWS_PROFILE=lost
                the AWS profile nowhere does not exist
                hint: profiles: browser, company, default, deployer, keys, lost, one, other, program, web; choose one with AWS_PROFILE
            AWS_PROFILE=one
                the AWS profile one leads to itself by source_profile
                hint: correct source_profile in ~/.aws/config
            AWS_WEB_IDENTITY_TOKEN_FILE=/token
                Here
            AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/
                Here
        "#]].assert_eq(&found);
    }
}
