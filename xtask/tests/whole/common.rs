//! A whole system of its own for one test: the repository's services on a local cloud in a folder that goes away.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// What the local stage charges, in millionths of a USDC.
pub(crate) const PRICE: u64 = 10_000;
/// What the ledger gives every account to begin with.
pub(crate) const GRANT: u64 = 10_000_000;

pub(crate) struct System {
    folder: TempDir,
}

impl System {
    /// A deployed system. Panics with everything that the tool said when the deploy fails.
    pub(crate) fn deployed() -> Self {
        let system = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        system.succeed(&["deploy"]);
        system
    }

    pub(crate) fn not_deployed() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The tool, pointed at this system.
    #[expect(clippy::disallowed_methods, reason = "a test plays the user")]
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(arguments)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
            .env("TURNPIKE_LOCAL_DIR", self.folder.path())
            .env("NO_COLOR", "1")
            .env_remove("CARGO_MANIFEST_DIR")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a verb that must succeed and returns its stdout.
    #[track_caller]
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "`{}` ended with {}\n{stdout}{stderr}",
            arguments.join(" "),
            output.status
        );
        stdout
    }

    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Json {
        serde_json::from_str(&self.succeed(arguments)).unwrap()
    }

    /// One output of one service.
    #[track_caller]
    pub(crate) fn output(&self, owner: &str, key: &str) -> String {
        let outputs = self.json(&["outputs", "--json"]);
        outputs[owner][key]
            .as_str()
            .unwrap_or_else(|| panic!("no {key} of {owner} in {outputs}"))
            .to_owned()
    }

    /// The running processes as `(owner, pid)`.
    pub(crate) fn processes(&self) -> Vec<(String, u32)> {
        let output = self.run(&["status", "--json"]);
        let Ok(Json::Array(stacks)) = serde_json::from_slice(&output.stdout) else {
            return Vec::new();
        };
        let mut processes = Vec::new();
        for stack in &stacks {
            for process in stack["processes"].as_array().into_iter().flatten() {
                if let Some(pid) = process["pid"].as_u64() {
                    processes.push((
                        stack["owner"].as_str().unwrap().to_owned(),
                        u32::try_from(pid).unwrap(),
                    ));
                }
            }
        }
        processes
    }

    /// The process id of the supervisor.
    pub(crate) fn supervisor(&self) -> u32 {
        let text = fs::read_to_string(self.local_folder().join("supervisor.json")).unwrap();
        let notes: Json = serde_json::from_str(&text).unwrap();
        u32::try_from(notes["pid"].as_u64().unwrap()).unwrap()
    }

    /// Every process of this machine whose program lies in this system's folder or that was started with its name.
    pub(crate) fn left_running(&self) -> Vec<String> {
        let folder = self.folder.path().to_string_lossy().into_owned();
        let mut left = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let program = fs::read_link(entry.path().join("exe")).unwrap_or_default();
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            if program.starts_with(&folder) || command.contains(&folder) {
                left.push(command);
            }
        }
        left
    }

    pub(crate) fn local_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("local")
    }

    /// The facilitator's ledger, asked as any chain is asked.
    pub(crate) fn ledger(&self) -> Ledger {
        let url = self.output("facilitator", "url");
        Ledger {
            url,
            asset: "0x5FbDB2315678afecb367f032d93F642f64180aa3".to_owned(),
        }
    }

    /// The address that pays.
    #[track_caller]
    pub(crate) fn wallet(&self) -> String {
        let url = self.output("frontend", "url");
        let wallet: Json = get(&format!("{url}/api/wallet")).1;
        wallet["address"]
            .as_str()
            .unwrap_or_else(|| panic!("no address in {wallet}"))
            .to_owned()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = self.run(&["logs", "--since", "2m"]);
            let text = String::from_utf8_lossy(&logs.stdout);
            let tail: Vec<&str> = text.lines().rev().take(60).collect();
            eprintln!(
                "the last lines of the logs, newest first:\n{}",
                tail.join("\n")
            );
        }
        drop(self.run(&["destroy"]));
    }
}

/// A ledger seen through JSON-RPC.
pub(crate) struct Ledger {
    url: String,
    asset: String,
}

impl Ledger {
    /// The balance of an account, in millionths.
    pub(crate) fn balance(&self, address: &str) -> u64 {
        let data = format!("0x70a08231{:0>64}", address.trim_start_matches("0x"));
        let answer = self.call(
            "eth_call",
            json!([{ "to": self.asset, "data": data }, "latest"]),
        );
        number(answer.as_str().unwrap())
    }

    /// How many payments have been settled: each is a block, and the newest one has none.
    pub(crate) fn settlements(&self) -> u64 {
        number(self.call("eth_blockNumber", json!([])).as_str().unwrap()) - 1
    }

    fn call(&self, method: &str, parameters: Json) -> Json {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
        let (status, answer) = block_on(async {
            let response = client().post(&self.url).json(&body).send().await.unwrap();
            (
                response.status().as_u16(),
                response.json::<Json>().await.unwrap(),
            )
        });
        assert_eq!(status, 200, "{answer}");
        answer["result"].clone()
    }
}

fn number(hexadecimal: &str) -> u64 {
    u64::from_str_radix(
        hexadecimal.trim_start_matches("0x").trim_start_matches('0'),
        16,
    )
    .unwrap_or(0)
}

/// GET with the answer as JSON (null when it is none).
pub(crate) fn get(url: &str) -> (u16, Json) {
    block_on(async {
        let response = client().get(url).send().await.unwrap();
        (
            response.status().as_u16(),
            response.json().await.unwrap_or(Json::Null),
        )
    })
}

pub(crate) fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .timeout(Duration::from_secs(20))
        .no_proxy()
        .build()
        .unwrap()
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// True once the condition holds; gives up after the time.
pub(crate) fn eventually(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time;
    while Instant::now() < end {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    condition()
}

/// True while a process with this id exists.
pub(crate) fn is_alive(pid: u32) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// `kill -9`.
pub(crate) fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        // It may have ended a moment before.
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
    }
}
