//! What stands on the emulator, asked of it and not of the tool.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::StackStatus;

use crate::emulator::Emulator;
use crate::fixture::PROJECT;

/// One stack: its status, and its resources as `logical id: type`.
pub(crate) type Standing = BTreeMap<String, (String, Vec<String>)>;

pub(crate) struct State {
    /// The first part of every name.
    project: &'static str,
    pub(crate) config: aws_config::SdkConfig,
    pub(crate) cloudformation: Client,
}

impl State {
    pub(crate) async fn of(emulator: &Emulator) -> Self {
        Self::of_project(emulator, PROJECT).await
    }

    pub(crate) async fn of_project(emulator: &Emulator, project: &'static str) -> Self {
        let config = emulator.config().await;
        Self {
            project,
            cloudformation: Client::new(&config),
            config,
        }
    }

    /// Every stack that is not gone.
    pub(crate) async fn stacks(&self) -> Standing {
        let described = self.cloudformation.describe_stacks().send().await.unwrap();
        let mut standing = Standing::new();
        for stack in described.stacks.unwrap_or_default() {
            let (name, status) = (stack.stack_name.unwrap(), stack.stack_status.unwrap());
            if status == StackStatus::DeleteComplete {
                continue;
            }
            let resources = self.cloudformation.describe_stack_resources();
            let resources = resources.stack_name(&name).send().await.unwrap();
            let mut listed: Vec<String> = resources
                .stack_resources()
                .iter()
                .map(|resource| {
                    let id = resource.logical_resource_id().unwrap_or_default();
                    format!("{id}: {}", resource.resource_type().unwrap_or_default())
                })
                .collect();
            listed.sort();
            standing.insert(name, (status.as_str().to_owned(), listed));
        }
        standing
    }

    /// The stacks that are protected against deletion.
    pub(crate) async fn protected(&self) -> Vec<String> {
        let described = self.cloudformation.describe_stacks().send().await.unwrap();
        let stacks = described.stacks.unwrap_or_default().into_iter();
        let protected = stacks.filter(|stack| {
            stack.enable_termination_protection == Some(true)
                && stack.stack_status != Some(StackStatus::DeleteComplete)
        });
        protected.filter_map(|stack| stack.stack_name).collect()
    }

    /// One output of one stack.
    #[track_caller]
    pub(crate) fn output(&self, owner: &str, key: &str) -> impl Future<Output = String> {
        let name = format!("{}-dev-{owner}", self.project);
        let described = self.cloudformation.describe_stacks().stack_name(&name);
        let key = key.to_owned();
        async move {
            let stacks = described.send().await.unwrap().stacks.unwrap();
            let outputs = stacks[0].outputs();
            let found = outputs
                .iter()
                .find(|output| output.output_key() == Some(&key))
                .and_then(|output| output.output_value());
            found
                .unwrap_or_else(|| panic!("no {key} of {name} in {outputs:?}"))
                .to_owned()
        }
    }

    /// The change sets that nobody has executed, as `stack: name`.
    pub(crate) async fn change_sets(&self) -> Vec<String> {
        let mut names = Vec::new();
        for stack in self.stacks().await.keys() {
            let sets = self.cloudformation.list_change_sets().stack_name(stack);
            for set in sets.send().await.unwrap().summaries() {
                let status = set.execution_status().map(|status| status.as_str());
                if !status.is_some_and(|status| status.starts_with("EXECUTE_")) {
                    let name = set.change_set_name().unwrap_or_default();
                    names.push(format!("{stack}: {name} ({status:?})"));
                }
            }
        }
        names
    }

    /// Everything with our name in it that could cost money or stand in the way: buckets, repositories, log groups, secrets,
    /// tables, clusters and runtimes.
    pub(crate) async fn belongings(&self) -> Vec<String> {
        let mut found = Vec::new();
        let s3 = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(true);
        let s3 = aws_sdk_s3::Client::from_conf(s3.build());
        for bucket in s3.list_buckets().send().await.unwrap().buckets() {
            found.extend(bucket.name().map(|name| format!("bucket {name}")));
        }
        let ecr = aws_sdk_ecr::Client::new(&self.config);
        for repository in ecr
            .describe_repositories()
            .send()
            .await
            .unwrap()
            .repositories()
        {
            let name = repository.repository_name().unwrap_or_default();
            found.push(format!("repository {name}"));
        }
        let logs = aws_sdk_cloudwatchlogs::Client::new(&self.config);
        for group in logs
            .describe_log_groups()
            .send()
            .await
            .unwrap()
            .log_groups()
        {
            found.extend(
                group
                    .log_group_name()
                    .map(|name| format!("log group {name}")),
            );
        }
        let secrets = aws_sdk_secretsmanager::Client::new(&self.config);
        for secret in secrets.list_secrets().send().await.unwrap().secret_list() {
            found.extend(secret.name().map(|name| format!("secret {name}")));
        }
        let tables = aws_sdk_dynamodb::Client::new(&self.config);
        for table in tables.list_tables().send().await.unwrap().table_names() {
            found.push(format!("table {table}"));
        }
        let ecs = aws_sdk_ecs::Client::new(&self.config);
        for cluster in ecs.list_clusters().send().await.unwrap().cluster_arns() {
            found.push(format!("cluster {cluster}"));
        }
        let agentcore = aws_sdk_bedrockagentcorecontrol::Client::new(&self.config);
        for runtime in agentcore
            .list_agent_runtimes()
            .send()
            .await
            .unwrap()
            .agent_runtimes()
        {
            found.push(format!("runtime {}", runtime.agent_runtime_id()));
        }
        found.retain(|thing| thing.contains(self.project));
        found
    }

    /// Puts an object into a bucket and an image into a repository, so that neither goes by itself.
    pub(crate) async fn fill(&self, bucket: &str, repository: &str) {
        let s3 = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(true);
        let put = aws_sdk_s3::Client::from_conf(s3.build()).put_object();
        drop(put.bucket(bucket).key("kept").send().await.unwrap());
        let put = aws_sdk_ecr::Client::new(&self.config).put_image();
        let put = put.repository_name(repository).image_tag("kept");
        drop(put.image_manifest("{}").send().await.unwrap());
    }

    /// True while somebody's lock lies in the bucket.
    pub(crate) async fn is_locked(&self) -> bool {
        let s3 = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(true);
        let s3 = aws_sdk_s3::Client::from_conf(s3.build());
        let start = format!("{}-dev-artifacts-", self.project);
        let buckets = s3.list_buckets().send().await.unwrap();
        let mut names = buckets.buckets().iter().filter_map(|bucket| bucket.name());
        let Some(bucket) = names.find(|name| name.starts_with(&start)) else {
            return false;
        };
        s3.head_object()
            .bucket(bucket)
            .key("lock.json")
            .send()
            .await
            .is_ok()
    }
}
