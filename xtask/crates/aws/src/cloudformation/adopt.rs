//! The secrets that a protected stage has kept, taken into a new stack before it gets its other resources.
//!
//! `ImportExistingResources` finds a log group, a table or a repository by the name in the template. It cannot find a secret, whose
//! identifier is its ARN (aws-cloudformation/cloudformation-coverage-roadmap#2375). A change set of the type IMPORT can: it names
//! each resource with its identifier, and may do nothing else (CloudFormation User Guide, "Import AWS resources into a
//! CloudFormation stack").

use anyhow::Context as _;
use aws_sdk_cloudformation::types::{ChangeSetType, ResourceToImport};
use template::Node;

use super::change_set::{ChangeSet, tag};
use super::{CloudFormation, Ended, OWNER_TAG, PROJECT_TAG, STAGE_TAG, StackEvent};
use crate::errors::refused;
use cloud::StackRequest;

const TRIES_MAX: u32 = 30;
const SECRET: &str = "AWS::SecretsManager::Secret";

/// A secret of a template, by a name that is written there.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedSecret {
    pub logical_id: String,
    pub name: String,
}

/// A secret that is there.
#[derive(Debug)]
pub struct KeptSecret {
    pub logical_id: String,
    pub arn: String,
}

/// The secrets that a template makes under names of their own.
pub fn named_secrets(template: &str) -> Vec<NamedSecret> {
    let Ok(root) = Node::parse(template) else {
        return Vec::new();
    };
    let resources = root.get("Resources").map(Node::entries).unwrap_or_default();
    let secrets = resources
        .iter()
        .filter(|entry| entry.value.get("Type").and_then(Node::as_str) == Some(SECRET));
    secrets
        .filter_map(|entry| {
            let name = entry.value.get("Properties")?.get("Name")?.as_str()?;
            Some(NamedSecret {
                logical_id: entry.key.clone(),
                name: name.to_owned(),
            })
        })
        .collect()
}

impl CloudFormation {
    /// Makes the stack of a request, with nothing in it but these secrets, which stay as they are.
    ///
    /// # Errors
    /// CloudFormation refuses, or cannot be reached.
    pub async fn adopt(
        &self,
        request: &StackRequest,
        secrets: &[KeptSecret],
        mut each: impl FnMut(StackEvent),
    ) -> anyhow::Result<Ended> {
        let name = &request.name;
        self.until_free(name).await?;
        let call = self
            .client
            .create_change_set()
            .stack_name(name)
            .change_set_name("turnpike-adopt")
            .client_token(super::token())
            .change_set_type(ChangeSetType::Import)
            .template_body(only(&request.template, secrets))
            .set_resources_to_import(Some(secrets.iter().map(identified).collect()));
        let made = call.send().await.map_err(|error| {
            refused(
                &format!("take the kept secrets into the stack {name}"),
                &error,
            )
        })?;
        let id = made
            .id
            .context("CloudFormation made a change set without an id")?;
        let set = match self.ready(name, &id, true).await? {
            Some(ChangeSet::Ready(set)) => set,
            _ => anyhow::bail!("the change set that imports the secrets of {name} went away"),
        };
        let since = self.execute(&set).await?;
        let ended = self.watch(&set.stack_id, since, &mut each).await?;
        if ended.failure.is_some() {
            return Ok(ended);
        }
        self.tag(request, &set.stack_id, each).await
    }

    /// The empty stack of a change set that was shown and removed may take a moment to go.
    async fn until_free(&self, name: &str) -> anyhow::Result<()> {
        for round in 0..TRIES_MAX {
            if self.find(name).await?.is_none() {
                return Ok(());
            }
            tokio::time::sleep(self.pace.wait(round)).await;
        }
        anyhow::bail!(
            "the stack {name} is there, and was not a moment ago; run the same command again"
        )
    }

    /// Says whose stack it is, before an update of it may fail: an import takes no tags.
    async fn tag(
        &self,
        request: &StackRequest,
        stack_id: &str,
        each: impl FnMut(StackEvent),
    ) -> anyhow::Result<Ended> {
        let doing = format!("tag the stack {}", request.name);
        let since = self
            .now(stack_id)
            .await
            .map_err(|refusal| refusal.into_error(&doing))?;
        let call = self
            .client
            .update_stack()
            .stack_name(stack_id)
            .use_previous_template(true)
            .client_request_token(super::token())
            .tags(tag(PROJECT_TAG, &self.project))
            .tags(tag(STAGE_TAG, &self.stage))
            .tags(tag(OWNER_TAG, &request.owner));
        call.send().await.map_err(|error| refused(&doing, &error))?;
        self.watch(stack_id, since, each).await
    }
}

fn identified(secret: &KeptSecret) -> ResourceToImport {
    ResourceToImport::builder()
        .resource_type(SECRET)
        .logical_resource_id(&secret.logical_id)
        .resource_identifier("Id", &secret.arn)
        .build()
}

/// The template with these resources alone, word for word: an import may add nothing else, outputs and tags included.
fn only(template: &str, secrets: &[KeptSecret]) -> String {
    let mut text = "Resources:\n".to_owned();
    let mut taken = false;
    let mut inside = false;
    for line in template.lines() {
        if !line.starts_with([' ', '#']) && !line.is_empty() {
            inside = line.trim_end() == "Resources:";
            taken = false;
        } else if inside && let Some(id) = resource_line(line) {
            taken = secrets.iter().any(|secret| secret.logical_id == id);
        }
        if taken {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// `  Key:`, where a resource begins.
fn resource_line(line: &str) -> Option<&str> {
    let id = line.strip_prefix("  ")?.trim_end().strip_suffix(':')?;
    id.chars().all(char::is_alphanumeric).then_some(id)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const TEMPLATE: &str = r#"Parameters:
  Key:
    Type: String
Resources:
  # Drawn by the cloud.
  KeySecret:
    Type: AWS::SecretsManager::Secret
    DeletionPolicy: RetainExceptOnCreate
    Properties:
      Name: "turnpike/prod/mcp-server/wallet-key"
  Group:
    Type: AWS::Logs::LogGroup
  OtherSecret:
    Type: AWS::SecretsManager::Secret
    Properties: {Name: !Sub "${AWS::StackName}-key"}
Outputs:
  KeySecret:
    Value: !Ref KeySecret
"#;

    #[test]
    fn only_secrets_whose_names_are_written_are_looked_for() {
        let found = named_secrets(TEMPLATE);
        assert_eq!(
            found,
            [NamedSecret {
                logical_id: "KeySecret".to_owned(),
                name: "turnpike/prod/mcp-server/wallet-key".to_owned()
            }]
        );
        assert_eq!(named_secrets("- no template"), []);
    }

    #[test]
    fn an_import_has_nothing_but_what_it_imports() {
        let kept = KeptSecret {
            logical_id: "KeySecret".to_owned(),
            arn: String::new(),
        };
        expect![[r#"
            Resources:
              KeySecret:
                Type: AWS::SecretsManager::Secret
                DeletionPolicy: RetainExceptOnCreate
                Properties:
                  Name: "turnpike/prod/mcp-server/wallet-key"
        "#]]
        .assert_eq(&only(TEMPLATE, &[kept]));
    }
}
