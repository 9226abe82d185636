//! What the supervisor hands to the local AWS: roles, functions, agent runtimes.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// An IAM role with its policy documents, in which no intrinsic function is left.
#[derive(Debug, Clone)]
pub struct Role {
    pub arn: String,
    pub name: String,
    pub policies: Vec<serde_json::Value>,
}

/// Long-lived credentials of one role. `Debug` never shows the secret key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"***")
            .finish()
    }
}

/// A Lambda function. Its instances come from `starter`.
#[derive(Clone)]
pub struct Function {
    pub arn: String,
    pub name: String,
    pub timeout_seconds: u32,
    pub memory_mib: u32,
    /// How many instances may run at once, at least 1.
    pub instances_max: u32,
    pub starter: Arc<dyn StartInstance>,
}

/// Starts processes that poll the Lambda Runtime API.
pub trait StartInstance: Send + Sync {
    /// Starts one instance. `environment` holds every `AWS_LAMBDA_*` variable, `AWS_LAMBDA_RUNTIME_API` (= `runtime_api`)
    /// among them; the function's own variables, the region and the role's credentials are the starter's to add.
    fn start(
        &self,
        runtime_api: SocketAddr,
        environment: Vec<(String, String)>,
    ) -> BoxFuture<'_, anyhow::Result<Box<dyn Instance>>>;
}

/// A running instance of a function.
pub trait Instance: Send + Sync {
    fn pid(&self) -> u32;
    /// Ends the process and returns when it has gone. Safe to call again.
    fn stop(&self) -> BoxFuture<'_, ()>;
    /// Waits for the end and tells how it came: `exit code 1`. Safe to call again and to drop half-way.
    fn exited(&self) -> BoxFuture<'_, String>;
}

/// An AgentCore runtime, served by one process.
#[derive(Debug, Clone)]
pub struct AgentRuntime {
    pub arn: String,
    pub id: String,
    pub name: String,
    pub version: u32,
    /// Client headers that reach the container, in any case of letters.
    pub header_allow_list: Vec<String>,
    /// Where the container answers; `None` while its process is down or not yet healthy.
    pub target: watch::Receiver<Option<SocketAddr>>,
}

/// A named endpoint of a runtime. `DEFAULT` needs none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointFacts {
    pub name: String,
    pub version: u32,
}
