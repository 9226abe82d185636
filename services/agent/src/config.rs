use std::time::Duration;

use runtime::{Address, Environment};
use url::Url;

const STEPS_MAX: &str = "8";
const TOKENS_MAX: &str = "1024";
const ANSWER_WITHIN_SECONDS: &str = "90";
/// Less leaves no time for a tool that pays.
const ANSWER_WITHIN_SECONDS_MIN: u64 = 40;

/// Everything that the agent is told from outside.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) address: Address,
    /// The MCP endpoint itself, `mcp` under the server's URL.
    pub(crate) mcp_endpoint: Url,
    pub(crate) model_id: String,
    /// Calls of the model in one turn.
    pub(crate) steps_max: u32,
    /// Tokens in one answer of the model.
    pub(crate) tokens_max: i32,
    /// How long the caller may hear nothing.
    pub(crate) answer_within: Duration,
}

impl Config {
    pub(crate) fn from_environment(environment: &mut Environment) -> Self {
        // The AWS SDK reads it by itself, but says so only when the first prompt has come.
        if environment.optional("AWS_REGION").is_none()
            && environment.optional("AWS_DEFAULT_REGION").is_none()
        {
            environment.problem(
                "AWS_REGION",
                "is missing: the region of the model, for example us-east-1",
            );
        }
        Self {
            address: environment.address(),
            mcp_endpoint: endpoint(environment.url("MCP_SERVER_URL")),
            model_id: environment.required("BEDROCK_MODEL_ID"),
            steps_max: at_least_one(environment, "STEPS_MAX", STEPS_MAX),
            tokens_max: at_least_one(environment, "TOKENS_MAX", TOKENS_MAX),
            answer_within: answer_within(environment),
        }
    }
}

fn answer_within(environment: &mut Environment) -> Duration {
    let name = "ANSWER_WITHIN_SECONDS";
    let seconds = environment.parse::<u64>(name, Some(ANSWER_WITHIN_SECONDS));
    if seconds.is_some_and(|seconds| seconds < ANSWER_WITHIN_SECONDS_MIN) {
        environment.problem(name, format!("must be {ANSWER_WITHIN_SECONDS_MIN} or more"));
    }
    Duration::from_secs(seconds.unwrap_or_default())
}

/// A Function URL ends in `/`; a URL typed by a person may not. Both mean the same server.
fn endpoint(mut server: Url) -> Url {
    if !server.path().ends_with('/') {
        server.set_path(&format!("{}/", server.path()));
    }
    server
        .join("mcp")
        .expect("a relative path joins to any http URL")
}

fn at_least_one<T>(environment: &mut Environment, name: &str, default: &str) -> T
where
    T: std::str::FromStr<Err: std::fmt::Display> + PartialOrd + From<u8>,
{
    match environment.parse(name, Some(default)) {
        Some(number) if number >= T::from(1) => number,
        Some(_) => {
            environment.problem(name, "must be a whole number of 1 or more");
            T::from(1)
        }
        None => T::from(1),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_endpoint_is_mcp_under_the_server() {
        for (server, expected) in [
            (
                "https://abc.lambda-url.us-east-1.on.aws/",
                "https://abc.lambda-url.us-east-1.on.aws/mcp",
            ),
            ("http://127.0.0.1:4100", "http://127.0.0.1:4100/mcp"),
            ("https://example.com/tools", "https://example.com/tools/mcp"),
        ] {
            assert_eq!(endpoint(server.parse().unwrap()).as_str(), expected);
        }
    }

    #[test]
    fn all_problems_are_named() {
        let mut environment = Environment::from_pairs([
            ("STEPS_MAX", "0"),
            ("TOKENS_MAX", "many"),
            ("ANSWER_WITHIN_SECONDS", "39"),
        ]);
        Config::from_environment(&mut environment);
        expect![[r#"
            6 settings are wrong
              AWS_REGION: is missing: the region of the model, for example us-east-1
              MCP_SERVER_URL: is missing
              BEDROCK_MODEL_ID: is missing
              STEPS_MAX: must be a whole number of 1 or more
              TOKENS_MAX: "many" cannot be used: invalid digit found in string
              ANSWER_WITHIN_SECONDS: must be 40 or more"#]]
        .assert_eq(&environment.finish().unwrap_err().to_string());
    }

    #[test]
    fn defaults() {
        let mut environment = Environment::from_pairs([
            ("AWS_REGION", "us-east-1"),
            ("MCP_SERVER_URL", "http://127.0.0.1:4100/"),
            ("BEDROCK_MODEL_ID", "a-model"),
        ]);
        let config = Config::from_environment(&mut environment);
        environment.finish().unwrap();
        assert_eq!((config.steps_max, config.tokens_max), (8, 1024));
        assert_eq!(config.answer_within, Duration::from_secs(90));
    }
}
