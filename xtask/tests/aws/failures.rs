//! Stacks that got stuck are mended.

use aws_sdk_cloudformation::types::{Capability, Parameter, Tag};
use serde_json::json;

use crate::deploy::DEPLOY;
use crate::emulator::Emulator;
use crate::fixture::{PROJECT, Workspace};
use crate::state::State;

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
