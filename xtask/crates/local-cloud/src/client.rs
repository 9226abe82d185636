//! The near end of the local cloud: finds its supervisor, starts one, and asks it for things.

use std::fs::{OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use http::{Method, StatusCode, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::aws::Credentials;
use super::folder::Folder;
use super::http_client::{Client, call, client};
use super::supervisor::{Contact, Problem, read};
use super::{BUILD_VARIABLE, REGION, processes};
use cloud::{Applied, DeployedStack, Prepared, StackRequest, StackState};

/// How long a supervisor may take to answer from its start. Restoring does not wait for health, so this is ample.
const START: Duration = Duration::from_secs(10);
/// How long it may take to stop everything.
const STOP: Duration = Duration::from_secs(180);

/// A running local cloud.
#[derive(Debug, Clone)]
pub struct LocalCloud {
    folder: Folder,
    contact: Contact,
    client: Client,
}

impl LocalCloud {
    /// The local cloud of this folder; `None` when no supervisor lives, which its lock tells and no pid can.
    pub async fn connect(folder: &Path) -> anyhow::Result<Option<Self>> {
        let Some(folder) = Folder::find(folder) else {
            return Ok(None);
        };
        // One that is just stopping answers nothing, and has gone before this.
        let until = Instant::now() + STOP;
        while is_locked(&folder)? {
            if let Some(cloud) = Self::answering(&folder).await {
                return Ok(Some(cloud));
            }
            anyhow::ensure!(
                Instant::now() < until,
                "the local cloud's supervisor in {} does not answer; see {}",
                folder.root().display(),
                folder.log("supervisor").display()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(None)
    }

    /// Connects, or starts a supervisor: `exe local-cloud --folder FOLDER`, which outlives this process. One of another
    /// build is replaced, and its stacks stand again under the new one.
    #[expect(
        clippy::disallowed_methods,
        reason = "the supervisor is the one child that nobody supervises: it outlives this process"
    )]
    pub async fn start(folder: &Path, exe: &Path, build: &str) -> anyhow::Result<Self> {
        let folder_made = Folder::create(folder)?;
        let mut command = Command::new(exe);
        command
            .arg("local-cloud")
            .arg("--folder")
            .arg(folder_made.root());
        Self::start_by(&folder_made, command, build).await
    }

    pub async fn start_by(
        folder: &Folder,
        mut command: Command,
        build: &str,
    ) -> anyhow::Result<Self> {
        if let Some(cloud) = Self::connect(folder.root()).await? {
            if cloud.contact.build == build {
                return Ok(cloud);
            }
            cloud.shut_down().await?;
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(folder.start_log())
            .context("cannot open the supervisor's log")?;
        let mut child = command
            .env(BUILD_VARIABLE, build)
            .stdin(Stdio::null())
            .stdout(
                log.try_clone()
                    .context("cannot share the supervisor's log")?,
            )
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("cannot start the local cloud's supervisor")?;
        let until = Instant::now() + START;
        loop {
            if is_locked(folder)?
                && let Some(cloud) = Self::answering(folder).await
            {
                return Ok(cloud);
            }
            if let Some(status) = child.try_wait().context("cannot wait for the supervisor")? {
                // Another deploy may have started one at the same moment; then that one is as good.
                if let Some(cloud) = Self::connect(folder.root()).await? {
                    return Ok(cloud);
                }
                bail!(
                    "the local cloud's supervisor ended at once ({status}):\n{}",
                    last_words(folder)
                );
            }
            anyhow::ensure!(
                Instant::now() < until,
                "the local cloud's supervisor does not answer after {} s; see {}",
                START.as_secs(),
                folder.start_log().display()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn answering(folder: &Folder) -> Option<Self> {
        let contact: Contact = read(folder, &folder.supervisor())?;
        let cloud = Self {
            folder: folder.clone(),
            contact,
            client: client(),
        };
        let pid: u32 = tokio::time::timeout(
            Duration::from_secs(2),
            cloud.ask(Method::GET, "/_turnpike/", Vec::new()),
        )
        .await
        .ok()?
        .ok()?;
        (pid == cloud.contact.pid).then_some(cloud)
    }

    /// Makes a stack what the request says; returns once it is healthy, or with an error and the stack as it was.
    pub async fn apply(&self, request: &StackRequest) -> anyhow::Result<Applied> {
        let body = serde_json::to_vec(request).context("cannot put a stack into JSON")?;
        self.ask(Method::POST, "/_turnpike/stacks", body).await
    }

    /// Takes a stack down, with its processes, ports and data. One that is not there is no error.
    pub async fn delete(&self, name: &str) -> anyhow::Result<()> {
        self.ask(
            Method::DELETE,
            &format!("/_turnpike/stacks/{name}"),
            Vec::new(),
        )
        .await
    }

    pub async fn describe(&self) -> anyhow::Result<Vec<StackState>> {
        self.ask(Method::GET, "/_turnpike/stacks", Vec::new()).await
    }

    /// Every stack as it is compared with: what it was made from, and its outputs.
    pub async fn deployed(&self) -> anyhow::Result<Vec<DeployedStack>> {
        self.ask(Method::GET, "/_turnpike/deployed", Vec::new())
            .await
    }

    /// What a stack was made from.
    pub async fn request_of(&self, name: &str) -> anyhow::Result<StackRequest> {
        let path = format!("/_turnpike/stacks/{name}");
        self.ask(Method::GET, &path, Vec::new()).await
    }

    /// What a request would change; nothing is changed.
    pub async fn compare(&self, request: &StackRequest) -> anyhow::Result<Prepared> {
        let body = serde_json::to_vec(request).context("cannot put a stack into JSON")?;
        self.ask(Method::POST, "/_turnpike/changes", body).await
    }

    /// Which build of the tool the supervisor is.
    pub fn build(&self) -> &str {
        &self.contact.build
    }

    /// Ends the supervisor and everything that it runs. The stacks stay on disk and stand again at the next start.
    pub async fn shut_down(&self) -> anyhow::Result<()> {
        let uri = self.uri("/_turnpike/shutdown")?;
        let (status, _) = call(
            &self.client,
            Method::POST,
            &uri,
            Some(&self.contact.control_token),
            Vec::new(),
        )
        .await?;
        anyhow::ensure!(
            status == StatusCode::ACCEPTED,
            "the local cloud's supervisor refuses to end ({status})"
        );
        let until = Instant::now() + STOP;
        while is_locked(&self.folder)? {
            anyhow::ensure!(
                Instant::now() < until,
                "the local cloud's supervisor (pid {}) does not end",
                self.contact.pid
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The address of all AWS APIs: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.contact.endpoint
    }

    /// The region to sign for.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// Credentials of a principal that may do everything in this local cloud, and nothing anywhere else.
    pub fn credentials_for_operator(&self) -> Credentials {
        self.contact.operator.clone()
    }

    /// The supervisor's pid.
    #[cfg(test)]
    pub fn pid(&self) -> u32 {
        self.contact.pid
    }

    fn uri(&self, path: &str) -> anyhow::Result<Uri> {
        format!("{}{path}", self.contact.endpoint)
            .parse()
            .context("the supervisor's address is not a URL")
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<T> {
        let uri = self.uri(path)?;
        let (status, bytes) = call(
            &self.client,
            method,
            &uri,
            Some(&self.contact.control_token),
            body,
        )
        .await
        .with_context(|| {
            format!(
                "the local cloud's supervisor has gone; see {}",
                self.folder.log("supervisor").display()
            )
        })?;
        if status.is_success() {
            return serde_json::from_slice(&bytes)
                .context("the supervisor's answer cannot be read");
        }
        match Problem::deserialize(&mut serde_json::Deserializer::from_slice(&bytes)) {
            Ok(problem) => bail!("{}", problem.error),
            Err(_) => bail!(
                "the supervisor answers {status}: {}",
                String::from_utf8_lossy(&bytes)
            ),
        }
    }
}

/// Ends processes that a supervisor left behind, when no supervisor lives; returns how many there were.
pub fn reap(folder: &Path) -> anyhow::Result<usize> {
    let Some(folder) = Folder::find(folder) else {
        return Ok(0);
    };
    let file = lock_file(&folder)?;
    match file.try_lock() {
        Ok(()) => processes::reap(&folder),
        Err(TryLockError::WouldBlock) => Ok(0),
        Err(TryLockError::Error(error)) => {
            Err(error).context("cannot lock the local cloud's folder")
        }
    }
}

fn lock_file(folder: &Folder) -> anyhow::Result<std::fs::File> {
    let path = folder.lock();
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))
}

/// Whether a supervisor lives. The lock is the truth: the system frees it when a process ends, however it ends.
fn is_locked(folder: &Folder) -> anyhow::Result<bool> {
    if !folder.lock().exists() {
        return Ok(false);
    }
    match lock_file(folder)?.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => {
            Err(error).context("cannot look at the local cloud's lock")
        }
    }
}

fn last_words(folder: &Folder) -> String {
    let text = std::fs::read_to_string(folder.start_log()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
