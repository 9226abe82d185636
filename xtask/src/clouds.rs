//! The cloud of a stage: the local one, or AWS. Which one it is matters here and nowhere else in the verbs.

use std::sync::Arc;

use agentcore_client::{Agent, config_on_this_machine};
use cloud::{AgentAccess, Cloud, Outputs, StackState, nothing_runs};
use facts::{CloudKind, Context, Stage, typed};
use local_cloud::LocalStage;
use words::error::UserError;

/// Finds the stage's cloud. On AWS that signs in; whether anything is deployed there is asked by each verb.
///
/// # Errors
/// Nobody is signed in, or this build of the tool has no support for AWS.
pub(crate) async fn connect(context: &Context, stage: &Stage) -> anyhow::Result<Arc<dyn Cloud>> {
    match stage.cloud {
        CloudKind::Local => Ok(Arc::new(LocalStage::connect(context, stage).await?)),
        CloudKind::Cloudformation => aws(context, stage).await,
    }
}

#[cfg(feature = "aws")]
async fn aws(context: &Context, stage: &Stage) -> anyhow::Result<Arc<dyn Cloud>> {
    Ok(Arc::new(::aws::AwsStage::connect(context, stage).await?))
}

#[cfg(not(feature = "aws"))]
async fn aws(_context: &Context, stage: &Stage) -> anyhow::Result<Arc<dyn Cloud>> {
    Err(words::error::NotInThisBuild::Aws {
        stage: stage.name.clone(),
    }
    .into())
}

/// Every stack with its health.
///
/// # Errors
/// Nothing is deployed, besides what can go wrong on the way.
pub(crate) async fn describe(cloud: &dyn Cloud, stage: &Stage) -> anyhow::Result<Vec<StackState>> {
    match cloud.describe().await? {
        stacks if stacks.is_empty() => Err(nothing_runs(stage).into()),
        stacks => Ok(stacks),
    }
}

/// The outputs of every stack: cheaper than [`describe`] where health has to be asked for.
///
/// # Errors
/// Nothing is deployed, besides what can go wrong on the way.
pub(crate) async fn outputs(cloud: &dyn Cloud, stage: &Stage) -> anyhow::Result<Outputs> {
    match cloud.deployed().await? {
        stacks if stacks.is_empty() => Err(nothing_runs(stage).into()),
        stacks => Ok(stacks
            .into_iter()
            .map(|stack| (stack.owner, stack.outputs))
            .collect()),
    }
}

/// The agent with its endpoint, as the one who types may call it. The name is whose stack it is.
///
/// # Errors
/// Nothing runs, or there is no agent on the stage.
pub(crate) fn agent(
    cloud: &dyn Cloud,
    stage: &Stage,
    outputs: &Outputs,
) -> anyhow::Result<(String, Agent)> {
    let config = match cloud.agent_access().ok_or_else(|| nothing_runs(stage))? {
        AgentAccess::Aws(config) => *config,
        AgentAccess::Endpoint {
            url,
            region,
            access_key_id,
            secret_access_key,
        } => config_on_this_machine(&url, &region, &access_key_id, &secret_access_key),
    };
    let agent = Agent::of_stage(&config, outputs);
    Ok(agent.ok_or_else(|| UserError::new("no agent is deployed").hint(typed(stage, "deploy")))?)
}
