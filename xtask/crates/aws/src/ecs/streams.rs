//! Where containers write to.

use aws_sdk_ecs::types::ContainerDefinition;

use super::{Ecs, StoppedTask};
use crate::errors::refused;
use crate::logs::Group;

impl Ecs {
    /// Where the containers of a task wrote to.
    pub async fn log_streams(&self, task: &StoppedTask) -> anyhow::Result<Vec<Group>> {
        let name = &task.task_definition;
        let call = self.client.describe_task_definition().task_definition(name);
        let answer = call
            .send()
            .await
            .map_err(|error| refused(&format!("describe the task definition {name}"), &error))?;
        let containers = answer
            .task_definition
            .and_then(|definition| definition.container_definitions)
            .unwrap_or_default();
        Ok(containers
            .into_iter()
            .filter_map(|container| log_stream(container, &task.id))
            .collect())
    }
}

/// `prefix/container/task`; without a prefix Fargate names no stream that could be told beforehand.
fn log_stream(container: ContainerDefinition, task: &str) -> Option<Group> {
    let mut options = container.log_configuration?.options?;
    let prefix = options.remove("awslogs-stream-prefix");
    Some(Group {
        owner: String::new(),
        name: options.remove("awslogs-group")?,
        stream: prefix
            .map(|prefix| format!("{prefix}/{}/{task}", container.name.unwrap_or_default())),
    })
}
