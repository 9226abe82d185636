//! Pure: what the deletion of one stack takes along, what it leaves, and what has to be emptied for it.

use serde::Serialize;
use template::Node;

use aws::cloudformation::{Condition, Standing, condition};
use aws::inventory::Resource;

/// One stack that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Removal {
    pub(super) name: String,
    pub(super) owner: String,
    #[serde(skip)]
    pub(super) stack_id: String,
    #[serde(skip)]
    pub(super) condition: Running,
    /// How many resources go with it.
    pub(super) deletes: usize,
    /// Those among them that hold something: `secret turnpike/dev/wallet-key`.
    pub(super) loses: Vec<String>,
    /// What its template says is to stay.
    pub(super) retains: Vec<String>,
    /// What CloudFormation deletes only when nothing is in it.
    pub(super) empties: Vec<Container>,
    /// Termination protection is on, and is turned off first.
    pub(super) protected: bool,
    /// Its agents leave network interfaces behind, for hours.
    pub(super) agent_in_vpc: bool,
}

/// Something that has to be empty before it can go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "name")]
pub(crate) enum Container {
    Bucket(String),
    Repository(String),
}

/// What is being done to the stack already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Running {
    Nothing,
    /// It can be deleted once this is over.
    Change,
    Deletion,
}

impl Removal {
    pub(super) fn of(standing: &Standing, resources: &[Resource], template: &str) -> Self {
        let retained = retained(template);
        let stays = |resource: &&Resource| retained.contains(&resource.logical_id);
        let made = || {
            resources
                .iter()
                .filter(|resource| !resource.physical_id.is_empty())
        };
        let goes: Vec<&Resource> = made().filter(|resource| !stays(resource)).collect();
        let named = |resource: &&Resource| {
            let word = resource_types::find(&resource.resource_type)?.holds?;
            Some(format!("{word} {}", short(&resource.physical_id)))
        };
        Self {
            name: standing.name.clone(),
            owner: standing.owner.clone(),
            stack_id: standing.stack_id.clone(),
            condition: running(&standing.status),
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
            protected: standing.protected,
            agent_in_vpc: resources
                .iter()
                .any(|resource| resource.resource_type == "AWS::BedrockAgentCore::Runtime")
                && network_mode(template).as_deref() == Some("VPC"),
        }
    }

    /// What has to be said about it, besides how much it is.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.protected {
            lines.push("its protection against deletion is turned off first".to_owned());
        }
        for thing in &self.loses {
            let emptied = self
                .empties
                .iter()
                .any(|container| thing.ends_with(container.name()));
            lines.push(match emptied {
                true => format!("{thing} with everything in it"),
                false => thing.clone(),
            });
        }
        lines.extend(self.retains.iter().map(|thing| format!("stays: {thing}")));
        if self.agent_in_vpc {
            lines.push(
                "stays for up to eight hours: the agent's network interfaces, and with them their subnets and security groups"
                    .to_owned(),
            );
        }
        lines
    }
}

impl Container {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Bucket(name) | Self::Repository(name) => name,
        }
    }
}

fn container(resource: &Resource) -> Option<Container> {
    let name = resource.physical_id.clone();
    let known = resource_types::find(&resource.resource_type)?;
    match known.holds.filter(|_| known.is_emptied)? {
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

    fn standing(owner: &str, status: &str) -> Standing {
        Standing {
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
        let mut standing = standing("artifacts", "UPDATE_COMPLETE");
        standing.protected = true;
        let removal = Removal::of(&standing, &resources, template);
        let mut told = vec![format!("{} go, {:?}", removal.deletes, removal.empties)];
        told.extend(removal.lines());
        expect![[r#"
            5 go, [Bucket("turnpike-dev-artifacts-1"), Repository("turnpike/dev/agent")]
            its protection against deletion is turned off first
            bucket turnpike-dev-artifacts-1 with everything in it
            repository turnpike/dev/agent with everything in it
            secret turnpike/dev/wallet-key
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
