//! The AWS APIs of the local cloud: one address, dispatched by the service in each request's signature.
//!
//! Every request is signed by one of the roles that the local cloud has made, its signature is verified, and the
//! role's policies decide. The registries here are filled by the supervisor, from the rendered templates.

mod access;
mod agentcore;
mod authorization;
mod bedrock;
mod conditions;
mod dynamodb;
mod error;
mod events;
mod gateway;
mod iam;
mod identifiers;
mod lambda;
mod offline_model;
mod secrets;
mod sigv4;
#[cfg(test)]
mod tests;
mod types;
mod wildcard;

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use tokio::sync::broadcast;

use access::lock;
pub use events::Fact;
pub use offline_model::offline_model;
pub use types::{
    AgentRuntime, Credentials, EndpointFacts, Function, Instance, Role, StartInstance,
};

/// Everything that the local AWS APIs know. Clones share one state.
#[derive(Clone)]
pub struct Aws {
    inner: Arc<Inner>,
}

struct Inner {
    region: String,
    account: String,
    facts: events::Facts,
    client: reqwest::Client,
    roles: Mutex<access::Roles>,
    secrets: Mutex<secrets::Secrets>,
    tables: dynamodb::Served,
    functions: Mutex<lambda::Functions>,
    runtimes: Mutex<agentcore::Runtimes>,
}

impl Aws {
    /// `account` has 12 digits.
    pub fn new(region: &str, account: &str) -> Aws {
        Aws {
            inner: Arc::new(Inner {
                region: region.to_owned(),
                account: account.to_owned(),
                facts: events::Facts::new(),
                client: agentcore::client(),
                roles: Mutex::default(),
                secrets: Mutex::default(),
                tables: dynamodb::Served::default(),
                functions: Mutex::default(),
                runtimes: Mutex::default(),
            }),
        }
    }

    /// The endpoint of all APIs (`AWS_ENDPOINT_URL`).
    pub fn router(&self) -> Router {
        gateway::router(self.clone())
    }

    /// Knows `role` from now on, or replaces its policies. The same ARN keeps the same credentials within one `Aws`.
    pub fn put_role(&self, role: Role) -> Credentials {
        lock(&self.inner.roles).put(role, None)
    }

    /// Like [`Aws::put_role`], with credentials that an earlier `Aws` has issued.
    pub fn put_role_with(&self, role: Role, credentials: Credentials) {
        lock(&self.inner.roles).put(role, Some(credentials));
    }

    /// Forgets a role: its credentials sign nothing any more.
    pub fn remove_role(&self, arn: &str) {
        lock(&self.inner.roles).remove(arn);
    }

    /// Stores a secret's value, or replaces it.
    pub fn put_secret(&self, arn: &str, name: &str, value: &str) {
        lock(&self.inner.secrets).put(arn, name, value);
    }

    /// Forgets a secret.
    pub fn remove_secret(&self, arn: &str) {
        lock(&self.inner.secrets).remove(arn);
    }

    /// Serves a table from now on, with the items that it has in `file`, which all tables share.
    pub fn put_table(&self, file: &Path, table: tables::Definition) -> anyhow::Result<()> {
        self.inner.tables.put(file, table)
    }

    /// Forgets a table; with `for_good` its items too.
    pub fn remove_table(&self, name: &str, for_good: bool) -> anyhow::Result<()> {
        self.inner.tables.remove(name, for_good)
    }

    /// Serves `function` from now on and starts its first instance. Instances of an earlier function of this ARN
    /// finish what they handle and are stopped. Must be called inside a tokio runtime.
    pub fn put_function(&self, function: Function) {
        lock(&self.inner.functions).put(function, self.inner.facts.clone());
    }

    /// Refuses new events for the function, and returns when its last instance has gone.
    pub async fn remove_function(&self, arn: &str) {
        let pool = lock(&self.inner.functions).remove(arn);
        if let Some(pool) = pool {
            pool.gone().await;
        }
    }

    /// The Function URL of a function, AuthType `AWS_IAM`. The function may be put later and replaced any time; while
    /// there is none, a request that is signed and allowed gets 404.
    pub fn function_url(&self, function_arn: &str) -> Router {
        lambda::function_url(self.clone(), function_arn)
    }

    /// Serves `runtime` from now on; its named endpoints stay.
    pub fn put_runtime(&self, runtime: AgentRuntime) {
        lock(&self.inner.runtimes).put(runtime);
    }

    /// Knows, or moves, a named endpoint of the runtime.
    pub fn put_endpoint(&self, runtime_arn: &str, endpoint: EndpointFacts) {
        lock(&self.inner.runtimes).put_endpoint(runtime_arn, endpoint);
    }

    /// Forgets a runtime and its endpoints.
    pub fn remove_runtime(&self, arn: &str) {
        lock(&self.inner.runtimes).remove(arn);
    }

    /// Facts for the supervisor's log, from this call on. A reader that is 256 facts behind loses the oldest.
    pub fn events(&self) -> broadcast::Receiver<Fact> {
        self.inner.facts.subscribe()
    }

    /// Stops every instance of every function, and returns when they have gone.
    pub async fn stop(&self) {
        let pools = lock(&self.inner.functions).remove_all();
        for pool in pools {
            pool.gone().await;
        }
    }
}
