//! A real supervisor in a process of its own, with real services, on ports and in a folder of each test.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use http::{Method, StatusCode, Uri};

use crate::cloud::{StackRequest, StackState};
use crate::local::client::LocalCloud;
use crate::local::folder::Folder;
use crate::local::http_client::{call, client};
use crate::local::testing::{fargate, serverless, stock};

const FOLDER_VARIABLE: &str = "TURNPIKE_TEST_FOLDER";

/// Not a test: the supervisor's process, which the tests start from their own program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other tests run this as a process"]
async fn supervisor_process() {
    let folder = std::env::var(FOLDER_VARIABLE).unwrap();
    super::supervise(folder.into()).await.unwrap();
}

struct World {
    folder: tempfile::TempDir,
    digest: String,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let digest = stock(folder.path());
        Self { folder, digest }
    }

    #[expect(clippy::disallowed_methods, reason = "a test may start what it likes")]
    async fn start_build(&self, build: &str) -> LocalCloud {
        let folder = Folder::create(self.folder.path()).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "local::supervisor::tests::supervisor_process",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER_VARIABLE, folder.root());
        LocalCloud::start_by(&folder, command, build).await.unwrap()
    }

    async fn start(&self) -> LocalCloud {
        self.start_build("1").await
    }

    fn service(&self, owner: &str, environment: &[&str]) -> StackRequest {
        fargate(owner, &self.digest, environment)
    }

    fn log(&self, owner: &str) -> String {
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
        drop(crate::local::reap(self.folder.path()));
    }
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

async fn get(url: &str, path: &str) -> (StatusCode, String) {
    let uri: Uri = format!("{}{path}", url.trim_end_matches('/'))
        .parse()
        .unwrap();
    let (status, body) = call(&client(), Method::GET, &uri, None, Vec::new())
        .await
        .unwrap();
    (status, String::from_utf8(body).unwrap())
}

async fn text(url: &str, path: &str) -> String {
    get(url, path).await.1
}

async fn state(cloud: &LocalCloud, name: &str) -> StackState {
    cloud
        .describe()
        .await
        .unwrap()
        .into_iter()
        .find(|stack| stack.name == name)
        .unwrap()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(Instant::now() < limit, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}/stat")).exists()
        && !std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| stat.contains(") Z "))
}

