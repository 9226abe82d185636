//! One running process: it is waited for, it can be stopped, and its record goes with it.

use std::time::Duration;

use anyhow::Context;
use futures_util::future::BoxFuture;
use rustix::process::Signal;
use tokio::process::Command;
use tokio::sync::watch;

use super::records;
use crate::aws::Instance;
use crate::folder::Folder;

/// A process that was started. Dropping this ends nothing.
#[derive(Debug, Clone)]
pub(crate) struct Child {
    pid: u32,
    exit: watch::Receiver<Option<String>>,
    /// How long it may take to end by itself.
    stop_time: Duration,
}

impl Child {
    /// Starts a command in a process group of its own, and remembers it on disk until it ends.
    pub(crate) fn spawn(
        folder: &Folder,
        mut command: Command,
        stop_time: Duration,
    ) -> anyhow::Result<Self> {
        let program = command.as_std().get_program().to_owned();
        let mut child = command
            .process_group(0)
            .kill_on_drop(false)
            .spawn()
            .with_context(|| {
                format!("cannot start {}", std::path::Path::new(&program).display())
            })?;
        let pid = child
            .id()
            .context("a process that ended before it had begun")?;
        if let Err(error) = records::remember(folder, pid) {
            records::end(pid, Signal::KILL);
            return Err(error);
        }
        let (sender, exit) = watch::channel(None);
        let folder = folder.clone();
        tokio::spawn(async move {
            let ended = match child.wait().await {
                Ok(status) => describe(status),
                Err(error) => format!("lost: {error}"),
            };
            // A record that stays behind is looked at and dismissed by the next supervisor.
            drop(records::forget(&folder, pid));
            sender.send_replace(Some(ended));
        });
        Ok(Self {
            pid,
            exit,
            stop_time,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid
    }

    /// True until the process has ended.
    pub(crate) fn is_running(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// Waits for the end: `exit status 101`, `signal 9`.
    pub(crate) async fn wait(&self) -> String {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().unwrap_or_default(),
            Err(_) => "lost".to_owned(),
        }
    }

    /// Asks the process to end, and ends it when its time is over. Returns when it has gone.
    pub(crate) async fn end(&self) {
        if !self.is_running() {
            return;
        }
        records::end(self.pid, Signal::TERM);
        if tokio::time::timeout(self.stop_time, self.wait())
            .await
            .is_err()
        {
            records::end(self.pid, Signal::KILL);
            self.wait().await;
        }
    }
}

impl Instance for Child {
    fn pid(&self) -> u32 {
        self.pid
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.end())
    }

    fn exited(&self) -> BoxFuture<'_, String> {
        Box::pin(self.wait())
    }
}

fn describe(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}
