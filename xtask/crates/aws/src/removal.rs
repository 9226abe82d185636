//! What the deletion of one stack takes along, from its resources and its template, and emptying what CloudFormation deletes
//! only when nothing is in it.

use anyhow::Context as _;
use template::Node;

use crate::Aws;
use crate::cloudformation::{CloudFormation, Ended, Since};
use crate::ecr::Ecr;
use crate::inventory::{Inventory, Resource};
use crate::logs::Logs;
use crate::s3::S3;
use crate::stage::AwsStage;
use cloud::{Condition, Container, DeployedStack, Removal, Running, condition};

/// A deletion that got stuck is tried again: what was in the way may have gone meanwhile.
const TRIES_MAX: u32 = 2;

pub(crate) async fn removal_of(
    aws: &Aws,
    cloud: &CloudFormation,
    deployed: &DeployedStack,
) -> anyhow::Result<Removal> {
    // A stack that was only planned has no template to speak of, and nothing is in it.
    if deployed.status == "REVIEW_IN_PROGRESS" {
        return Ok(removal(deployed, &[], ""));
    }
    let inventory = Inventory::new(aws.config());
    let (resources, template) = tokio::try_join!(
        inventory.resources(&deployed.stack_id),
        cloud.template(&deployed.stack_id)
    )?;
    Ok(removal(deployed, &resources, &template))
}

/// Empties what has to be empty; `told` hears of each that was not, and how much was in it.
///
/// # Errors
/// S3 or ECR refuses, or cannot be reached: the stack would only get stuck.
pub(crate) async fn empty(
    aws: &Aws,
    removal: &Removal,
    told: &(dyn Fn(&str, usize) + Send + Sync),
) -> anyhow::Result<()> {
    for container in &removal.empties {
        let count = match container {
            Container::Bucket(name) => S3::new(aws).empty_bucket(name).await,
            Container::Repository(name) => Ecr::new(aws).empty_repository(name).await,
        };
        let name = container.name();
        let count = count
            .with_context(|| format!("{} cannot go while {name} is not empty", removal.name))?;
        if count > 0 {
            told(name, count);
        }
    }
    Ok(())
}

/// What no stack knows of: AgentCore makes a log group for the endpoint that nobody asked for.
pub(crate) async fn leftovers(
    aws: &Aws,
    deployed: &[DeployedStack],
) -> anyhow::Result<Vec<String>> {
    let logs = Logs::new(aws.config());
    let mut stays = Vec::new();
    for outputs in deployed.iter().map(|stack| &stack.outputs) {
        let Some(runtime) = outputs.get("RuntimeId") else {
            continue;
        };
        let names = logs
            .group_names(&format!("/aws/bedrock-agentcore/runtimes/{runtime}-"))
            .await?;
        let strangers = names
            .into_iter()
            .filter(|name| outputs.get("LogGroupName") != Some(name));
        stays.extend(strangers.map(|name| {
            format!("log group {name}, which AgentCore made (aws logs delete-log-group --log-group-name {name})")
        }));
    }
    Ok(stays)
}

/// Removes one stack; the reason when it could not be done.
pub(crate) async fn delete(
    stage: &AwsStage,
    removal: &Removal,
    emptied: &(dyn Fn(&str, usize) + Send + Sync),
) -> anyhow::Result<Option<String>> {
    let cloudformation = &stage.cloudformation;
    match removal.condition {
        Running::Change => {
            // A stack cannot be deleted in the middle of an update.
            cloudformation
                .watch(&removal.stack_id, Since::Running, |_| {})
                .await?;
        }
        Running::Deletion => {
            let ended = cloudformation
                .watch(&removal.stack_id, Since::Running, |_| {})
                .await?;
            if is_gone(&ended) {
                return Ok(None);
            }
        }
        Running::Nothing => {}
    }
    let mut reason = String::new();
    for _ in 0..TRIES_MAX {
        empty(&stage.aws, removal, emptied).await?;
        let since = cloudformation.delete(&removal.stack_id, &[]).await?;
        let ended = cloudformation
            .watch(&removal.stack_id, since, |_| {})
            .await?;
        if is_gone(&ended) {
            return Ok(None);
        }
        reason = why(removal, &ended);
    }
    Ok(Some(reason))
}

/// CloudFormation forgets a stack's name at once, and its id after weeks.
fn is_gone(ended: &Ended) -> bool {
    ended.status == "DELETE_COMPLETE" || ended.status.is_empty()
}

/// `Subnets could not be deleted: ...`, with what it means where we know it.
fn why(removal: &Removal, ended: &Ended) -> String {
    let Some(failure) = &ended.failure else {
        return format!("it ended as {}", ended.status);
    };
    let mut text = failure.words();
    let networks = [
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::Subnet",
        "AWS::EC2::VPC",
    ];
    if removal.agent_in_vpc || networks.contains(&failure.resource_type.as_str()) {
        text.push_str("\n    network interfaces of an agent in a VPC stay for up to eight hours after it: try again then");
    }
    text
}

fn removal(deployed: &DeployedStack, resources: &[Resource], template: &str) -> Removal {
    let retained = retained(template);
    let stays = |resource: &&Resource| retained.contains(&resource.logical_id);
    let made = || {
        resources
            .iter()
            .filter(|resource| !resource.physical_id.is_empty())
    };
    let goes: Vec<&Resource> = made().filter(|resource| !stays(resource)).collect();
    let named = |resource: &&Resource| {
        let word = resource_types::find(&resource.resource_type)?.holds()?;
        Some(format!("{word} {}", short(&resource.physical_id)))
    };
    Removal {
        name: deployed.name.clone(),
        owner: deployed.owner.clone(),
        stack_id: deployed.stack_id.clone(),
        condition: running(&deployed.status),
        deletes: goes.len(),
        loses: goes.iter().filter_map(named).collect(),
        retains: made()
            .filter(stays)
            .map(|resource| {
                named(&resource).unwrap_or_else(|| {
                    format!("{} {}", resource.resource_type, resource.physical_id)
                })
            })
            .collect(),
        empties: goes
            .iter()
            .filter_map(|resource| container(resource))
            .collect(),
        protected: deployed.protected,
        agent_in_vpc: resources
            .iter()
            .any(|resource| resource.resource_type == "AWS::BedrockAgentCore::Runtime")
            && network_mode(template).as_deref() == Some("VPC"),
    }
}

