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
        "us.amazon.nova-2-lite-v1:0",
        "global.anthropic.claude",
        "amazon.nova-2-lite-v1:0",
        "turnpike.offline-model",
        "us",
    ];
    check(
        models
            .iter()
            .map(|model| format!("{model}: {:?}", profiled_model(model))),
        expect![[r#"
            us.amazon.nova-2-lite-v1:0: Some("amazon.nova-2-lite-v1:0")
            global.anthropic.claude: Some("anthropic.claude")
            amazon.nova-2-lite-v1:0: None
            turnpike.offline-model: None
            us: None"#]],
    );
}
