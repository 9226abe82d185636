//! A deploy takes as long as the longest chain of its stacks, and hardly longer.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_cloudformation::types::ResourceStatus;
use serde_json::{Value as Json, json};

use crate::deploy::WITHOUT_SMOKE;
use crate::emulator::Emulator;
use crate::fixture::{PROJECT, Workspace};
use crate::state::State;

/// The budget, at AWS's own pace. A tenth of that is quicker to wait for, and what the tool adds weighs ten times as much.
const RATIO_MAX: f64 = 1.05;
const HURRY: f64 = 0.1;

/// Roughly what such resources take on AWS.
const SECONDS: [(&str, f64); 9] = [
    ("AWS::EC2::VPC", 15.0),
    ("AWS::IAM::Role", 15.0),
    ("AWS::S3::Bucket", 20.0),
    ("AWS::DynamoDB::Table", 10.0),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", 120.0),
    ("AWS::ECS::Service", 80.0),
    ("AWS::Lambda::Function", 12.0),
    ("AWS::BedrockAgentCore::Runtime", 20.0),
    ("AWS::BedrockAgentCore::RuntimeEndpoint", 25.0),
];
const SECONDS_OF_OTHERS: f64 = 3.0;

fn pace(factor: f64) -> Json {
    let by_type: BTreeMap<&str, f64> = SECONDS
        .iter()
        .map(|(name, seconds)| (*name, seconds * factor))
        .collect();
    json!({ "seconds": SECONDS_OF_OTHERS * factor, "by_type": by_type })
}

/// When CloudFormation itself worked on the creation of a stack, in seconds since 1970.
async fn span(state: &State, stack: &str) -> (f64, f64) {
    let asked = state
        .cloudformation
        .describe_stack_events()
        .stack_name(stack);
    let events = asked.send().await.unwrap();
    let at = |status: &ResourceStatus| {
        let found = events.stack_events().iter().find(|event| {
            event.resource_status() == Some(status) && event.logical_resource_id() == Some(stack)
        });
        let found = found.unwrap_or_else(|| panic!("{stack} has no event {status}"));
        found.timestamp().unwrap().as_secs_f64()
    };
    (
        at(&ResourceStatus::CreateInProgress),
        at(&ResourceStatus::CreateComplete),
    )
}

/// The end of the longest chain that ends with `owner`.
fn end(owner: &str, after: &BTreeMap<String, Vec<String>>, took: &BTreeMap<String, f64>) -> f64 {
    let before = after[owner].iter().map(|other| end(other, after, took));
    before.fold(0.0, f64::max) + took[owner]
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn a_deploy_takes_as_long_as_its_longest_chain() {
    let (emulator, workspace) = (Emulator::instant(), Workspace::new());
    // Compiles and packs, which is not what is measured.
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    let out = workspace.root().join("rendered").display().to_string();
    drop(workspace.succeed(&emulator, &["render", "--stage", "dev", "--out", &out]));
    emulator.reset();
    let thorough = std::env::var_os("TURNPIKE_TEST_THOROUGH").is_some();
    let factor = if thorough { 1.0 } else { HURRY };
    emulator.pace(&pace(factor));

    let (began, began_at) = (Instant::now(), SystemTime::now());
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    let whole = began.elapsed().as_secs_f64();

    let state = State::of(&emulator).await;
    let plan = std::fs::read_to_string(format!("{out}/plan.json")).unwrap();
    let plan: Json = serde_json::from_str(&plan).unwrap();
    let began_at = began_at.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let (mut after, mut took) = (BTreeMap::new(), BTreeMap::new());
    let mut spans = Vec::new();
    for stack in plan["stacks"].as_array().unwrap() {
        let owner = stack["owner"].as_str().unwrap().to_owned();
        let needs: Vec<String> = serde_json::from_value(stack["after"].clone()).unwrap();
        let name = format!("{PROJECT}-dev-{owner}");
        let (start, end) = span(&state, &name).await;
        spans.push(format!(
            "{owner} {:.1}-{:.1}",
            start - began_at,
            end - began_at
        ));
        took.insert(owner.clone(), end - start);
        after.insert(owner, needs);
    }
    let ends = after.keys().map(|owner| end(owner, &after, &took));
    let chain = ends.fold(0.0, f64::max);
    let ratio = whole / chain;
    let text = format!(
        "a deploy at {factor} of AWS's times: {whole:.1} s, of which the longest chain of stacks is {chain:.1} s: {ratio:.3}; {}\n",
        spans.join(", ")
    );
    drop(std::io::Write::write_all(
        &mut std::io::stderr(),
        text.as_bytes(),
    ));
    let services = 2.0 * factor * (120.0 + 80.0);
    assert!(
        chain > services,
        "the emulator does not keep the pace: {text}"
    );
    let allowed = 1.0 + (RATIO_MAX - 1.0) / factor;
    assert!(ratio < allowed, "{text}");
}
