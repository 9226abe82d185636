//! A stage on this machine, as the deploy engine and the verbs see it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::BoxStream;

use crate::artifacts::Artifacts;
use crate::client::{LocalCloud, reap};
use crate::logs::{follow_logs, read_logs};
use crate::{ACCOUNT, REGION, clear, existing_secrets, resources, stage_folder};
use cloud::progress::Reporter;
use cloud::{
    Account, AgentAccess, Artifact, ChangeOutcome, Closed, Cloud, CloudFuture, DeployedStack,
    Execution, LogLine, LogQuery, Needs, Outputs, Prepared, Removal, SmokeCheck, StackRequest,
    StackState,
};
use facts::{Context, Stage};
use words::error::UserError;

/// The folder of a local cloud, and its supervisor if one lives. The logs can be read without.
pub struct LocalStage {
    context: Context,
    stage: Stage,
    folder: PathBuf,
    supervisor: Mutex<Option<LocalCloud>>,
    artifacts: Artifacts,
}

impl LocalStage {
    pub async fn connect(context: &Context, stage: &Stage) -> anyhow::Result<Self> {
        let folder = stage_folder(context, stage);
        let supervisor = LocalCloud::connect(&folder).await?;
        Ok(Self {
            context: context.clone(),
            stage: stage.clone(),
            artifacts: Artifacts::new(context, &folder),
            supervisor: Mutex::new(supervisor),
            folder,
        })
    }

    /// The supervisor, when one lives.
    fn supervisor(&self) -> Option<LocalCloud> {
        self.supervisor
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn running(&self) -> anyhow::Result<LocalCloud> {
        self.supervisor()
            .context("the local cloud's supervisor does not run")
    }

    /// Connects to the supervisor, or starts one. One of another build of this tool is replaced.
    async fn start(&self) -> anyhow::Result<()> {
        let (executable, build) = this_build()?;
        let started = LocalCloud::start(&self.folder, &executable, &build).await?;
        *self
            .supervisor
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(started);
        Ok(())
    }

    /// The stacks as they are compared with; by a supervisor of another build only what every build tells.
    async fn stacks(&self) -> anyhow::Result<Vec<DeployedStack>> {
        let Some(supervisor) = self.supervisor() else {
            return Ok(Vec::new());
        };
        if supervisor.build() == this_build()?.1 {
            return supervisor.deployed().await;
        }
        let states = supervisor.describe().await?.into_iter();
        let stack = |state: StackState| DeployedStack {
            stack_id: state.name.clone(),
            name: state.name,
            owner: state.owner,
            outputs: state.outputs,
            ..DeployedStack::default()
        };
        Ok(states.map(stack).collect())
    }

    async fn old_template(&self, name: &str) -> anyhow::Result<String> {
        let supervisor = self.running()?;
        if supervisor.build() != this_build()?.1 {
            let problem = format!(
                "the stage {} runs under another build of this tool, which cannot be compared with",
                self.stage.name
            );
            let hint = "`cargo xtask deploy` replaces it; `cargo xtask plan --offline` needs none";
            return Err(UserError::new(problem).hint(hint).into());
        }
        Ok(supervisor.request_of(name).await?.template)
    }

    fn refuse(&self, needs: &Needs) -> Result<(), UserError> {
        for arn in &needs.existing_secrets {
            existing_secrets::read(&self.folder, arn)?;
        }
        let Some(why) = &needs.engine else {
            return Ok(());
        };
        let hint = "a Dockerfile of FROM scratch, COPY and settings runs on every stage; `cargo xtask build` and stages on AWS take this one as well";
        let problem =
            format!("{why}, and the local stage runs the programs themselves, without one");
        Err(UserError::new(problem).hint(hint))
    }

    async fn execute(&self, step: Execution<'_>) -> anyhow::Result<ChangeOutcome> {
        let doing = if step.set.create {
            "creating"
        } else {
            "updating"
        };
        step.reporter.work(&step.request.owner, Some(doing));
        let applied = self.running()?.apply(step.request).await?;
        for (id, kind) in resources::left_out(&step.request.template) {
            let text = format!(
                "{id} ({kind}): this machine has no such thing, and who calls its API is told so"
            );
            step.reporter.tell("left out", &text);
        }
        Ok(ChangeOutcome {
            outputs: applied.outputs,
            failure: None,
        })
    }

    async fn delete(&self, removal: &Removal) -> anyhow::Result<()> {
        self.running()?.delete(&removal.name).await
    }

    async fn close(&self, forget: bool) -> anyhow::Result<Closed> {
        let removed = match self.supervisor() {
            Some(supervisor) => {
                supervisor.shut_down().await?;
                1
            }
            // A supervisor that was killed leaves its processes and its notes behind.
            None => reap(&self.folder)?,
        };
        let logs = match forget {
            true => clear(&self.folder)?,
            false => None,
        };
        Ok(Closed {
            removed,
            summary: "no process and no port is left",
            note: logs.map(|logs| format!("the logs stay: {}", logs.display())),
        })
    }
}

/// This program, and which build of it it is.
fn this_build() -> anyhow::Result<(PathBuf, String)> {
    let executable = std::env::current_exe().context("cannot find this program")?;
    let build = files::build_id(&executable)?;
    Ok((executable, build))
}

/// Whether a stack was deployed here that no supervisor runs.
fn has_stacks(folder: &Path) -> bool {
    std::fs::read_dir(folder.join("stacks")).is_ok_and(|mut entries| entries.next().is_some())
}

impl Cloud for LocalStage {
    fn account(&self) -> Account {
        Account {
            id: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            identity: None,
        }
    }

