//! What a cloud is given, and what it answers.

use std::collections::BTreeMap;

use aws_types::SdkConfig;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::contract::{CloudFuture, done};
use crate::progress::Reporter;
use crate::{DeployedStack, ReadySet, StackRequest};

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
    /// Why the same request may succeed in a moment, if it may.
    pub passing: Option<&'static str>,
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
