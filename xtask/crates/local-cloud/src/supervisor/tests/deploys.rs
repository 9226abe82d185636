//! What a deploy does, and what it takes back.

use std::time::{Duration, Instant};

use http::StatusCode;

use super::world::{World, get, is_alive, port_is_free, state, text, until};
use crate::client::LocalCloud;
use crate::testing::{serverless, stateful};
use cloud::StackRequest;

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

#[tokio::test]
async fn a_service_with_data_never_runs_twice_and_comes_back_after_a_failure() {
    let world = World::new();
    let cloud = world.start().await;
    let with = |environment: &[&str]| {
        stateful(
            "a",
            &world.digest,
            &[&["FILE=/data/ledger"], environment].concat(),
        )
    };
    let url = cloud.apply(&with(&["GREETING=1"])).await.unwrap().outputs["Url"].clone();
    let file = format!(
        "FILE={}",
        world
            .folder
            .path()
            .canonicalize()
            .unwrap()
            .join("volumes/a/data/ledger")
            .display()
    );
    assert!(text(&url, "/environment").await.contains(&file));
    let old: u32 = text(&url, "/pid").await.parse().unwrap();
    let asking = tokio::spawn({
        let url = url.clone();
        async move {
            for _ in 0..100 {
                assert_eq!(
                    get(&url, "/greeting").await.0,
                    StatusCode::OK,
                    "a request is held while the process is replaced"
                );
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    cloud.apply(&with(&["GREETING=2"])).await.unwrap();
    assert!(!is_alive(old));
    asking.await.unwrap();
    let error = format!(
        "{:#}",
        cloud.apply(&with(&["MODE=broken"])).await.unwrap_err()
    );
    assert!(error.contains("its previous version is running"), "{error}");
    assert_eq!(text(&url, "/greeting").await, "2");
    assert!(world.folder.path().join("volumes/a/data").exists());
    cloud.delete("t-local-a").await.unwrap();
    assert!(!world.folder.path().join("volumes/a").exists());
    cloud.shut_down().await.unwrap();
}
