//! An emulator of AWS of its own for one test, on a free port, with what the launcher beside this file adds to it.

mod engine;
mod http;
mod model;
pub(crate) mod stacks;

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use serde::Deserialize;
use serde_json::Value as Json;
use tempfile::TempDir;

pub(crate) use engine::Engine;
pub(crate) use http::send;
use model::Model;

/// The region of the repository's stage `dev`. Pushes and pulls are not signed, so they do not name one.
pub(crate) const REGION: &str = "us-west-2";
pub(crate) const ACCOUNT: &str = "000000000000";
/// The access key id of the tool: what it asks is told from what a test asks by it.
pub(crate) const TOOL: &str = "tool";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// One call of an API, as the emulator saw it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Call {
    /// `cloudformation:DescribeStacks`, `s3:PUT /bucket/key`, `registry:HEAD /v2/...`.
    pub(crate) call: String,
    pub(crate) status: Option<u16>,
}

/// One request, as AWS's models read it; equal ones are listed once.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Request {
    /// `cloudformation`, `bedrock-agentcore-control`.
    pub(crate) service: String,
    pub(crate) operation: Option<String>,
    /// The role that signed it, or the access key id of the tool or of a test.
    pub(crate) principal: Option<String>,
    pub(crate) parameters: Json,
    /// Why AWS would refuse it, each with operation, member and value.
    pub(crate) problems: Vec<String>,
}

pub(crate) struct Emulator {
    /// `http://127.0.0.1:PORT`.
    pub(crate) endpoint: String,
    /// The label of its containers.
    instance: String,
    pub(crate) engine: Engine,
    folder: TempDir,
    process: Child,
    _model: Option<Model>,
}

impl Emulator {
    /// Starts one and waits until it answers. Panics with its log when it does not.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(Engine::found(), || None)
    }

    /// One whose Bedrock has a model that calls tools.
    #[track_caller]
    pub(crate) fn with_model() -> Self {
        Self::start_with(Engine::found(), || Some(Model::start()))
    }

    /// One whose services are said to run at once, without containers: for measuring the tool and nothing else.
    #[track_caller]
    pub(crate) fn instant() -> Self {
        Self::start_with(Engine::none(), || None)
    }

    #[track_caller]
    fn start_with(engine: Engine, model: impl Fn() -> Option<Model>) -> Self {
        // Somebody else may take the free port before the emulator does.
        (0..3)
            .find_map(|_| Self::try_start(engine.clone(), model()))
            .expect("the emulator ended three times; its log is above")
    }

    fn try_start(engine: Engine, model: Option<Model>) -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        let process = launch(&engine, folder.path(), port, model.as_ref());
        let mut emulator = Self {
            endpoint: format!("http://127.0.0.1:{port}"),
            instance: format!("turnpike-test:{port}"),
            engine,
            folder,
            process,
            _model: model,
        };
        let began = Instant::now();
        loop {
            let health = http::send("GET", &emulator.url("/_ministack/health"), "");
            if health.is_ok_and(|answer| answer.status == 200) {
                return Some(emulator);
            }
            let ended = emulator.process.try_wait().unwrap();
            if ended.is_some() || began.elapsed() > READY_WITHIN {
                drop(std::io::Write::write_all(
                    &mut std::io::stderr(),
                    emulator.log().as_bytes(),
                ));
                return None;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.endpoint)
    }

    #[track_caller]
    fn control(&self, method: &str, path: &str, body: &str) -> Json {
        let answer = http::send(method, &self.url(path), body).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// What the emulator has said so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Empties it: no stack, bucket, image, container, fault or call is left.
    #[track_caller]
    pub(crate) fn reset(&self) {
        drop(self.control("POST", "/_ministack/reset", ""));
        self.engine.remove_containers(&self.instance);
    }

    /// Replaces the rules about what goes wrong; `additions/faults.py` describes them.
    #[track_caller]
    pub(crate) fn fault(&self, rules: &Json) {
        drop(self.control("PUT", "/_turnpike/faults", &rules.to_string()));
    }

    /// Nobody has used ECS or AgentCore in this account yet; `additions/first_use.py` says what follows from that.
    #[track_caller]
    pub(crate) fn be_new(&self) {
        drop(self.control("PUT", "/_turnpike/new-account", ""));
    }

    /// How long each resource takes: `{"seconds": 0.1, "by_type": {"AWS::ECS::Service": 1.0}}`.
    #[track_caller]
    pub(crate) fn pace(&self, pace: &Json) {
        drop(self.control("PUT", "/_turnpike/pace", &pace.to_string()));
    }

    /// The calls since the start, or since they were forgotten.
    #[track_caller]
    pub(crate) fn calls(&self) -> Vec<Call> {
        serde_json::from_value(self.control("GET", "/_turnpike/calls", "")).unwrap()
    }

    /// The calls so far, which are not listed again.
    #[track_caller]
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        serde_json::from_value(self.control("DELETE", "/_turnpike/calls", "")).unwrap()
    }

    /// The requests since the start, or since they were forgotten.
    #[track_caller]
    pub(crate) fn requests(&self) -> Vec<Request> {
        serde_json::from_value(self.control("GET", "/_turnpike/requests", "")).unwrap()
    }

    /// The requests so far, which are not listed again. What AWS would refuse among them is up to the caller.
    #[track_caller]
    pub(crate) fn take_requests(&self) -> Vec<Request> {
        serde_json::from_value(self.control("DELETE", "/_turnpike/requests", "")).unwrap()
    }

    /// Every role with its trust, its policies and who takes it, by ARN.
    #[track_caller]
    pub(crate) fn roles(&self) -> Json {
        self.control("GET", "/_turnpike/roles", "")
    }

    /// What AWS would have refused in the requests of tool and services.
    #[track_caller]
    fn assert_requests(&self) {
        assert_valid(&self.requests());
    }

    /// Its containers that run.
    pub(crate) fn running(&self) -> Vec<Json> {
        let mut containers = self.engine.containers(&self.instance);
        containers.retain(|container| container["State"] == "running");
        containers
    }

    /// What sends AWS SDKs here and nowhere else.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let nothing = self.folder.path().join("no-settings").display().to_string();
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", TOOL.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_CONFIG_FILE", nothing.clone()),
            ("AWS_SHARED_CREDENTIALS_FILE", nothing),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// For AWS clients in the test itself.
    pub(crate) async fn config(&self) -> aws_config::SdkConfig {
        let http_client = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new(REGION))
            .endpoint_url(&self.endpoint)
            .http_client(http_client)
            .credentials_provider(Credentials::from_keys("test", "test", None))
            .load()
            .await
    }
}