fn container(resource: &Resource) -> Option<Container> {
    let name = resource.physical_id.clone();
    let known = resource_types::find(&resource.resource_type)?;
    match known.holds().filter(|_| known.is_emptied())?.as_str() {
        "bucket" => Some(Container::Bucket(name)),
        "repository" => Some(Container::Repository(name)),
        _ => None,
    }
}

fn running(status: &str) -> Running {
    match condition(status) {
        Condition::InProgress(_) if status.starts_with("DELETE") => Running::Deletion,
        Condition::InProgress(_) => Running::Change,
        _ => Running::Nothing,
    }
}

/// The resources that a deletion leaves behind. A template that cannot be read retains nothing that we know of.
fn retained(template: &str) -> Vec<String> {
    let Ok(root) = Node::parse(template) else {
        return Vec::new();
    };
    let resources = root.get("Resources").map(Node::entries).unwrap_or_default();
    let kept = resources.iter().filter(|entry| {
        let policy = entry.value.get("DeletionPolicy").and_then(Node::text);
        policy.is_some_and(|policy| policy.starts_with("Retain"))
    });
    kept.map(|entry| entry.key.clone()).collect()
}

/// Where the first agent of a template runs: `PUBLIC` or `VPC`.
fn network_mode(template: &str) -> Option<String> {
    let root = Node::parse(template).ok()?;
    let resources = root.get("Resources").map(Node::entries).unwrap_or_default();
    resources.iter().find_map(|entry| {
        let properties = entry.value.get("Properties")?;
        properties
            .get("NetworkConfiguration")?
            .get("NetworkMode")?
            .text()
    })
}

/// A secret's ARN ends in its name and six letters of AWS's own.
fn short(physical_id: &str) -> &str {
    physical_id
        .rsplit_once(":secret:")
        .map_or(physical_id, |(_, name)| {
            name.rsplit_once('-').map_or(name, |(name, _)| name)
        })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn deployed(owner: &str, status: &str) -> DeployedStack {
        DeployedStack {
            name: format!("turnpike-dev-{owner}"),
            owner: owner.to_owned(),
            stack_id: String::new(),
            status: status.to_owned(),
            status_reason: None,
            outputs: Default::default(),
            parameters: Default::default(),
            inputs_hash: None,
            protected: false,
            created_at: String::new(),
            updated_at: None,
        }
    }

    fn resource(logical_id: &str, resource_type: &str, physical_id: &str) -> Resource {
        Resource {
            logical_id: logical_id.to_owned(),
            physical_id: physical_id.to_owned(),
            resource_type: resource_type.to_owned(),
        }
    }

    #[test]
    fn what_goes_what_stays_and_what_is_emptied() {
        let resources = [
            resource(
                "ArtifactBucket",
                "AWS::S3::Bucket",
                "turnpike-dev-artifacts-1",
            ),
            resource(
                "AgentRepository",
                "AWS::ECR::Repository",
                "turnpike/dev/agent",
            ),
            resource(
                "Key",
                "AWS::SecretsManager::Secret",
                "arn:aws:secretsmanager:us-west-2:1:secret:turnpike/dev/wallet-key-a1B2c3",
            ),
            resource("Role", "AWS::IAM::Role", "role-1"),
            resource("Logs", "AWS::Logs::LogGroup", "/ecs/turnpike-dev-agent"),
            resource("NeverMade", "AWS::IAM::Role", ""),
            resource("Runtime", "AWS::BedrockAgentCore::Runtime", "runtime-1"),
        ];
        let template = "Resources:
  ArtifactBucket: {Type: AWS::S3::Bucket, DeletionPolicy: Delete}
  Logs:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: RetainExceptOnCreate
  Runtime:
    Type: AWS::BedrockAgentCore::Runtime
    Properties:
      NetworkConfiguration: {NetworkMode: VPC}
      RoleArn: !GetAtt Role.Arn
";
        let mut deployed = deployed("artifacts", "UPDATE_COMPLETE");
        deployed.protected = true;
        let removal = super::removal(&deployed, &resources, template);
        let mut told = vec![format!("{} go, {:?}", removal.deletes, removal.empties)];
        told.extend(removal.lines());
        expect![[r#"
            5 go, [Bucket("turnpike-dev-artifacts-1"), Repository("turnpike/dev/agent")]
            its protection against deletion is turned off first
            bucket turnpike-dev-artifacts-1 with everything in it
            repository turnpike/dev/agent with everything in it
            secret turnpike/dev/wallet-key, for good
            stays: log group /ecs/turnpike-dev-agent
            stays for up to eight hours: the agent's network interfaces, and with them their subnets and security groups"#]].assert_eq(&told.join("\n"));
    }

    #[test]
    fn what_is_under_way() {
        for (status, expected) in [
            ("CREATE_COMPLETE", Running::Nothing),
            ("DELETE_FAILED", Running::Nothing),
            ("REVIEW_IN_PROGRESS", Running::Nothing),
            ("UPDATE_IN_PROGRESS", Running::Change),
            ("DELETE_IN_PROGRESS", Running::Deletion),
        ] {
            assert_eq!(running(status), expected, "{status}");
        }
    }
}
