//! What the verbs that operate a stage share: its cloud, which answers the same questions on this machine and on AWS.

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "aws")]
mod health;
mod local;

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

#[cfg(feature = "aws")]
pub(crate) use aws::AwsStage;
#[cfg(feature = "aws")]
pub(crate) use health::stays_behind;
pub(crate) use local::LocalStage;

use agentcore_client::Agent;
use cloud::nothing_runs;
use cloud::{LogLine, LogQuery, Outputs, StackState};
use facts::Context;
use facts::{CloudKind, Stage, typed};
use words::error::UserError;

/// A stage's cloud. Which one it is matters here and nowhere else.
#[derive(Debug)]
pub(crate) enum Cloud {
    Local(Box<LocalStage>),
    #[cfg(feature = "aws")]
    Aws(Box<AwsStage>),
}

impl Cloud {
    /// Finds the stage's cloud. On AWS that signs in; whether anything stands there is asked by each verb.
    pub(crate) async fn connect(context: &Context, stage: &Stage) -> anyhow::Result<Self> {
        Ok(match stage.cloud {
            CloudKind::Local => Self::Local(Box::new(LocalStage::connect(context, stage).await?)),
            #[cfg(feature = "aws")]
            CloudKind::Cloudformation => {
                Self::Aws(Box::new(AwsStage::connect(context, stage).await?))
            }
            #[cfg(not(feature = "aws"))]
            CloudKind::Cloudformation => {
                return Err(words::error::NotInThisBuild::Aws {
                    stage: stage.name.clone(),
                }
                .into());
            }
        })
    }

    /// Every stack with how it does.
    ///
    /// # Errors
    /// Nothing stands, besides what can go wrong on the way.
    pub(crate) async fn describe(&self, stage: &Stage) -> anyhow::Result<Vec<StackState>> {
        let stacks = match self {
            Self::Local(local) => local.describe().await?,
            #[cfg(feature = "aws")]
            Self::Aws(aws) => aws.describe().await?,
        };
        standing(stacks, stage)
    }

    /// The outputs of every stack: cheaper than `describe` where health has to be asked for.
    pub(crate) async fn outputs(&self, stage: &Stage) -> anyhow::Result<Outputs> {
        let stacks = match self {
            Self::Local(local) => local.describe().await?,
            #[cfg(feature = "aws")]
            Self::Aws(aws) => aws.stacks().await?,
        };
        let stacks = standing(stacks, stage)?;
        let outputs = stacks.into_iter().map(|state| (state.owner, state.outputs));
        Ok(outputs.collect())
    }

    /// The lines that there are, oldest first.
    pub(crate) async fn logs(&self, query: &LogQuery) -> anyhow::Result<Vec<LogLine>> {
        match self {
            Self::Local(local) => Ok(local.logs(query)),
            #[cfg(feature = "aws")]
            Self::Aws(aws) => aws.logs(query).await,
        }
    }

    /// The lines that there are, and then every new one.
    pub(crate) async fn follow(
        &self,
        query: &LogQuery,
    ) -> anyhow::Result<BoxStream<'static, anyhow::Result<LogLine>>> {
        match self {
            Self::Local(local) => Ok(local.follow(query).map(Ok).boxed()),
            #[cfg(feature = "aws")]
            Self::Aws(aws) => Ok(aws.follow(query).await?.boxed()),
        }
    }

    /// What is under way on the whole stage: a deploy, a lock and its owner.
    pub(crate) async fn remarks(&self) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Local(_) => Ok(Vec::new()),
            #[cfg(feature = "aws")]
            Self::Aws(aws) => aws.remarks().await,
        }
    }

    /// The agent with its endpoint, as the one who types may call it. The name is whose stack it is.
    ///
    /// # Errors
    /// There is no agent on the stage.
    pub(crate) fn agent(
        &self,
        stage: &Stage,
        outputs: &Outputs,
    ) -> anyhow::Result<(String, Agent)> {
        let config = match self {
            Self::Local(local) => local.config(stage)?,
            #[cfg(feature = "aws")]
            Self::Aws(aws) => aws.config().clone(),
        };
        agent(stage, outputs, &config)
    }
}

/// The agent of a stage with these outputs.
pub(crate) fn agent(
    stage: &Stage,
    outputs: &Outputs,
    config: &SdkConfig,
) -> anyhow::Result<(String, Agent)> {
    let (owner, runtime_arn, endpoint) = outputs
        .iter()
        .find_map(|(owner, outputs)| {
            Some((
                owner,
                outputs.get("RuntimeArn")?,
                outputs.get("EndpointName")?,
            ))
        })
        .ok_or_else(|| UserError::new("no agent is deployed").hint(typed(stage, "deploy")))?;
    Ok((owner.clone(), Agent::new(config, runtime_arn, endpoint)))
}

fn standing(stacks: Vec<StackState>, stage: &Stage) -> anyhow::Result<Vec<StackState>> {
    if stacks.is_empty() {
        return Err(nothing_runs(stage).into());
    }
    Ok(stacks)
}

/// A stack's outputs as scripts read them: `runtimeArn`, not `RuntimeArn`.
pub(crate) fn camel_case(outputs: &BTreeMap<String, String>) -> BTreeMap<String, &str> {
    let first_small = |key: &str| {
        let mut letters = key.chars();
        letters.next().map_or(String::new(), |first| {
            first.to_ascii_lowercase().to_string() + letters.as_str()
        })
    };
    outputs
        .iter()
        .map(|(key, value)| (first_small(key), value.as_str()))
        .collect()
}