fn port_is_free(url: &str) -> bool {
    let port: u16 = url
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[tokio::test]
async fn a_stack_stands_stays_and_goes() {
    let world = World::new();
    assert!(
        LocalCloud::connect(world.folder.path())
            .await
            .unwrap()
            .is_none()
    );
    let cloud = world.start().await;
    let request = world.service("a", &["GREETING=hello"]);
    let applied = cloud.apply(&request).await.unwrap();
    assert!(applied.changed && applied.changes.len() == 9, "{applied:?}");
    let url = applied.outputs["Url"].clone();
    assert_eq!(text(&url, "/greeting").await, "hello");

    let environment = text(&url, "/environment").await;
    for expected in [
        "AWS_REGION=us-west-2",
        "AWS_ENDPOINT_URL=http://127.0.0.1:",
        "HOST=127.0.0.1",
        "AWS_ACCESS_KEY_ID=",
        "GREETING=hello",
    ] {
        assert!(environment.contains(expected), "{expected}: {environment}");
    }
    let key = environment
        .lines()
        .find_map(|line| line.strip_prefix("ACCESS_KEY="))
        .unwrap();
    assert_eq!(key.len(), 20);
    assert!(
        !environment.contains("PATH=") && !environment.contains("HOME="),
        "{environment}"
    );

    let again = cloud.apply(&request).await.unwrap();
    assert!(!again.changed && again.changes.is_empty(), "{again:?}");
    let before = state(&cloud, "t-local-a").await;
    assert!(
        before.healthy
            && before.processes[0].state == "running"
            && before.log_groups == ["/ecs/t-local-a"],
        "{before:?}"
    );
    assert!(world.log("a").contains("fixture starts hello"));

    let pid = before.processes[0].pid.unwrap();
    cloud.delete("t-local-a").await.unwrap();
    assert!(cloud.describe().await.unwrap().is_empty() && !is_alive(pid) && port_is_free(&url));
    let endpoint = cloud.endpoint().to_owned();
    cloud.shut_down().await.unwrap();
    assert!(port_is_free(&endpoint));
    assert!(
        LocalCloud::connect(world.folder.path())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_change_replaces_one_process_without_dropping_a_request() {
    let world = World::new();
    let cloud = world.start().await;
    let (one, two) = (
        world.service("a", &["GREETING=1"]),
        world.service("b", &["GREETING=1"]),
    );
    let (url, other) = tokio::join!(cloud.apply(&one), cloud.apply(&two));
    let (url, other) = (
        url.unwrap().outputs["Url"].clone(),
        other.unwrap().outputs["Url"].clone(),
    );
    assert_ne!(url, other);
    let other_pid = text(&other, "/pid").await;
    let asking = tokio::spawn({
        let url = url.clone();
        async move {
            let mut seen = Vec::new();
            let end = Instant::now() + Duration::from_secs(2);
            while Instant::now() < end {
                let (status, text) = get(
                    &url,
                    if seen.len() % 5 == 0 {
                        "/slow"
                    } else {
                        "/greeting"
                    },
                )
                .await;
                assert_eq!(status, StatusCode::OK);
                seen.push(text);
            }
            seen
        }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let applied = cloud
        .apply(&world.service("a", &["GREETING=2"]))
        .await
        .unwrap();
    let changed: Vec<&str> = applied
        .changes
        .iter()
        .map(|change| change.logical_id.as_str())
        .collect();
    assert_eq!(changed, ["TaskDefinition", "Service"]);
    assert_eq!(applied.outputs["Url"], url);
    let seen = asking.await.unwrap();
    assert!(
        seen.first().unwrap() == "1" && seen.last().unwrap() == "2",
        "{seen:?}"
    );
    assert_eq!(text(&other, "/pid").await, other_pid);
    cloud.shut_down().await.unwrap();
}

#[tokio::test]
async fn a_failed_start_is_told_with_its_log_and_taken_back() {
    let world = World::new();
    let cloud = world.start().await;
    let error = format!(
        "{:#}",
        cloud
            .apply(&world.service("a", &["MODE=broken"]))
            .await
            .unwrap_err()
    );
    for expected in [
        "was not created",
        "exit status 3",
        "cannot start: the fixture was told to break",
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(cloud.describe().await.unwrap().is_empty());

    let url = cloud
        .apply(&world.service("a", &["GREETING=1"]))
        .await
        .unwrap()
        .outputs["Url"]
        .clone();
    let pid = text(&url, "/pid").await;
    let error = format!(
        "{:#}",
        cloud
            .apply(&world.service("a", &["MODE=broken"]))
            .await
            .unwrap_err()
    );
    assert!(error.contains("its previous version is running"), "{error}");
    assert_eq!(text(&url, "/pid").await, pid);
    assert!(
        !cloud
            .apply(&world.service("a", &["GREETING=1"]))
            .await
            .unwrap()
            .changed
    );
    let error = cloud
        .apply(&StackRequest {
            template: "Parameters: {ImageUri: {Type: String}}\nResources: {A: {Type: 'AWS::X::Y'}}"
                .to_owned(),
            ..world.service("c", &[])
        })
        .await
        .unwrap_err();
    assert!(format!("{error:#}").contains("AWS::X::Y"), "{error:#}");
    cloud.shut_down().await.unwrap();
}

#[tokio::test]
async fn a_crashed_service_is_started_again_and_shown() {
    let world = World::new();
    let cloud = world.start().await;
    let request = world.service("a", &["GREETING=1"]);
    let url = cloud.apply(&request).await.unwrap().outputs["Url"].clone();
    let pid = text(&url, "/pid").await;
    assert_eq!(get(&url, "/exit").await.0, StatusCode::BAD_GATEWAY);
    until("the crash is seen", async || {
        !state(&cloud, "t-local-a").await.healthy
    })
    .await;
    let crashed = state(&cloud, "t-local-a").await;
    assert_eq!(
        crashed.processes[0].last_exit.as_deref(),
        Some("exit status 7")
    );
    assert_eq!(get(&url, "/pid").await.0, StatusCode::SERVICE_UNAVAILABLE);
    // A deploy does not wait for the pause to end.
    assert!(!cloud.apply(&request).await.unwrap().changed);
    assert_ne!(text(&url, "/pid").await, pid);
    assert_eq!(state(&cloud, "t-local-a").await.processes[0].restarts, 1);
    kill(text(&url, "/pid").await.parse().unwrap());
    until("it runs again by itself", async || {
        state(&cloud, "t-local-a").await.processes[0].restarts == 2
            && state(&cloud, "t-local-a").await.healthy
    })
    .await;
    cloud.shut_down().await.unwrap();
}

#[tokio::test]
async fn a_killed_supervisor_is_recovered_from() {
    let world = World::new();
    let cloud = world.start().await;
    let url = cloud
        .apply(&world.service("a", &["GREETING=1"]))
        .await
        .unwrap()
        .outputs["Url"]
        .clone();
    let applied = cloud
        .apply(&serverless("s", &world.digest, "well"))
        .await
        .unwrap();
    let key = text(&url, "/environment")
        .await
        .lines()
        .find(|line| line.starts_with("ACCESS_KEY="))
        .unwrap()
        .to_owned();
    let left: u32 = text(&url, "/pid").await.parse().unwrap();
    kill(cloud.pid());
    until("the supervisor has gone", async || {
        LocalCloud::connect(world.folder.path())
            .await
            .unwrap()
            .is_none()
    })
    .await;
    assert!(is_alive(left), "a service outlives its supervisor");
    std::fs::write(
        world.folder.path().join("stacks/broken.json"),
        "{\"request\": {\"na",
    )
    .unwrap();

    let cloud = world.start().await;
    assert!(!is_alive(left));
    until("the stacks stand again", async || {
        cloud
            .describe()
            .await
            .unwrap()
            .iter()
            .all(|stack| stack.healthy)
    })
    .await;
    assert_eq!(cloud.describe().await.unwrap().len(), 2);
    let environment = text(&url, "/environment").await;
    assert!(
        environment.contains(&key),
        "the secret is the same: {environment}"
    );
    assert!(
        !cloud
            .apply(&world.service("a", &["GREETING=1"]))
            .await
            .unwrap()
            .changed
    );
    assert_eq!(
        cloud
            .apply(&serverless("s", &world.digest, "well"))
            .await
            .unwrap()
            .outputs,
        applied.outputs
    );
    assert!(
        world
            .folder
            .path()
            .join("stacks/broken.json.damaged")
            .exists()
    );
    assert!(world.log("supervisor").contains("a state file is damaged"));

    // Killed again, this time with nobody to take over: reap ends what is left.
    let left: u32 = text(&url, "/pid").await.parse().unwrap();
    kill(cloud.pid());
    until("the supervisor has gone", async || {
        LocalCloud::connect(world.folder.path())
            .await
            .unwrap()
            .is_none()
    })
    .await;
    assert!(crate::local::reap(world.folder.path()).unwrap() >= 1);
    assert!(!is_alive(left));
}

#[tokio::test]
async fn another_build_takes_over_with_the_same_stacks_and_ports() {
    let world = World::new();
    let cloud = world.start_build("1").await;
    let url = cloud
        .apply(&world.service("a", &["GREETING=1"]))
        .await
        .unwrap()
        .outputs["Url"]
        .clone();
    let (pid, endpoint) = (cloud.pid(), cloud.endpoint().to_owned());
    assert_eq!(world.start_build("1").await.pid(), pid);
    let cloud = world.start_build("2").await;
    assert_ne!(cloud.pid(), pid);
    assert_eq!(cloud.endpoint(), endpoint);
    assert_eq!(state(&cloud, "t-local-a").await.outputs["Url"], url);
    assert!(
        !cloud
            .apply(&world.service("a", &["GREETING=1"]))
            .await
            .unwrap()
            .changed
    );
    assert_eq!(text(&url, "/greeting").await, "1");
    cloud.shut_down().await.unwrap();
}

#[tokio::test]
async fn functions_and_agents_stand_and_a_broken_bootstrap_is_found() {
    let world = World::new();
    let cloud = world.start().await;
    let error = format!(
        "{:#}",
        cloud
            .apply(&serverless("s", &world.digest, "broken"))
            .await
            .unwrap_err()
    );
    assert!(
        error.contains("the function t-local-s does not start: exit status 3")
            && error.contains("told to break"),
        "{error}"
    );
    let applied = cloud
        .apply(&serverless("s", &world.digest, "well"))
        .await
        .unwrap();
    assert_eq!(applied.outputs["RuntimeVersion"], "1");
    // Unsigned: the Function URL's front refuses it.
    assert_eq!(
        get(&applied.outputs["Url"], "/mcp").await.0,
        StatusCode::FORBIDDEN
    );
    until("an instance of the function runs", async || {
        state(&cloud, "t-local-s").await.processes.len() == 2
            && state(&cloud, "t-local-s")
                .await
                .processes
                .iter()
                .all(|process| process.pid.is_some())
    })
    .await;
    let pids: Vec<u32> = state(&cloud, "t-local-s")
        .await
        .processes
        .iter()
        .filter_map(|process| process.pid)
        .collect();
    cloud.delete("t-local-s").await.unwrap();
    assert!(pids.iter().all(|pid| !is_alive(*pid)) && port_is_free(&applied.outputs["Url"]));
    cloud.shut_down().await.unwrap();
}
