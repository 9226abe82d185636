//! Starts processes with exactly the environment that they are meant to have, and nothing of the supervisor's own.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context;
use tokio::process::Command;

use super::child::Child;
use super::ports::Ports;
use crate::folder::Folder;
use crate::resources::ProcessPlan;
use crate::vault::Vault;

/// What every start needs.
#[derive(Debug, Clone)]
pub(crate) struct Launcher {
    pub folder: Folder,
    pub region: String,
    /// The one address of all AWS APIs: `http://127.0.0.1:PORT`.
    pub endpoint: String,
    pub vault: Arc<Vault>,
    pub ports: Arc<Ports>,
}

impl Launcher {
    /// The environment of a process: image and template, secrets, then what this cloud says, which wins.
    pub(crate) fn environment(
        &self,
        plan: &ProcessPlan,
        more: &[(String, String)],
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let mut environment = plan.environment.clone();
        for (variable, reference) in &plan.secrets {
            let value = self
                .vault
                .value(reference)
                .with_context(|| format!("cannot fill the variable {variable}"))?;
            environment.insert(variable.clone(), value);
        }
        let mut set =
            |name: &str, value: &str| environment.insert(name.to_owned(), value.to_owned());
        set("AWS_REGION", &self.region);
        set("AWS_DEFAULT_REGION", &self.region);
        set("AWS_ENDPOINT_URL", &self.endpoint);
        // Without this, a process without a role asks an address on the network for credentials and waits.
        set("AWS_EC2_METADATA_DISABLED", "true");
        set("HOST", "127.0.0.1");
        if let Some(role) = &plan.role_arn {
            let credentials = self
                .vault
                .credentials(role)
                .with_context(|| format!("the role {role} has no credentials"))?;
            set("AWS_ACCESS_KEY_ID", &credentials.access_key_id);
            set("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key);
        }
        environment.extend(more.iter().cloned());
        Ok(environment)
    }

    /// Starts the plan's program; what it writes goes to its owner's log.
    pub(crate) fn start(
        &self,
        plan: &ProcessPlan,
        environment: &BTreeMap<String, String>,
    ) -> anyhow::Result<Child> {
        for folder in plan.volumes.iter().chain([&plan.directory]) {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let log = open_log(&self.folder.log(&plan.owner))?;
        let mut command = command(&plan.program, &plan.arguments, &plan.directory, environment);
        command
            .stdout(log.try_clone().context("cannot share a log file")?)
            .stderr(log);
        Child::spawn(&self.folder, command, plan.stop_time())
    }
}

/// A command with nothing inherited: no environment, no input.
pub(super) fn command(
    program: &Path,
    arguments: &[String],
    directory: &Path,
    environment: &BTreeMap<String, String>,
) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null());
    command
}

/// Opens a log so that every write goes to its end, whoever else writes and whoever cuts it short.
fn open_log(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))
}