    fn deployed(&self) -> CloudFuture<'_, Vec<DeployedStack>> {
        Box::pin(self.stacks())
    }

    fn template<'a>(&'a self, stack: &'a DeployedStack) -> CloudFuture<'a, String> {
        Box::pin(self.old_template(&stack.name))
    }

    fn describe(&self) -> CloudFuture<'_, Vec<StackState>> {
        Box::pin(async {
            match self.supervisor() {
                Some(supervisor) => supervisor.describe().await,
                None => Ok(Vec::new()),
            }
        })
    }

    fn logs<'a>(&'a self, query: &'a LogQuery) -> CloudFuture<'a, Vec<LogLine>> {
        Box::pin(ready(Ok(read_logs(&self.folder, query))))
    }

    fn follow<'a>(
        &'a self,
        query: &'a LogQuery,
    ) -> CloudFuture<'a, BoxStream<'static, anyhow::Result<LogLine>>> {
        let lines = follow_logs(&self.folder, query).map(Ok).boxed();
        Box::pin(ready(Ok(lines)))
    }

    fn agent_access(&self) -> Option<AgentAccess> {
        let supervisor = self.supervisor()?;
        let credentials = supervisor.credentials_for_operator();
        Some(AgentAccess::Endpoint {
            url: supervisor.endpoint().to_owned(),
            region: supervisor.region().to_owned(),
            access_key_id: credentials.access_key_id,
            secret_access_key: credentials.secret_access_key,
        })
    }

    fn check<'a>(&'a self, needs: &'a Needs, _reporter: &'a Reporter) -> CloudFuture<'a, ()> {
        Box::pin(ready(self.refuse(needs).map_err(Into::into)))
    }

    fn asks_before_loss(&self) -> bool {
        false
    }

    fn compile<'a>(&'a self, services: &'a [String]) -> CloudFuture<'a, ()> {
        Box::pin(self.artifacts.compile(services))
    }

    fn pack<'a>(
        &'a self,
        service: &'a str,
        args: &'a BTreeMap<String, String>,
    ) -> CloudFuture<'a, Artifact> {
        Box::pin(async { self.artifacts.pack(service, args) })
    }

    fn resume(&self) -> CloudFuture<'_, ()> {
        Box::pin(async {
            match self.supervisor().is_some() || has_stacks(&self.folder) {
                true => self.start().await,
                false => Ok(()),
            }
        })
    }

    fn begin(&self) -> CloudFuture<'_, ()> {
        Box::pin(self.start())
    }

    fn prepare<'a>(
        &'a self,
        request: &'a StackRequest,
        _outputs: &'a Outputs,
    ) -> CloudFuture<'a, Prepared> {
        Box::pin(async {
            match self.supervisor() {
                Some(supervisor) => supervisor.compare(request).await,
                None => Ok(Prepared::Later),
            }
        })
    }

    fn execute<'a>(&'a self, step: Execution<'a>) -> CloudFuture<'a, ChangeOutcome> {
        Box::pin(self.execute(step))
    }

    fn settle<'a>(&'a self, request: &'a StackRequest) -> CloudFuture<'a, ()> {
        Box::pin(async { self.running()?.apply(request).await.map(drop) })
    }

    fn finish<'a>(&'a self, whole: bool, _outputs: &'a Outputs) -> CloudFuture<'a, ()> {
        Box::pin(ready(self.artifacts.finish(whole)))
    }

    fn smoke_checks<'a>(&'a self, outputs: &'a Outputs) -> BoxFuture<'a, Vec<SmokeCheck>> {
        Box::pin(smoke::paths(&self.context, &self.stage, outputs))
    }

    fn checks_unchanged(&self) -> bool {
        // What was wrong before must not look right at the second look, and asking costs nothing here.
        true
    }

    fn removal<'a>(&'a self, stack: &'a DeployedStack) -> CloudFuture<'a, Removal> {
        Box::pin(ready(Ok(Removal::plain(stack))))
    }

    fn retire<'a>(
        &'a self,
        removal: &'a Removal,
        _reporter: &'a Reporter,
    ) -> CloudFuture<'a, ChangeOutcome> {
        Box::pin(async {
            self.delete(removal).await?;
            Ok(ChangeOutcome::default())
        })
    }

    fn delete<'a>(
        &'a self,
        removal: &'a Removal,
        _emptied: &'a (dyn Fn(&str, usize) + Send + Sync),
    ) -> CloudFuture<'a, Option<String>> {
        Box::pin(async {
            self.delete(removal).await?;
            Ok(None)
        })
    }

    fn close(&self, forget: bool) -> CloudFuture<'_, Closed> {
        Box::pin(self.close(forget))
    }
}
