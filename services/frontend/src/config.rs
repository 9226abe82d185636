use std::time::Duration;

use runtime::{Address, Environment, Secret};

/// Settings of the frontend, checked when it starts.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) address: Address,
    pub(crate) agent: AgentConfig,
    pub(crate) access: Access,
}

/// Which agent answers.
#[derive(Debug, Clone)]
pub(crate) struct AgentConfig {
    pub(crate) runtime_arn: String,
    /// The endpoint of the runtime, which is pinned to one version.
    pub(crate) qualifier: String,
    /// Taken from the ARN: the runtime answers only in its own region.
    pub(crate) region: String,
    /// How long it may be silent.
    pub(crate) answer_within: Duration,
}

/// Who may use the page.
#[derive(Debug, Clone)]
pub(crate) enum Access {
    /// Everybody who can reach it.
    Open,
    /// Who knows the key.
    Key(Secret<String>),
}

/// A key this short could be guessed at the pace that the sign-in page allows.
const ACCESS_KEY_LENGTH_MIN: usize = 16;

impl Config {
    pub(crate) fn from_environment(environment: &mut Environment) -> Self {
        Self {
            address: environment.address(),
            agent: AgentConfig::from_environment(environment),
            access: Access::from_environment(environment),
        }
    }
}

impl AgentConfig {
    fn from_environment(environment: &mut Environment) -> Self {
        let runtime_arn = environment.required("AGENTCORE_RUNTIME_ARN");
        let qualifier = environment.required("AGENTCORE_QUALIFIER");
        let region = region_of_runtime(&runtime_arn)
            .unwrap_or_default()
            .to_owned();
        if region.is_empty() && !runtime_arn.is_empty() {
            let words = format!(
                "{runtime_arn:?} is not like arn:aws:bedrock-agentcore:REGION:ACCOUNT:runtime/ID"
            );
            environment.problem("AGENTCORE_RUNTIME_ARN", words);
        }
        Self {
            runtime_arn,
            qualifier,
            region,
            answer_within: answer_within(environment),
        }
    }
}

fn answer_within(environment: &mut Environment) -> Duration {
    let seconds = environment.parse_or_default("ANSWER_WITHIN_SECONDS", Some("110"));
    Duration::from_secs(seconds)
}

impl Access {
    fn from_environment(environment: &mut Environment) -> Self {
        if environment.one_of("ACCESS", &["open", "key"]) == "open" {
            return Self::Open;
        }
        let key = environment.required("ACCESS_KEY");
        if !key.is_empty() && key.len() < ACCESS_KEY_LENGTH_MIN {
            environment.problem(
                "ACCESS_KEY",
                format!("is shorter than {ACCESS_KEY_LENGTH_MIN} characters"),
            );
        }
        Self::Key(Secret::new(key))
    }
}

fn region_of_runtime(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        [
            "arn",
            _partition,
            "bedrock-agentcore",
            region,
            _account,
            resource,
        ] if resource.len() > "runtime/".len() && resource.starts_with("runtime/") => Some(region),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Config};
    use expect_test::{Expect, expect};
    use runtime::Environment;

    const ARN: (&str, &str) = (
        "AGENTCORE_RUNTIME_ARN",
        "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/turnpike_local_agent-a1",
    );

    fn problems(pairs: &[(&str, &str)], expected: Expect) {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let _config = Config::from_environment(&mut environment);
        expected.assert_eq(
            &environment
                .finish()
                .expect_err("there are problems")
                .to_string(),
        );
    }

    #[test]
    fn all_that_is_missing_or_wrong_is_told_at_once() {
        problems(
            &[],
            expect![[r#"
                3 settings are wrong
                  AGENTCORE_RUNTIME_ARN: is missing
                  AGENTCORE_QUALIFIER: is missing
                  ACCESS: is missing"#]],
        );
        problems(
            &[
                ("AGENTCORE_RUNTIME_ARN", "agent"),
                ("AGENTCORE_QUALIFIER", "live"),
                ("ACCESS", "key"),
            ],
            expect![[r#"
                2 settings are wrong
                  AGENTCORE_RUNTIME_ARN: "agent" is not like arn:aws:bedrock-agentcore:REGION:ACCOUNT:runtime/ID
                  ACCESS_KEY: is missing"#]],
        );
        problems(
            &[
                ARN,
                ("AGENTCORE_QUALIFIER", "live"),
                ("ACCESS", "key"),
                ("ACCESS_KEY", "short"),
            ],
            expect![[r#"
                1 setting is wrong
                  ACCESS_KEY: is shorter than 16 characters"#]],
        );
    }

    #[test]
    fn the_region_is_that_of_the_runtime_and_the_key_is_not_shown() {
        let key = ("ACCESS_KEY", "correct horse battery");
        let mut environment =
            Environment::from_pairs([ARN, ("AGENTCORE_QUALIFIER", "live"), ("ACCESS", "key"), key]);
        let config = Config::from_environment(&mut environment);
        assert_eq!(environment.finish(), Ok(()));
        assert_eq!(config.agent.region, "us-west-2");
        assert!(matches!(&config.access, Access::Key(secret) if secret.expose() == key.1));
        assert!(!format!("{config:?}").contains("horse"));
    }
}
