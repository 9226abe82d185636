//! A folder with a supervisor of its own, and looks at what runs there.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use http::{Method, StatusCode, Uri};

use super::FOLDER_VARIABLE;
use crate::client::LocalCloud;
use crate::folder::Folder;
use crate::http_client::{call, client};
use crate::testing::{fargate, stock};
use cloud::{StackRequest, StackState};

pub(super) struct World {
    pub folder: tempfile::TempDir,
    pub digest: String,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let digest = stock(folder.path());
        Self { folder, digest }
    }

    #[expect(clippy::disallowed_methods, reason = "a test may start what it likes")]
    pub(super) async fn start_build(&self, build: &str) -> LocalCloud {
        let folder = Folder::create(self.folder.path()).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "supervisor::tests::supervisor_process",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER_VARIABLE, folder.root());
        LocalCloud::start_by(&folder, command, build).await.unwrap()
    }

    pub(super) async fn start(&self) -> LocalCloud {
        self.start_build("1").await
    }

    pub(super) fn service(&self, owner: &str, environment: &[&str]) -> StackRequest {
        fargate(owner, &self.digest, environment)
    }

    pub(super) fn log(&self, owner: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("logs/{owner}.ndjson")))
            .unwrap_or_default()
    }
}

impl Drop for World {
    /// A test that failed half-way must leave no process either.
    fn drop(&mut self) {
        let lock = std::fs::File::open(self.folder.path().join("supervisor.lock"));
        if lock.is_ok_and(|file| file.try_lock_shared().is_err()) {
            let bytes =
                std::fs::read(self.folder.path().join("supervisor.json")).unwrap_or_default();
            let contact: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
            if let Some(pid) = contact["pid"].as_u64() {
                kill(u32::try_from(pid).unwrap());
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        drop(crate::reap(self.folder.path()));
    }
}

pub(super) fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

pub(super) async fn get(url: &str, path: &str) -> (StatusCode, String) {
    let uri: Uri = format!("{}{path}", url.trim_end_matches('/'))
        .parse()
        .unwrap();
    let (status, body) = call(&client(), Method::GET, &uri, None, Vec::new())
        .await
        .unwrap();
    (status, String::from_utf8(body).unwrap())
}

pub(super) async fn text(url: &str, path: &str) -> String {
    get(url, path).await.1
}

pub(super) async fn state(cloud: &LocalCloud, name: &str) -> StackState {
    cloud
        .describe()
        .await
        .unwrap()
        .into_iter()
        .find(|stack| stack.name == name)
        .unwrap()
}

pub(super) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(Instant::now() < limit, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

pub(super) fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}/stat")).exists()
        && !std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| stat.contains(") Z "))
}

pub(super) fn port_is_free(url: &str) -> bool {
    let port: u16 = url
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
}
