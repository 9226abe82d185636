//! What the deploy engine and the verbs ask of a cloud. The local cloud and AWS implement it; what only one of them has is a
//! default or an empty answer in the other.

use std::collections::BTreeMap;

use aws_types::SdkConfig;
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::progress::Reporter;
use crate::{
    DeployedStack, LogLine, LogQuery, Outputs, ReadySet, Recovery, Removal, StackRequest,
    StackState,
};

/// What a method of [`Cloud`] answers. Boxed, so that the engine takes any cloud as `dyn Cloud`.
pub type CloudFuture<'a, T> = BoxFuture<'a, anyhow::Result<T>>;

/// The stacks of one stage, wherever they are.
///
/// # Errors
/// Every method fails when the cloud refuses or cannot be reached; what else can go wrong stands at the method.
pub trait Cloud: Send + Sync {
    fn account(&self) -> Account;

    /// Every stack of the stage, in whatever condition.
    fn deployed(&self) -> CloudFuture<'_, Vec<DeployedStack>>;

    /// The template that a stack was made from.
    fn template<'a>(&'a self, stack: &'a DeployedStack) -> CloudFuture<'a, String>;

    /// Every stack with the health of what runs in it.
    fn describe(&self) -> CloudFuture<'_, Vec<StackState>>;

