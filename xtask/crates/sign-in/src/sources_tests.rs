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
[profile careful]
role_arn = arn:aws:iam::111122223333:role/admin
source_profile = keys
mfa_serial = arn:aws:iam::111122223333:mfa/phone
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

/// What is set in each case.
const CASES: &[&[(&str, &str)]] = &[
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
    &[("AWS_PROFILE", "careful")],
    &[("AWS_PROFILE", "typo")],
    &[("AWS_PROFILE", "default")],
    &[("AWS_PROFILE", "lost")],
    &[("AWS_PROFILE", "one")],
    &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")],
    &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/")],
];

#[tokio::test]
async fn every_source_is_found_without_asking_for_credentials() {
    let mut found = String::new();
    for variables in CASES {
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
        AWS_PROFILE=careful
            the AWS profile careful wants a code (mfa_serial), and this tool cannot ask for one
            hint: let the AWS CLI ask, and hand its credentials on: eval "$(aws configure export-credentials --profile careful --format env)"
        AWS_PROFILE=typo
            the AWS profile typo does not exist
            hint: profiles: browser, careful, company, default, deployer, keys, lost, one, other, program, web; choose one with AWS_PROFILE
        AWS_PROFILE=default
            the AWS profile default has no credentials
            hint: sign in with it: `aws login --profile default` or `aws configure --profile default`
        AWS_PROFILE=lost
            the AWS profile nowhere does not exist
            hint: profiles: browser, careful, company, default, deployer, keys, lost, one, other, program, web; choose one with AWS_PROFILE
        AWS_PROFILE=one
            the AWS profile one leads to itself by source_profile
            hint: correct source_profile in ~/.aws/config
        AWS_WEB_IDENTITY_TOKEN_FILE=/token
            Here
        AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/
            Here
    "#]].assert_eq(&found);
}
