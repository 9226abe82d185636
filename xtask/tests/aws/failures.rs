//! Stacks that got stuck are fixed.

use aws_sdk_cloudformation::types::{Capability, Parameter, Tag};
use serde_json::json;

use crate::deploy::{DEPLOY, WITHOUT_SMOKE, count};
use crate::emulator::Emulator;
use crate::fixture::{PROJECT, Workspace};
use crate::state::State;

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn what_never_began_leaves_no_change_set_behind() {
    let (emulator, workspace) = (Emulator::instant(), Workspace::new());
    let state = State::of(&emulator).await;
    // A setting that two stacks have: both get their change sets before the first of them begins.
    workspace.replace(
        "services/mcp-server/Cargo.toml",
        "RESOURCE_SERVER_URL =",
        "PRICE = { stage = \"price\" }\nRESOURCE_SERVER_URL =",
    );
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    workspace.change_price("0.01", "0.02");
    emulator
        .fault(&json!([{"resource": "AWS::ECS::Service", "on": "update", "reason": "not today"}]));
    drop(emulator.take_calls());
    let said = workspace.fail(&emulator, &WITHOUT_SMOKE);
    assert!(said.contains("not today"), "{said}");
    assert!(said.contains("not begun: mcp-server"), "{said}");
    let calls = emulator.take_calls();
    assert_eq!(count(&calls, "CreateChangeSet"), 2, "{calls:?}");
    assert_eq!(state.change_sets().await, [] as [String; 0]);
    assert!(!state.is_locked().await);
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn the_first_deploy_of_an_account_is_one_command() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    emulator.be_new();
    let deploy = workspace.run(&emulator, &DEPLOY);
    let said = String::from_utf8_lossy(&deploy.stderr);
    assert!(deploy.status.success(), "{said}");
    let again: Vec<&str> = said
        .lines()
        .filter(|line| line.contains(" in 10 s: "))
        .collect();
    assert_eq!(again.len(), 2, "{said}");
    assert!(
        again[0].contains("small-dev-x402-backend")
            && again[0].contains("uses ECS for the first time"),
        "{said}"
    );
    assert!(
        again[1].contains("small-dev-agent")
            && again[1].contains("uses AgentCore for the first time"),
        "{said}"
    );
    for (name, (status, _)) in State::of(&emulator).await.stacks().await {
        assert_eq!(status, "CREATE_COMPLETE", "{name}");
    }
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn a_stack_that_rolled_back_is_mended() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let state = State::of(&emulator).await;
    let out = workspace.root().join("rendered").display().to_string();
    drop(workspace.succeed(&emulator, &["render", "--stage", "dev", "--out", &out]));
    let template = std::fs::read_to_string(format!("{out}/network.yaml")).unwrap();
    emulator.fault(&json!([{"resource": "AWS::EC2::VPC", "reason": "not today"}]));
    let name = format!("{PROJECT}-dev-network");
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let made = state
        .cloudformation
        .create_stack()
        .stack_name(&name)
        .template_body(template)
        .set_parameters(None::<Vec<Parameter>>)
        .capabilities(Capability::CapabilityIam)
        .tags(tag("turnpike:project", PROJECT))
        .tags(tag("turnpike:stage", "dev"))
        .tags(tag("turnpike:owner", "network"));
    made.send().await.unwrap();
    let began = std::time::Instant::now();
    while state.stacks().await[&name].0 != "ROLLBACK_COMPLETE" {
        assert!(began.elapsed().as_secs() < 60, "{:?}", state.stacks().await);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    drop(workspace.succeed(&emulator, &DEPLOY));
    assert_eq!(state.stacks().await[&name].0, "CREATE_COMPLETE");
}
