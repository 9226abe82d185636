//! When something fails: its true cause on one screen, and stacks that got stuck are mended.

use aws_sdk_cloudformation::types::{Capability, Parameter, Tag};
use serde_json::{Value as Json, json};

use crate::deploy::DEPLOY;
use crate::emulator::Emulator;
use crate::fixture::{PROJECT, Workspace};
use crate::state::State;

/// In the order of the deploy, since what stands is not made again: what fails, by which reason, and what the screen has to say of it.
fn causes() -> Vec<(&'static str, Json, &'static [&'static str])> {
    vec![
        (
            "a quota",
            json!({"resource": "AWS::EC2::VPC", "reason": "The maximum number of VPCs has been reached. (Service: Ec2, Status Code: 400)"}),
            &["small-dev-network", "Vpc", "maximum number of VPCs"],
        ),
        (
            "a missing permission",
            json!({"resource": "AWS::IAM::Role", "stack": "small-dev-x402-backend",
                "reason": "API: iam:CreateRole User: arn:aws:iam::000000000000:user/dev is not authorized to perform: iam:CreateRole"}),
            &[
                "small-dev-x402-backend",
                "AWS::IAM::Role",
                "not authorized to perform: iam:CreateRole",
            ],
        ),
        (
            "a name that is taken",
            json!({"resource": "LogGroup", "stack": "small-dev-mcp-server",
                "reason": "Resource of type 'AWS::Logs::LogGroup' with identifier '/aws/lambda/small-dev-mcp-server' already exists."}),
            &["small-dev-mcp-server", "LogGroup", "already exists"],
        ),
        (
            "a secret that is missing",
            json!({"resource": "AWS::Lambda::Function", "reason": "Secrets Manager can't find the specified secret."}),
            &[
                "small-dev-mcp-server",
                "Function",
                "can't find the specified secret",
            ],
        ),
        (
            "an endpoint that fails",
            json!({"resource": "AWS::BedrockAgentCore::RuntimeEndpoint",
                "reason": "Resource handler returned message: \"Endpoint live is in FAILED state\" (HandlerErrorCode: NotStabilized)"}),
            &["small-dev-agent", "Endpoint", "FAILED state"],
        ),
        (
            "a bad property, with siblings that are cancelled",
            json!({"resource": "LoadBalancer", "stack": "small-dev-frontend",
                "reason": "Properties validation failed for resource LoadBalancer with message: #/Scheme: is not valid",
                "cancels": {"Cluster": "AWS::ECS::Cluster", "LogGroup": "AWS::Logs::LogGroup"}}),
            &["small-dev-frontend", "LoadBalancer", "#/Scheme"],
        ),
    ]
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn the_first_cause_is_named_on_one_screen() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    for (what, rule, words) in causes() {
        emulator.fault(&json!([rule]));
        let said = workspace.fail(&emulator, &DEPLOY);
        for word in words {
            assert!(said.contains(word), "{what}: no `{word}` in\n{said}");
        }
        // What was cancelled because of it is not what failed.
        let cancelled = said
            .lines()
            .position(|line| line.contains("Resource creation cancelled"));
        let cause = said.lines().position(|line| line.contains(words[2]));
        assert!(
            cancelled.is_none_or(|line| Some(line) > cause),
            "{what}:\n{said}"
        );
        let error = said.find("error:").unwrap_or_default();
        assert!(
            said[error..].lines().count() <= 24,
            "{what}: more than a screen\n{said}"
        );
    }
    drop(workspace.succeed(&emulator, &DEPLOY));
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn a_container_that_crashes_fails_its_own_stack() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    workspace.replace(
        "services/x402-backend/Dockerfile",
        "ENV PORT=8080",
        "ENV PORT=8080 CRASH=on-purpose",
    );
    let said = workspace.fail(&emulator, &DEPLOY);
    for word in ["small-dev-x402-backend", "Service", "Circuit Breaker"] {
        assert!(said.contains(word), "no `{word}` in\n{said}");
    }
    workspace.replace("services/x402-backend/Dockerfile", " CRASH=on-purpose", "");
    drop(workspace.succeed(&emulator, &DEPLOY));
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn what_never_began_leaves_no_change_set_behind() {
    const WITHOUT_QUESTIONS: [&str; 5] = ["deploy", "--stage", "dev", "--yes", "--no-smoke"];
    let (emulator, workspace) = (Emulator::instant(), Workspace::new());
    let state = State::of(&emulator).await;
    // A setting that two stacks have: both get their change sets before the first of them begins.
    workspace.replace(
        "services/mcp-server/Cargo.toml",
        "RESOURCE_SERVER_URL =",
        "PRICE = { stage = \"price\" }\nRESOURCE_SERVER_URL =",
    );
    drop(workspace.succeed(&emulator, &WITHOUT_QUESTIONS));
    workspace.replace(
        "Cargo.toml",
        "us-west-2\"\nprice = \"0.01\"",
        "us-west-2\"\nprice = \"0.02\"",
    );
    emulator
        .fault(&json!([{"resource": "AWS::ECS::Service", "on": "update", "reason": "not today"}]));
    drop(emulator.take_calls());
    let said = workspace.fail(&emulator, &WITHOUT_QUESTIONS);
    assert!(said.contains("not today"), "{said}");
    assert!(said.contains("not begun: mcp-server"), "{said}");
    let calls = emulator.take_calls();
    let made = calls
        .iter()
        .filter(|call| call.call.contains("CreateChangeSet"));
    assert_eq!(made.count(), 2, "{calls:?}");
    assert_eq!(state.change_sets().await, [] as [String; 0]);
    assert!(!state.is_locked().await);
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
