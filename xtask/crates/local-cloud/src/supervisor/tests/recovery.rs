//! Crashes, kills and take-overs.

use http::StatusCode;

use super::world::{World, get, is_alive, kill, state, text, until};
use crate::client::LocalCloud;
use crate::testing::serverless;

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
    cloud.shut_down().await.unwrap();
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
async fn what_a_killed_supervisor_leaves_can_be_reaped() {
    let world = World::new();
    let cloud = world.start().await;
    let url = cloud.apply(&world.service("a", &[])).await.unwrap().outputs["Url"].clone();
    let left: u32 = text(&url, "/pid").await.parse().unwrap();
    kill(cloud.pid());
    until("the supervisor has gone", async || {
        LocalCloud::connect(world.folder.path())
            .await
            .unwrap()
            .is_none()
    })
    .await;
    assert!(crate::reap(world.folder.path()).unwrap() >= 1);
    assert!(!is_alive(left));
}

#[tokio::test]
async fn damaged_files_are_set_aside_and_stop_nothing() {
    let world = World::new();
    let cloud = world.start().await;
    let url = cloud.apply(&world.service("a", &[])).await.unwrap().outputs["Url"].clone();
    cloud.shut_down().await.unwrap();
    for file in ["stacks/broken.json", "secrets.json", "supervisor.json"] {
        std::fs::write(world.folder.path().join(file), "{\"request\": {\"na").unwrap();
    }
    let cloud = world.start().await;
    until("the stack stands again", async || {
        state(&cloud, "t-local-a").await.healthy
    })
    .await;
    assert_eq!(get(&url, "/health").await.0, StatusCode::OK);
    for file in ["stacks/broken.json", "secrets.json", "supervisor.json"] {
        assert!(
            world.folder.path().join(format!("{file}.damaged")).exists(),
            "{file}"
        );
    }
    assert!(world.log("supervisor").contains("a state file is damaged"));
    cloud.shut_down().await.unwrap();
}
