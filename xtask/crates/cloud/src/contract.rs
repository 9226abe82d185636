//! What the deploy engine and the verbs ask of a cloud. The local cloud and AWS implement it; what only one of them has is a
//! default or an empty answer in the other.

use std::collections::BTreeMap;

use futures_util::future::{BoxFuture, ready};
use futures_util::stream::BoxStream;

use crate::progress::Reporter;
use crate::{
    Account, AgentAccess, Artifact, ChangeOutcome, Closed, DeployLock, DeployedStack, Execution,
    LogLine, LogQuery, Needs, Outputs, Prepared, ReadySet, Recovery, Removal, SmokeCheck,
    StackRequest, StackState,
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

    /// Turns the protection of a stack against deletion on or off.
    fn protect<'a>(&'a self, stack: &'a DeployedStack, on: bool) -> CloudFuture<'a, ()> {
        let _ = (stack, on);
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

pub(crate) fn done<'a, T: Send + 'a>(value: T) -> CloudFuture<'a, T> {
    Box::pin(ready(Ok(value)))
}