/// AWS's models allow every one of them.
#[track_caller]
pub(crate) fn assert_valid(requests: &[Request]) {
    let problems: Vec<&String> = requests.iter().flat_map(|made| &made.problems).collect();
    assert!(
        problems.is_empty(),
        "AWS refuses these requests:\n{problems:#?}"
    );
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let running = self.process.try_wait().is_ok_and(|ended| ended.is_none());
        let checked = running && !std::thread::panicking();
        let checked =
            checked.then(|| std::panic::catch_unwind(AssertUnwindSafe(|| self.assert_requests())));
        self.stop();
        // Every test is also one of the requests that were made in it.
        if let Some(Err(problem)) = checked {
            std::panic::resume_unwind(problem);
        }
    }
}

impl Emulator {
    fn stop(&mut self) {
        // Asked politely, it would stop one container after the other while its services start new ones.
        let pid = rustix::process::Pid::from_child(&self.process);
        let killed = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        if killed.is_ok() {
            drop(self.process.wait());
        }
        self.engine.remove_containers(&self.instance);
    }
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The tool without the settings of whoever runs the tests.
#[expect(clippy::disallowed_methods, reason = "a test plays the user")]
pub(crate) fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .env("NO_COLOR", "1")
        .env_remove("CARGO_MANIFEST_DIR")
        .stdin(Stdio::null());
    command
}

#[expect(clippy::disallowed_methods, reason = "a test plays the user")]
fn launch(engine: &Engine, folder: &Path, port: u16, model: Option<&Model>) -> Child {
    let python = std::env::var("TURNPIKE_TEST_MINISTACK_PYTHON")
        .expect("TURNPIKE_TEST_MINISTACK_PYTHON is not set: cargo xtask test aws");
    let launcher = repository().join("xtask/tests/aws/emulator/launcher.py");
    let log = File::create(folder.join("log")).unwrap();
    Command::new(python)
        .arg(launcher)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("MINISTACK_REGION", REGION)
        // What functions are told; containers reach it by another address.
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .env(
            "TURNPIKE_EMULATOR_MODEL",
            model.map_or("", |model| &model.url),
        )
        .env("MINISTACK_HOSTNAME", "turnpike-test")
        .env("DOCKER_HOST", &engine.host)
        .env(
            "TURNPIKE_EMULATOR_REACHED_AT",
            engine.gateway().unwrap_or_else(|| "127.0.0.1".to_owned()),
        )
        // Functions are processes too, and go with it.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}
