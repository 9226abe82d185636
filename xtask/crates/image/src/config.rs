//! The configuration of an image, in the form that Docker and the registries keep.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value as Json, json};

/// What BuildKit puts into every Linux image that sets no `PATH` of its own.
pub(crate) const PATH_DEFAULT: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What an image tells whoever runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageConfig {
    /// `PATH`, then the others in the order of the Dockerfile.
    pub environment: Vec<(String, String)>,
    pub user: String,
    /// `8080/tcp`, in the order of the Dockerfile, each once.
    pub exposed_ports: Vec<String>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    /// Folders that outlive the container, as the Dockerfile writes them.
    pub volumes: BTreeSet<String>,
    /// Whether there is a CMD: Docker leaves a mark of one, even of an empty one.
    pub has_command: bool,
    /// Absolute; a root when no line says otherwise.
    pub working_directory: String,
    pub labels: BTreeMap<String, String>,
    pub health_check: Option<HealthCheck>,
    /// `HEALTHCHECK NONE`.
    pub health_check_off: bool,
}

impl Default for ImageConfig {
    /// `FROM scratch`.
    fn default() -> Self {
        Self {
            environment: vec![("PATH".to_owned(), PATH_DEFAULT.to_owned())],
            user: String::new(),
            exposed_ports: Vec::new(),
            entrypoint: Vec::new(),
            command: Vec::new(),
            volumes: BTreeSet::new(),
            has_command: false,
            working_directory: "/".to_owned(),
            labels: BTreeMap::new(),
            health_check: None,
            health_check_off: false,
        }
    }
}

/// `HEALTHCHECK`, with Docker's defaults where the Dockerfile is silent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthCheck {
    /// Exec form, without the leading `CMD`.
    pub command: Vec<String>,
    pub interval_seconds: u32,
    pub timeout_seconds: u32,
    pub start_period_seconds: u32,
    pub retries: u32,
    /// What the Dockerfile itself says: an image keeps that alone, and leaves the defaults to whoever runs it.
    #[serde(skip)]
    pub written: HealthCheckOptions,
}

/// The options of a `HEALTHCHECK`; zero is none, as Docker has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthCheckOptions {
    pub interval_seconds: u32,
    pub timeout_seconds: u32,
    pub start_period_seconds: u32,
    pub retries: u32,
}

impl ImageConfig {
    /// Docker's own JSON, for whoever runs the image straight from a folder.
    pub fn to_json(&self, architecture: &str) -> Json {
        json!({ "architecture": architecture, "os": "linux", "config": self.runtime() })
    }

    /// The part that says how to run the image. A struct fixes the order of the keys: the bytes are hashed.
    pub fn runtime(&self) -> RuntimeConfig<'_> {
        let environment = self.environment.iter();
        let off = self
            .health_check_off
            .then(|| HealthCheckJson::new(vec!["NONE"], &HealthCheckOptions::default()));
        let check = self.health_check.as_ref().map(|check| {
            let words = check.command.iter().map(String::as_str);
            HealthCheckJson::new(["CMD"].into_iter().chain(words).collect(), &check.written)
        });
        RuntimeConfig {
            user: &self.user,
            exposed_ports: self
                .exposed_ports
                .iter()
                .map(|port| (port.as_str(), Empty {}))
                .collect(),
            environment: environment
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
            entrypoint: &self.entrypoint,
            command: &self.command,
            args_escaped: self.has_command,
            volumes: self
                .volumes
                .iter()
                .map(|path| (path.as_str(), Empty {}))
                .collect(),
            working_directory: &self.working_directory,
            labels: &self.labels,
            health_check: check.or(off),
        }
    }
}

#[derive(Debug, Serialize)]
struct Empty {}

/// `config` of an image's configuration: what BuildKit writes, and only that.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RuntimeConfig<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    exposed_ports: BTreeMap<&'a str, Empty>,
    #[serde(rename = "Env")]
    environment: Vec<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    entrypoint: &'a [String],
    #[serde(rename = "Cmd", skip_serializing_if = "<[_]>::is_empty")]
    command: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    args_escaped: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    volumes: BTreeMap<&'a str, Empty>,
    #[serde(rename = "WorkingDir")]
    working_directory: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
    #[serde(rename = "Healthcheck", skip_serializing_if = "Option::is_none")]
    health_check: Option<HealthCheckJson<'a>>,
}

/// Times are nanoseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct HealthCheckJson<'a> {
    test: Vec<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    interval: u64,
    #[serde(skip_serializing_if = "is_zero")]
    timeout: u64,
    #[serde(skip_serializing_if = "is_zero")]
    start_period: u64,
    #[serde(skip_serializing_if = "is_zero")]
    retries: u64,
}

impl<'a> HealthCheckJson<'a> {
    fn new(test: Vec<&'a str>, options: &HealthCheckOptions) -> Self {
        let nanoseconds = |seconds: u32| u64::from(seconds) * 1_000_000_000;
        Self {
            test,
            interval: nanoseconds(options.interval_seconds),
            timeout: nanoseconds(options.timeout_seconds),
            start_period: nanoseconds(options.start_period_seconds),
            retries: u64::from(options.retries),
        }
    }
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}
