//! What the other tests stand on: the emulator takes the repository's own templates as they are rendered.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::StackStatus;
use serde_json::json;

use crate::emulator::stacks::{DIGEST, Stacks};
use crate::emulator::{Emulator, repository, tool};

/// The templates of the stage `dev`, by owner.
fn rendered() -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let output = tool(&["render", "--stage", "dev", "--out", &out])
        .current_dir(repository())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let files = std::fs::read_dir(folder.path()).unwrap();
    files
        .map(|file| file.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .map(|path| {
            let owner = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (owner, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn every_resource_type_of_every_template_is_known() {
    let emulator = Emulator::start();
    let stacks = Stacks::of(&emulator).await;
    let templates = rendered();
    assert!(templates.len() >= 6, "{:?}", templates.keys());
    for (owner, template) in &templates {
        let name = format!("turnpike-dev-{owner}");
        assert_eq!(stacks.prepare(&name, template, &[]).await, "ready");
    }
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn network_and_artifacts_come_and_go() {
    let emulator = Emulator::start();
    let stacks = Stacks::of(&emulator).await;
    let templates = rendered();
    let network = stacks
        .deploy("turnpike-dev-network", &templates["network"], &[])
        .await;
    assert_eq!(network["SubnetIds"].split(',').count(), 2, "{network:?}");
    let artifacts = stacks
        .deploy("turnpike-dev-artifacts", &templates["artifacts"], &[])
        .await;
    // CloudFormation's own name, by which a policy can still tell whose it is.
    let bucket = &artifacts["BucketName"];
    assert!(
        bucket.starts_with("turnpike-dev-") && bucket.len() <= 63,
        "{bucket}"
    );
    let address = emulator.endpoint.replace("http://", "");
    assert_eq!(
        artifacts["AgentRepositoryUri"],
        format!("{address}/turnpike/dev/agent")
    );
    for owner in ["network", "artifacts"] {
        stacks.delete(&format!("turnpike-dev-{owner}")).await;
    }
}

/// Pushes an image without layers for the agent, and returns its name.
async fn push(emulator: &Emulator) -> String {
    let config = json!({
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "size": 2,
        "digest": format!("sha256:{DIGEST}"),
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config,
        "layers": [],
    });
    let registry = emulator.endpoint.replace("http://", "");
    let pushed = aws_sdk_ecr::Client::new(&emulator.config().await)
        .put_image()
        .repository_name("turnpike/dev/agent")
        .image_tag("first")
        .image_manifest(manifest.to_string())
        .send()
        .await
        .unwrap();
    let digest = pushed
        .image
        .unwrap()
        .image_id
        .unwrap()
        .image_digest
        .unwrap();
    format!("{registry}/turnpike/dev/agent@{digest}")
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn an_agent_gets_an_endpoint_on_its_version() {
    let (emulator, name) = (Emulator::start(), "turnpike-dev-agent");
    let stacks = Stacks::of(&emulator).await;
    let templates = rendered();
    drop(
        stacks
            .deploy("turnpike-dev-artifacts", &templates["artifacts"], &[])
            .await,
    );

    assert_eq!(
        stacks.prepare(name, &templates["agent"], &[]).await,
        "ready"
    );
    let failed = stacks.execute(name).await;
    assert_eq!(failed.stack_status, Some(StackStatus::DeleteComplete));
    let reasons = stacks.reasons(failed.stack_id().unwrap()).await;
    let named = |reason: &String| reason.contains("image identifier does not exist");
    assert!(reasons.iter().any(named), "{reasons:?}");

    let uri = push(&emulator).await;
    let agent = stacks
        .deploy(name, &templates["agent"], &[("ImageUri", &uri)])
        .await;
    assert_eq!(agent["RuntimeVersion"], "1");
    let control = aws_sdk_bedrockagentcorecontrol::Client::new(&emulator.config().await);
    let endpoint = control
        .get_agent_runtime_endpoint()
        .agent_runtime_id(&agent["RuntimeId"])
        .endpoint_name("live")
        .send()
        .await
        .unwrap();
    assert_eq!(endpoint.live_version.as_deref(), Some("1"));
    assert_eq!(endpoint.agent_runtime_endpoint_arn, agent["EndpointArn"]);
    stacks.delete(name).await;
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn faults_happen_as_often_as_they_are_asked_for() {
    let emulator = Emulator::start();
    let stacks = Stacks::of(&emulator).await;
    emulator.pace(&json!({"seconds": 0.01}));
    emulator.fault(&json!([
        {"call": "cloudformation:DescribeStacks", "status": 400, "code": "Throttling"},
        {"call": "cloudformation:DescribeStacks", "status": 503, "code": "ServiceUnavailable"},
        {"call": "cloudformation:DescribeStacks", "drop": true},
    ]));
    // The SDK tries three times by itself.
    stacks.client.describe_stacks().send().await.unwrap_err();
    stacks.client.describe_stacks().send().await.unwrap();
    let calls = emulator.take_calls();
    let statuses: Vec<Option<u16>> = calls.iter().map(|call| call.status).collect();
    assert_eq!(statuses.len(), 4, "{calls:?}");
    assert_eq!(statuses[..2], [Some(400), Some(503)], "{calls:?}");
    assert_eq!(statuses[3], Some(200), "{calls:?}");
    assert!(emulator.calls().is_empty());

    let (name, reason) = (
        "turnpike-dev-network",
        "The maximum number of VPCs is reached.",
    );
    emulator.fault(&json!([{
        "resource": "AWS::EC2::VPC",
        "reason": reason,
        "cancels": {"InternetGateway": "AWS::EC2::InternetGateway"},
    }]));
    assert_eq!(
        stacks.prepare(name, &rendered()["network"], &[]).await,
        "ready"
    );
    let failed = stacks.execute(name).await;
    let reasons = stacks.reasons(failed.stack_id().unwrap()).await;
    for said in [reason, "Resource creation cancelled"] {
        assert!(reasons.iter().any(|found| found == said), "{reasons:?}");
    }
    emulator.reset();
    let left = stacks.client.describe_stacks().send().await.unwrap();
    assert!(left.stacks().is_empty());
}