    /// What is under way on the whole stage: a lock and its owner.
    fn remarks(&self) -> CloudFuture<'_, Vec<String>> {
        done(Vec::new())
    }

    /// The log lines that there are, oldest first.
    fn logs<'a>(&'a self, query: &'a LogQuery) -> CloudFuture<'a, Vec<LogLine>>;

    /// The log lines that there are, and then every new one.
    fn follow<'a>(
        &'a self,
        query: &'a LogQuery,
    ) -> CloudFuture<'a, BoxStream<'static, anyhow::Result<LogLine>>>;

    /// How AgentCore is called, as the one who types; `None` when nothing runs that could be called.
    fn agent_access(&self) -> Option<AgentAccess>;

    /// Refuses, before anything is built, what this cloud cannot deploy.
    ///
    /// # Errors
    /// A secret is missing, or this cloud runs no image that the Docker engine builds.
    fn check<'a>(&'a self, needs: &'a Needs, reporter: &'a Reporter) -> CloudFuture<'a, ()>;

    /// What has to be done to a stuck stack first; `None` when it can be deployed as it is.
    fn recovery<'a>(&'a self, stack: &'a DeployedStack) -> CloudFuture<'a, Option<Recovery>> {
        let _ = stack;
        done(None)
    }

    /// Whether a person has to agree before something is replaced or deleted. Not where a deploy makes all of it again.
    fn asks_before_loss(&self) -> bool {
        true
    }

    /// Compiles the programs of these services for this cloud.
    fn compile<'a>(&'a self, services: &'a [String]) -> CloudFuture<'a, ()>;

    /// Packs a compiled service with these values for its ARGs.
    fn pack<'a>(
        &'a self,
        service: &'a str,
        args: &'a BTreeMap<String, String>,
    ) -> CloudFuture<'a, Artifact>;

    /// Puts an artifact where its stack looks for it: the URI of a repository, or the name of a bucket. The answer is the
    /// number of bytes sent; `None` when it was there already.
    fn send<'a>(
        &'a self,
        artifact: &'a Artifact,
        destination: &'a str,
    ) -> CloudFuture<'a, Option<u64>> {
        let _ = (artifact, destination);
        done(None)
    }

    /// Whether the stage can be locked. On AWS the lock lies in a bucket of the stage, so that stack comes first.
    fn can_lock(&self, outputs: &Outputs) -> bool {
        let _ = outputs;
        true
    }

    /// Takes the stage's lock.
    ///
    /// # Errors
    /// Somebody else deploys.
    fn lock<'a>(
        &'a self,
        outputs: &'a Outputs,
        reporter: &'a Reporter,
    ) -> CloudFuture<'a, DeployLock> {
        let _ = (outputs, reporter);
        done(DeployLock::unneeded())
    }

    /// Starts again what is there and does not run. A deploy calls it before it looks.
    fn resume(&self) -> CloudFuture<'_, ()> {
        done(())
    }

    /// Gets ready for changes. Called once something is to be changed, and agreed to.
    fn begin(&self) -> CloudFuture<'_, ()> {
        done(())
    }

    /// Asks what a request would change. Nothing changes before [`Cloud::execute`].
    ///
    /// # Errors
    /// The template or a value is refused, or the stack is stuck or somebody else's.
    fn prepare<'a>(
        &'a self,
        request: &'a StackRequest,
        outputs: &'a Outputs,
    ) -> CloudFuture<'a, Prepared>;

    /// Removes what [`Cloud::prepare`] made and nobody executes.
    fn discard<'a>(&'a self, set: &'a ReadySet) -> CloudFuture<'a, ()> {
        let _ = set;
        done(())
    }

    /// Carries out what was prepared, tells what happens, and returns when the stack has come to rest.
    fn execute<'a>(&'a self, step: Execution<'a>) -> CloudFuture<'a, ChangeOutcome>;

    /// Waits until a stack that needs no change is healthy.
    ///
    /// # Errors
    /// It is not, and does not get so.
    fn settle<'a>(&'a self, request: &'a StackRequest) -> CloudFuture<'a, ()> {
        let _ = request;
        done(())
    }

    /// Waits for what an earlier deploy began with a stack.
    fn attach<'a>(
        &'a self,
        stack: &'a DeployedStack,
        reporter: &'a Reporter,
    ) -> CloudFuture<'a, ()> {
        let _ = (stack, reporter);
        done(())
    }

    /// Does what [`Cloud::recovery`] named.
    fn recover<'a>(
        &'a self,
        stack: &'a DeployedStack,
        recovery: &'a Recovery,
        reporter: &'a Reporter,
    ) -> CloudFuture<'a, ()> {
        let _ = (stack, recovery, reporter);
        done(())
    }

    /// Whether an update that runs can be cancelled.
    fn cancels_updates(&self) -> bool {
        false
    }

    /// Cancels the update of a stack that runs.
    fn cancel<'a>(&'a self, stack: &'a DeployedStack) -> CloudFuture<'a, ()> {
        let _ = stack;
        done(())
    }

    /// Clears away what a deploy leaves behind that succeeded or had nothing to do; `whole` when it was of all stacks.
    fn finish<'a>(&'a self, whole: bool, outputs: &'a Outputs) -> CloudFuture<'a, ()> {
        let _ = (whole, outputs);
        done(())
    }

    /// Asks the services whether they can do their work.
    fn smoke_checks<'a>(&'a self, outputs: &'a Outputs) -> BoxFuture<'a, Vec<SmokeCheck>>;

    /// Whether a deploy that changed nothing asks them too.
    fn checks_unchanged(&self) -> bool {
        false
    }

    /// What the deletion of a stack takes along.
    fn removal<'a>(&'a self, stack: &'a DeployedStack) -> CloudFuture<'a, Removal>;

    /// What is on no stack's list and stays behind.
    fn leftovers<'a>(&'a self, stacks: &'a [DeployedStack]) -> CloudFuture<'a, Vec<String>> {
        let _ = stacks;
        done(Vec::new())
    }

    /// Deletes a stack that the stage no longer has, in the course of a deploy.
    fn retire<'a>(
        &'a self,
        removal: &'a Removal,
        reporter: &'a Reporter,
    ) -> CloudFuture<'a, ChangeOutcome>;

    /// Deletes a stack of a stage that goes; `emptied` hears how much was in what had to be emptied. The answer is why the
    /// stack is still there, if it is.
    fn delete<'a>(
        &'a self,
        removal: &'a Removal,
        emptied: &'a (dyn Fn(&str, usize) + Send + Sync),
    ) -> CloudFuture<'a, Option<String>>;

    /// Ends what is left of a stage whose stacks have gone; with `forget` it keeps nothing but logs.
    fn close(&self, forget: bool) -> CloudFuture<'_, Closed>;
}

