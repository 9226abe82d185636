//! A stage on AWS: its stacks, found by their tags, and what runs in them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::BoxStream;

use crate::Aws;
use crate::artifacts::ArtifactStore;
use crate::cloudformation::CloudFormation;
use crate::lock::{Holder, StageLock};
use crate::logs::{Group, Logs};
use crate::s3::S3;
use crate::{changes, health, removal, secrets, smoke};
use cloud::progress::Reporter;
use cloud::{
    Account, AgentAccess, Artifact, ChangeOutcome, Closed, Cloud, CloudFuture, DeployLock,
    DeployedStack, Execution, LogLine, LogQuery, Needs, Outputs, Prepared, ReadySet, Recovery,
    Removal, SmokeCheck, StackRequest, StackState,
};
use facts::{Context, Stage};

/// Signed in to the account of a stage.
pub struct AwsStage {
    pub(crate) aws: Aws,
    pub(crate) cloudformation: CloudFormation,
    pub(crate) s3: S3,
    context: Context,
    stage: Stage,
    artifacts: ArtifactStore,
    /// Whether the lock has been ours: then nothing of an older one is left.
    has_locked: AtomicBool,
}

impl AwsStage {
    /// # Errors
    /// Nobody is signed in, or to another account.
    pub async fn connect(context: &Context, stage: &Stage) -> anyhow::Result<Self> {
        let aws = Aws::connect(stage).await?;
        let cloudformation =
            CloudFormation::new(&aws, &context.repo.project, &stage.name).keeping(stage.protect);
        Ok(Self {
            artifacts: ArtifactStore::new(context, &aws),
            s3: S3::new(&aws),
            context: context.clone(),
            stage: stage.clone(),
            has_locked: AtomicBool::new(false),
            aws,
            cloudformation,
        })
    }

    /// Whether the stage's stacks are kept from being deleted.
    pub(crate) fn protects(&self) -> bool {
        self.stage.protect
    }

    /// The stacks with what CloudFormation says of them.
    async fn stacks(&self) -> anyhow::Result<Vec<StackState>> {
        let deployed = self.cloudformation.deployed().await?;
        Ok(deployed.into_iter().map(state).collect())
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

    /// Takes the stage's lock. Waits, and says so, while somebody else has it.
    async fn take_lock(&self, bucket: &str, reporter: &Reporter) -> anyhow::Result<DeployLock> {
        let out = &reporter.out;
        let lock = StageLock::new(&self.s3, bucket);
        let guard = lock.acquire(&Holder::here(), |text| out.note(text)).await?;
        self.has_locked.store(true, Ordering::Relaxed);
        if let Some(gone) = &guard.took_over {
            out.note(&format!(
                "took over the lock of {}, who is gone",
                gone.owner
            ));
        }
        let lost = guard.lost();
        Ok(DeployLock::new(lost, Box::pin(guard.release())))
    }

    /// The secrets that the stage names are there and can be read, before anything needs them.
    async fn look_at_secrets(&self, needs: &Needs, reporter: &Reporter) -> anyhow::Result<()> {
        for arn in &needs.existing_secrets {
            if secrets::look(self.aws.config(), arn).await? == secrets::Looked::NotAllowed {
                reporter.out.warning(&format!(
                    "cannot look at the secret {arn}: secretsmanager:DescribeSecret is not allowed; whether it is there will show \
                     when its service starts"
                ));
            }
        }
        Ok(())
    }
}

impl Cloud for AwsStage {
    fn account(&self) -> Account {
        Account {
            id: self.aws.account.clone(),
            region: self.aws.region.clone(),
            identity: Some(self.aws.identity.clone()),
        }
    }

    fn deployed(&self) -> CloudFuture<'_, Vec<DeployedStack>> {
        Box::pin(self.cloudformation.deployed())
    }

    fn template<'a>(&'a self, stack: &'a DeployedStack) -> CloudFuture<'a, String> {
        Box::pin(self.cloudformation.template(&stack.name))
    }

