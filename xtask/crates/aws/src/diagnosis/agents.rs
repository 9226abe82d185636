//! What AgentCore says of an agent, and what the agent said itself.

use super::{group, last_lines, words};
use crate::Aws;
use crate::control::Control;
use crate::logs::Logs;

pub(super) async fn ask(
    aws: &Aws,
    runtime: &str,
    endpoint: Option<&str>,
) -> anyhow::Result<Vec<String>> {
    let control = Control::new(aws.config());
    let mut state = match endpoint {
        Some(name) => control.endpoint(runtime, name).await?,
        None => None,
    };
    if state.is_none() {
        state = control.runtime(runtime).await?;
    }
    let mut lines = state.as_ref().map(words::agent).unwrap_or_default();
    let logs = Logs::new(aws.config());
    let names = logs
        .group_names(&format!("/aws/bedrock-agentcore/runtimes/{runtime}-"))
        .await?;
    let groups: Vec<_> = names.into_iter().map(group).collect();
    lines.extend(last_lines(&logs, &groups).await?);
    Ok(lines)
}