fn done<'a, T: Send + 'a>(value: T) -> CloudFuture<'a, T> {
    Box::pin(ready(Ok(value)))
}

/// Whose cloud it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    pub region: String,
    /// Who is signed in, as an ARN; `None` where nobody signs in.
    pub identity: Option<String>,
}

/// Credentials, region and endpoint for calls to AgentCore.
#[derive(Debug, Clone)]
pub enum AgentAccess {
    Aws(Box<SdkConfig>),
    /// An endpoint on this machine.
    Endpoint {
        url: String,
        region: String,
        access_key_id: String,
        secret_access_key: String,
    },
}

/// What the stacks of a deploy need besides a cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The ARNs of secrets that no stack makes.
    pub existing_secrets: Vec<String>,
    /// Why an image needs the Docker engine, if one does: `services/agent/Dockerfile:3: RUN needs the Docker engine`.
    pub engine: Option<String>,
}

/// A service as its cloud runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    pub service: String,
    /// `sha256:...` of the image's manifest or of the zip.
    pub digest: String,
}

impl Artifact {
    /// The name of an image by its digest.
    pub fn reference(&self, repository_uri: &str) -> String {
        format!("{repository_uri}@{}", self.digest)
    }

    /// Where a function's zip lies in the bucket: the same bytes always lie in the same place.
    pub fn code_key(&self) -> String {
        let digits = self.digest.trim_start_matches("sha256:");
        format!("code/{}-{digits}.zip", self.service)
    }
}

/// What preparing a stack came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Prepared {
    /// The stack is as it should be.
    Nothing,
    Ready(ReadySet),
    /// This cloud can tell only once it has been begun.
    Later,
}

/// One stack's change, about to be carried out.
#[derive(Debug, Clone, Copy)]
pub struct Execution<'a> {
    pub set: &'a ReadySet,
    pub request: &'a StackRequest,
    /// The stack as it is, if it is there.
    pub before: Option<&'a DeployedStack>,
    pub reporter: &'a Reporter,
}

/// How the change of a stack ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeOutcome {
    /// The stack's outputs afterwards.
    pub outputs: BTreeMap<String, String>,
    /// `None` when the stack got where it was going.
    pub failure: Option<ChangeFailure>,
}

/// Why a stack did not get where it was going.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFailure {
    /// In what state it was left, as CloudFormation says it; empty where nothing has happened to it.
    pub status: String,
    /// The first cause, for a person.
    pub reason: String,
    /// What was found out besides, in lines.
    pub diagnosis: Vec<String>,
}

/// One question to the services of a stage, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmokeCheck {
    /// `x402-backend, unpaid`
    pub name: String,
    pub passed: bool,
    /// What was answered, or what is wrong and the way out.
    pub detail: String,
}

impl SmokeCheck {
    pub fn new(name: String, result: Result<String, String>, way_out: String) -> Self {
        Self {
            name,
            passed: result.is_ok(),
            detail: result.unwrap_or_else(|problem| format!("{problem}; {way_out}")),
        }
    }
}

/// What was left when the last stack had gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closed {
    /// How many things went besides the stacks.
    pub removed: usize,
    /// What is now true of the stage: `no process and no port is left`.
    pub summary: &'static str,
    /// What stays on purpose, for a person.
    pub note: Option<String>,
}

/// The right to change a stage.
pub struct DeployLock {
    lost: CancellationToken,
    release: CloudFuture<'static, ()>,
}

impl DeployLock {
    /// `lost` is cancelled when somebody else has taken the lock; `release` lets it go.
    pub fn new(lost: CancellationToken, release: CloudFuture<'static, ()>) -> Self {
        Self { lost, release }
    }

    /// For a cloud that keeps two deploys apart by itself.
    pub fn unneeded() -> Self {
        Self::new(CancellationToken::new(), done(()))
    }

    /// Cancelled when the lock is not ours any more: whatever it protects has to stop.
    pub fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Lets the lock go.
    pub async fn release(self) -> anyhow::Result<()> {
        self.release.await
    }
}
