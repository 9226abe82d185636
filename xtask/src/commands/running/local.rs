//! A stage on this machine.

use std::path::PathBuf;

use aws_config::SdkConfig;
use futures_util::Stream;

use agentcore_client::config_on_this_machine;
use cloud::nothing_runs;
use cloud::{LogLine, LogQuery, StackState};
use facts::Context;
use facts::Stage;
use local_cloud::LocalCloud;
use local_cloud::logs::{follow_logs, read_logs};

/// The folder of a local cloud, and its supervisor if one lives. The logs can be read without.
#[derive(Debug)]
pub(crate) struct LocalStage {
    pub(crate) folder: PathBuf,
    pub(crate) cloud: Option<LocalCloud>,
}

impl LocalStage {
    pub(super) async fn connect(context: &Context, stage: &Stage) -> anyhow::Result<Self> {
        let folder = local_cloud::stage_folder(context, stage);
        Ok(Self {
            cloud: LocalCloud::connect(&folder).await?,
            folder,
        })
    }

    pub(super) async fn describe(&self) -> anyhow::Result<Vec<StackState>> {
        match &self.cloud {
            Some(cloud) => cloud.describe().await,
            None => Ok(Vec::new()),
        }
    }

    pub(super) fn logs(&self, query: &LogQuery) -> Vec<LogLine> {
        read_logs(&self.folder, query)
    }

    pub(super) fn follow(&self, query: &LogQuery) -> impl Stream<Item = LogLine> + Send + use<> {
        follow_logs(&self.folder, query)
    }

    pub(super) fn config(&self, stage: &Stage) -> anyhow::Result<SdkConfig> {
        let cloud = self.cloud.as_ref().ok_or_else(|| nothing_runs(stage))?;
        let credentials = cloud.credentials_for_operator();
        Ok(config_on_this_machine(
            cloud.endpoint(),
            cloud.region(),
            &credentials.access_key_id,
            &credentials.secret_access_key,
        ))
    }
}
