//! Names that AWS accepts, made of ours. Each is made in one place, here, so that whoever looks for a thing finds it.

use heck::ToUpperCamelCase as _;

/// `x402-backend`, `WALLET_KEY` and `functionArn` as CloudFormation wants its ids: `X402Backend`, `WalletKey`, `FunctionArn`.
pub fn pascal_case(name: &str) -> String {
    name.to_upper_camel_case()
}

/// The text with an underscore for everything but letters and digits, which is all that AgentCore takes in a name.
pub fn underscored(text: &str) -> String {
    text.replace(|character: char| !character.is_ascii_alphanumeric(), "_")
}

/// The name of a stack, and of a function: `turnpike-dev-agent`.
pub fn stack_name(project: &str, stage: &str, owner: &str) -> String {
    format!("{project}-{stage}-{owner}")
}

/// The parameter that carries an output of a service: `x402-backend` and `url` give `X402BackendUrl`.
pub fn parameter_name(service: &str, output: &str) -> String {
    pascal_case(service) + &pascal_case(output)
}

/// A Bedrock model without the region group of its inference profile: `us.amazon.nova-lite-v1:0` gives
/// `amazon.nova-lite-v1:0`. None for a model that is no profile's.
pub fn profiled_model(model: &str) -> Option<&str> {
    const GROUPS: [&str; 9] = [
        "apac", "au", "ca", "eu", "global", "jp", "sa", "us", "us-gov",
    ];
    let (group, model) = model.split_once('.')?;
    GROUPS.contains(&group).then_some(model)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(made: impl Iterator<Item = String>, expected: Expect) {
        expected.assert_eq(&made.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn logical_ids_have_no_punctuation() {
        let names = [
            "x402-backend",
            "mcp-server",
            "agent",
            "WALLET_KEY",
            "functionArn",
            "a--b",
            "url",
            "A",
            "",
            "€",
        ];
        check(
            names
                .iter()
                .map(|name| format!("{name:?} {:?}", pascal_case(name))),
            expect![[r#"
                "x402-backend" "X402Backend"
                "mcp-server" "McpServer"
                "agent" "Agent"
                "WALLET_KEY" "WalletKey"
                "functionArn" "FunctionArn"
                "a--b" "AB"
                "url" "Url"
                "A" "A"
                "" ""
                "€" """#]],
        );
    }

    #[test]
    fn names_are_made_of_project_stage_and_owner() {
        check(
            [
                stack_name("turnpike", "dev", "x402-backend"),
                underscored("turnpike-my-dev-agent"),
                parameter_name("mcp-server", "functionArn"),
                parameter_name("x402-backend", "url"),
            ]
            .into_iter(),
            expect![[r#"
                turnpike-dev-x402-backend
                turnpike_my_dev_agent
                McpServerFunctionArn
                X402BackendUrl"#]],
        );
    }

    #[test]
    fn only_a_region_group_makes_a_profile() {
        let models = [
            "us.amazon.nova-lite-v1:0",
            "global.anthropic.claude",
            "amazon.nova-lite-v1:0",
            "turnpike.offline-model",
            "us",
        ];
        check(
            models
                .iter()
                .map(|model| format!("{model}: {:?}", profiled_model(model))),
            expect![[r#"
                us.amazon.nova-lite-v1:0: Some("amazon.nova-lite-v1:0")
                global.anthropic.claude: Some("anthropic.claude")
                amazon.nova-lite-v1:0: None
                turnpike.offline-model: None
                us: None"#]],
        );
    }
}
