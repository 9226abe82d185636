//! The configuration of an image, in the form that Docker and the registries keep.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value as Json, json};

/// What an image tells whoever runs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ImageConfig {
    /// In the order of the Dockerfile.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) user: String,
    /// `8080/tcp`.
    pub(crate) exposed_ports: Vec<String>,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) command: Vec<String>,
    pub(crate) working_directory: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) health_check: Option<HealthCheck>,
}

/// `HEALTHCHECK`, with Docker's defaults where the Dockerfile is silent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct HealthCheck {
    /// Exec form, without the leading `CMD`.
    pub(crate) command: Vec<String>,
    pub(crate) interval_seconds: u32,
    pub(crate) timeout_seconds: u32,
    pub(crate) start_period_seconds: u32,
    pub(crate) retries: u32,
}

impl ImageConfig {
    /// Docker's own JSON, keys in a fixed order: the same image has the same bytes on every machine.
    pub(crate) fn to_json(&self, architecture: &str) -> Json {
        let environment: Vec<String> = self
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let ports: BTreeMap<&str, Json> = self
            .exposed_ports
            .iter()
            .map(|port| (port.as_str(), json!({})))
            .collect();
        let mut config = json!({ "Env": environment, "User": self.user, "ExposedPorts": ports, "Labels": self.labels });
        let lists = [("Entrypoint", &self.entrypoint), ("Cmd", &self.command)];
        for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            config[key] = json!(list);
        }
        config["WorkingDir"] = json!(if self.working_directory.is_empty() {
            "/"
        } else {
            &self.working_directory
        });
        if let Some(check) = &self.health_check {
            let mut test = vec!["CMD".to_owned()];
            test.extend(check.command.iter().cloned());
            let nanoseconds = |seconds: u32| u64::from(seconds) * 1_000_000_000;
            config["Healthcheck"] = json!({
                "Test": test,
                "Interval": nanoseconds(check.interval_seconds),
                "Timeout": nanoseconds(check.timeout_seconds),
                "StartPeriod": nanoseconds(check.start_period_seconds),
                "Retries": check.retries,
            });
        }
        json!({ "architecture": architecture, "os": "linux", "config": config })
    }
}