    fn describe(&self) -> CloudFuture<'_, Vec<StackState>> {
        Box::pin(async {
            let stacks = self.stacks().await?.into_iter();
            Ok(join_all(stacks.map(|stack| health::ask(&self.aws, stack))).await)
        })
    }

    fn remarks(&self) -> CloudFuture<'_, Vec<String>> {
        Box::pin(async {
            let deployed = self.cloudformation.deployed().await?;
            let mut outputs = deployed.iter().map(|stack| &stack.outputs);
            let Some(bucket) = outputs.find_map(|outputs| outputs.get("BucketName")) else {
                return Ok(Vec::new());
            };
            let holder = StageLock::new(&self.s3, bucket).holder().await?;
            Ok(holder.into_iter().collect())
        })
    }

    fn logs<'a>(&'a self, query: &'a LogQuery) -> CloudFuture<'a, Vec<LogLine>> {
        Box::pin(async {
            let groups = self.groups().await?;
            Logs::new(self.aws.config()).read(&groups, query).await
        })
    }

    fn follow<'a>(
        &'a self,
        query: &'a LogQuery,
    ) -> CloudFuture<'a, BoxStream<'static, anyhow::Result<LogLine>>> {
        Box::pin(async {
            let groups = self.groups().await?;
            let lines = Logs::new(self.aws.config()).follow(&groups, query);
            Ok(lines.boxed())
        })
    }

    fn agent_access(&self) -> Option<AgentAccess> {
        Some(AgentAccess::Aws(Box::new(self.aws.config().clone())))
    }

    fn check<'a>(&'a self, needs: &'a Needs, reporter: &'a Reporter) -> CloudFuture<'a, ()> {
        Box::pin(self.look_at_secrets(needs, reporter))
    }

    fn recovery<'a>(&'a self, stack: &'a DeployedStack) -> CloudFuture<'a, Option<Recovery>> {
        Box::pin(self.cloudformation.recovery(stack))
    }

    fn compile<'a>(&'a self, services: &'a [String]) -> CloudFuture<'a, ()> {
        Box::pin(self.artifacts.compile(&self.stage, services))
    }

    fn pack<'a>(
        &'a self,
        service: &'a str,
        args: &'a BTreeMap<String, String>,
    ) -> CloudFuture<'a, Artifact> {
        Box::pin(self.artifacts.pack(service, args))
    }

    fn send<'a>(
        &'a self,
        artifact: &'a Artifact,
        destination: &'a str,
    ) -> CloudFuture<'a, Option<u64>> {
        Box::pin(self.artifacts.send(artifact, destination))
    }

    fn can_lock(&self, outputs: &Outputs) -> bool {
        bucket(outputs).is_some()
    }

    fn lock<'a>(
        &'a self,
        outputs: &'a Outputs,
        reporter: &'a Reporter,
    ) -> CloudFuture<'a, DeployLock> {
        Box::pin(async move {
            match bucket(outputs) {
                Some(bucket) => self.take_lock(bucket, reporter).await,
                None => Ok(DeployLock::unneeded()),
            }
        })
    }

    fn prepare<'a>(
        &'a self,
        request: &'a StackRequest,
        outputs: &'a Outputs,
    ) -> CloudFuture<'a, Prepared> {
        Box::pin(changes::prepare(self, request, bucket(outputs)))
    }

    fn discard<'a>(&'a self, set: &'a ReadySet) -> CloudFuture<'a, ()> {
        Box::pin(self.cloudformation.discard(set))
    }

    fn execute<'a>(&'a self, step: Execution<'a>) -> CloudFuture<'a, ChangeOutcome> {
        Box::pin(changes::execute(self, step))
    }

    fn attach<'a>(
        &'a self,
        stack: &'a DeployedStack,
        reporter: &'a Reporter,
    ) -> CloudFuture<'a, ()> {
        Box::pin(changes::attach(self, stack, reporter))
    }

    fn recover<'a>(
        &'a self,
        stack: &'a DeployedStack,
        recovery: &'a Recovery,
        reporter: &'a Reporter,
    ) -> CloudFuture<'a, ()> {
        Box::pin(async move {
            let each = |event| changes::report(reporter, &stack.name, &event);
            let ended = self.cloudformation.recover(stack, recovery, each).await;
            ended.map(drop)
        })
    }

    fn cancels_updates(&self) -> bool {
        true
    }

    fn cancel<'a>(&'a self, stack: &'a DeployedStack) -> CloudFuture<'a, ()> {
        Box::pin(async {
            let cancelled = self.cloudformation.cancel(&stack.stack_id).await;
            cancelled.map(drop)
        })
    }

    fn protect<'a>(&'a self, stack: &'a DeployedStack, on: bool) -> CloudFuture<'a, ()> {
        Box::pin(self.cloudformation.protect(&stack.stack_id, on))
    }

    fn finish<'a>(&'a self, _whole: bool, outputs: &'a Outputs) -> CloudFuture<'a, ()> {
        Box::pin(async move {
            // A run that was killed may have left its lock: nobody would take it over for a long time.
            if let (Some(bucket), false) =
                (bucket(outputs), self.has_locked.load(Ordering::Relaxed))
            {
                let lock = StageLock::new(&self.s3, bucket);
                // The next deploy that changes something takes the lock over, so this may fail.
                drop(lock.sweep(&Holder::here()).await);
            }
            Ok(())
        })
    }

    fn smoke_checks<'a>(&'a self, outputs: &'a Outputs) -> BoxFuture<'a, Vec<SmokeCheck>> {
        let config = self.aws.config();
        Box::pin(smoke::check(&self.context, &self.stage, config, outputs))
    }

    fn removal<'a>(&'a self, stack: &'a DeployedStack) -> CloudFuture<'a, Removal> {
        Box::pin(removal::removal_of(&self.aws, &self.cloudformation, stack))
    }

    fn leftovers<'a>(&'a self, stacks: &'a [DeployedStack]) -> CloudFuture<'a, Vec<String>> {
        Box::pin(removal::leftovers(&self.aws, stacks))
    }

    fn retire<'a>(
        &'a self,
        removal: &'a Removal,
        reporter: &'a Reporter,
    ) -> CloudFuture<'a, ChangeOutcome> {
        Box::pin(changes::retire(self, removal, reporter))
    }

    fn delete<'a>(
        &'a self,
        removal: &'a Removal,
        emptied: &'a (dyn Fn(&str, usize) + Send + Sync),
    ) -> CloudFuture<'a, Option<String>> {
        Box::pin(removal::delete(self, removal, emptied))
    }

    fn close(&self, _forget: bool) -> CloudFuture<'_, Closed> {
        Box::pin(async {
            Ok(Closed {
                summary: "nothing of the stage is left but what is named as staying",
                ..Closed::default()
            })
        })
    }
}

/// The bucket of artifacts, once there is one.
fn bucket(outputs: &Outputs) -> Option<&String> {
    outputs.get("artifacts")?.get("BucketName")
}

fn state(deployed: DeployedStack) -> StackState {
    let (healthy, remarks) = health::of_stack(&deployed);
    StackState {
        name: deployed.name,
        owner: deployed.owner,
        healthy,
        status: Some(deployed.status),
        log_groups: deployed
            .outputs
            .get("LogGroupName")
            .cloned()
            .into_iter()
            .collect(),
        outputs: deployed.outputs,
        processes: Vec::new(),
        remarks,
    }
}
