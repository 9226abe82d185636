//! A stage on AWS: its stacks, found by their tags, and what runs in them.

use aws_config::SdkConfig;
use futures_util::Stream;
use futures_util::future::join_all;

use super::health;
use aws::Aws;
use aws::cloudformation::{CloudFormation, Standing};
use aws::lock::{Holder, LockGuard, StageLock};
use aws::logs::{Group, Logs};
use aws::s3::S3;
use cloud::{LogLine, LogQuery, StackState};
use facts::Context;
use facts::Stage;
use words::output::Output;

/// Signed in to the account of a stage.
#[derive(Debug)]
pub(crate) struct AwsStage {
    pub(crate) aws: Aws,
    pub(crate) cloudformation: CloudFormation,
}

impl AwsStage {
    pub(crate) async fn connect(context: &Context, stage: &Stage) -> anyhow::Result<Self> {
        let aws = Aws::connect(stage).await?;
        let cloudformation = CloudFormation::new(&aws, &context.repo.project, &stage.name);
        Ok(Self {
            aws,
            cloudformation,
        })
    }

    /// Takes the stage's lock, which lies in its bucket. Waits, and says so, while somebody else has it.
    pub(crate) async fn lock(&self, out: &Output, bucket: &str) -> anyhow::Result<LockGuard> {
        let lock = StageLock::new(&S3::new(&self.aws), bucket);
        let guard = lock.acquire(&Holder::here(), |text| out.note(text)).await?;
        if let Some(gone) = &guard.took_over {
            out.note(&format!(
                "took over the lock of {}, who is gone",
                gone.owner
            ));
        }
        Ok(guard)
    }

    /// Removes the lock of a run that was killed when nothing was left to do: nobody would take it over for a long time.
    pub(crate) async fn sweep_lock(&self, bucket: &str) -> anyhow::Result<()> {
        let lock = StageLock::new(&S3::new(&self.aws), bucket);
        lock.sweep(&Holder::here()).await
    }

    /// The stacks with what CloudFormation says of them.
    pub(super) async fn stacks(&self) -> anyhow::Result<Vec<StackState>> {
        let standing = self.cloudformation.standing().await?;
        Ok(standing.into_iter().map(state).collect())
    }

    /// The stacks with how what they made does, asked of all at once.
    pub(super) async fn describe(&self) -> anyhow::Result<Vec<StackState>> {
        let stacks = self.stacks().await?;
        Ok(join_all(
            stacks
                .into_iter()
                .map(|stack| health::ask(&self.aws, stack)),
        )
        .await)
    }

    pub(super) async fn logs(&self, query: &LogQuery) -> anyhow::Result<Vec<LogLine>> {
        let groups = self.groups().await?;
        Logs::new(self.aws.config()).read(&groups, query).await
    }

    pub(super) async fn follow(
        &self,
        query: &LogQuery,
    ) -> anyhow::Result<impl Stream<Item = anyhow::Result<LogLine>> + Send + use<>> {
        let groups = self.groups().await?;
        Ok(Logs::new(self.aws.config()).follow(&groups, query))
    }

    /// Who is at the stage now, by the lock in its bucket.
    pub(super) async fn remarks(&self) -> anyhow::Result<Vec<String>> {
        let standing = self.cloudformation.standing().await?;
        let bucket = standing
            .iter()
            .find_map(|stack| stack.outputs.get("BucketName"));
        let Some(bucket) = bucket else {
            return Ok(Vec::new());
        };
        let holder = StageLock::new(&S3::new(&self.aws), bucket).holder().await?;
        Ok(holder.into_iter().collect())
    }

    pub(super) fn config(&self) -> &SdkConfig {
        self.aws.config()
    }

    async fn groups(&self) -> anyhow::Result<Vec<Group>> {
        let stacks = self.stacks().await?;
        let groups = stacks.into_iter().flat_map(|stack| {
            let owner = stack.owner;
            stack.log_groups.into_iter().map(move |name| Group {
                owner: owner.clone(),
                name,
                stream: None,
            })
        });
        Ok(groups.collect())
    }
}

fn state(standing: Standing) -> StackState {
    let (healthy, remarks) = health::of_stack(&standing);
    StackState {
        name: standing.name,
        owner: standing.owner,
        healthy,
        status: Some(standing.status),
        log_groups: standing
            .outputs
            .get("LogGroupName")
            .cloned()
            .into_iter()
            .collect(),
        outputs: standing.outputs,
        processes: Vec::new(),
        remarks,
    }
}
