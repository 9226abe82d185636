use super::*;
use crate::testing::cloudformation::event;

#[test]
fn every_status_has_a_meaning() {
    let all = [
        "CREATE_COMPLETE",
        "CREATE_FAILED",
        "CREATE_IN_PROGRESS",
        "DELETE_COMPLETE",
        "DELETE_FAILED",
        "DELETE_IN_PROGRESS",
        "REVIEW_IN_PROGRESS",
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "ROLLBACK_IN_PROGRESS",
        "UPDATE_COMPLETE",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_FAILED",
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_FAILED",
        "UPDATE_ROLLBACK_IN_PROGRESS",
    ];
    let lines: String = all
        .iter()
        .map(|status| format!("{status}: {:?}\n", cloud::condition(status)))
        .collect();
    expect_test::expect![[r#"
        CREATE_COMPLETE: Steady
        CREATE_FAILED: RollbackComplete
        CREATE_IN_PROGRESS: InProgress(Create)
        DELETE_COMPLETE: Gone
        DELETE_FAILED: DeleteFailed
        DELETE_IN_PROGRESS: InProgress(Delete)
        REVIEW_IN_PROGRESS: ReviewInProgress
        ROLLBACK_COMPLETE: RollbackComplete
        ROLLBACK_FAILED: RollbackFailed
        ROLLBACK_IN_PROGRESS: InProgress(Rollback)
        UPDATE_COMPLETE: Steady
        UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: InProgress(Update)
        UPDATE_FAILED: UpdateFailed
        UPDATE_IN_PROGRESS: InProgress(Update)
        UPDATE_ROLLBACK_COMPLETE: Steady
        UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: InProgress(Rollback)
        UPDATE_ROLLBACK_FAILED: UpdateRollbackFailed
        UPDATE_ROLLBACK_IN_PROGRESS: InProgress(Rollback)
    "#]]
    .assert_eq(&lines);
}

/// What is found and done for a stack in this state, which the script then moves on.
async fn recovered(
    status: &str,
    script: Vec<Vec<crate::testing::cloudformation::Event>>,
) -> String {
    let (cloud, world) = account().await;
    let id = world.lock().add("agent", status);
    {
        let mut world = world.lock();
        world.script = script;
        world.stack(&id).unwrap().resources = vec![
            event("Role", "DELETE_COMPLETE", "", 1),
            event(
                "Bucket",
                "DELETE_FAILED",
                "The bucket you tried to delete is not empty",
                2,
            ),
            event("Service", "UPDATE_FAILED", "capacity is unavailable", 3),
        ];
    }
    let deployed = cloud.deployed_one(NAME).await.unwrap().unwrap();
    let Some(recovery) = cloud.recovery(&deployed).await.unwrap() else {
        return "nothing to recover\n".to_owned();
    };
    world.lock().calls.clear();
    let result = match cloud.recover(&deployed, &recovery, |_| {}).await {
        Ok(ended) => format!("ended in {}", ended.status),
        Err(error) => {
            let told = error
                .downcast_ref::<words::error::UserError>()
                .map(|user| format!("{user:?}"));
            told.unwrap_or_else(|| format!("{error:?}"))
        }
    };
    let calls = world.lock().calls.clone();
    let acted: Vec<&String> = calls
        .iter()
        .filter(|call| !call.starts_with("Describe"))
        .collect();
    format!(
        "{}\ndeletes: {}, calls {acted:?}\n{result}\n",
        recovery.sentence(NAME),
        recovery.deletes()
    )
}

#[tokio::test]
async fn what_never_came_to_be_is_deleted_or_explained() {
    let gone = || {
        vec![vec![
            event(NAME, "DELETE_IN_PROGRESS", "User Initiated", 100),
            event(NAME, "DELETE_COMPLETE", "", 110),
        ]]
    };
    expect_test::expect![[r#"
        turnpike-dev-agent: it never came to be; delete what is left of it (Bucket, Service) and make it anew
        deletes: true, calls ["DeleteStack"]
        ended in DELETE_COMPLETE
    "#]].assert_eq(&recovered("ROLLBACK_COMPLETE", gone()).await);
    expect_test::expect![[r#"
        turnpike-dev-agent: it never came to be; delete what is left of it (Bucket, Service) and make it anew
        deletes: true, calls ["DeleteStack"]
        ended in DELETE_COMPLETE
    "#]].assert_eq(&recovered("ROLLBACK_FAILED", gone()).await);
    expect_test::expect![[r#"
        turnpike-dev-agent: its deletion got stuck (Bucket: The bucket you tried to delete is not empty); delete it and make it anew
        deletes: true, calls ["DeleteStack"]
        ended in DELETE_COMPLETE
    "#]].assert_eq(&recovered("DELETE_FAILED", gone()).await);
    let again = vec![
        vec![
            event(NAME, "DELETE_IN_PROGRESS", "User Initiated", 100),
            event(
                "Bucket",
                "DELETE_FAILED",
                "The bucket you tried to delete is not empty",
                105,
            ),
        ],
        vec![event(
            NAME,
            "DELETE_FAILED",
            "The following resource(s) failed to delete: [Bucket].",
            110,
        )],
    ];
    expect_test::expect![[r#"
        turnpike-dev-agent: its deletion got stuck (Bucket: The bucket you tried to delete is not empty); delete it and make it anew
        deletes: true, calls ["DeleteStack"]
        UserError { problem: "the stack turnpike-dev-agent is stuck half way through its deletion\n  Bucket: The bucket you tried to delete is not empty", hint: Some("remove what is in the way and run the same command again; or, to leave these behind: aws cloudformation delete-stack --stack-name turnpike-dev-agent --retain-resources Bucket") }
    "#]].assert_eq(&recovered("DELETE_FAILED", again).await);
}

#[tokio::test]
async fn a_stuck_rollback_is_continued_or_explained() {
    let back = vec![vec![
        event(NAME, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated", 100),
        event(NAME, "UPDATE_ROLLBACK_COMPLETE", "", 110),
    ]];
    expect_test::expect![[r#"
        turnpike-dev-agent: rolling it back got stuck (Service: capacity is unavailable); go on rolling it back, then update it
        deletes: false, calls ["ContinueUpdateRollback"]
        ended in UPDATE_ROLLBACK_COMPLETE
    "#]].assert_eq(&recovered("UPDATE_ROLLBACK_FAILED", back).await);
    let stuck = vec![
        vec![
            event(NAME, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated", 100),
            event("Service", "UPDATE_FAILED", "capacity is unavailable", 105),
        ],
        vec![event(
            NAME,
            "UPDATE_ROLLBACK_FAILED",
            "The following resource(s) failed to update: [Service].",
            110,
        )],
    ];
    expect_test::expect![[r#"
        turnpike-dev-agent: rolling it back got stuck (Service: capacity is unavailable); go on rolling it back, then update it
        deletes: false, calls ["ContinueUpdateRollback"]
        UserError { problem: "the stack turnpike-dev-agent is stuck half way back from an update that failed\n  Service: capacity is unavailable", hint: Some("fix what is named and run the same command again; or, if these may stay as they are: aws cloudformation continue-update-rollback --stack-name turnpike-dev-agent --resources-to-skip Service") }
    "#]].assert_eq(&recovered("UPDATE_ROLLBACK_FAILED", stuck).await);
    expect_test::expect![[r#"
        nothing to recover
    "#]]
    .assert_eq(&recovered("REVIEW_IN_PROGRESS", vec![]).await);
    expect_test::expect![[r#"
        nothing to recover
    "#]]
    .assert_eq(&recovered("UPDATE_ROLLBACK_COMPLETE", vec![]).await);
}

#[tokio::test]
async fn a_killed_run_s_empty_stack_is_used_and_a_stuck_one_refuses_in_words() {
    let (cloud, world) = account().await;
    let left = ready(&cloud).await;
    let other_hash = "ffff56789abcdef0123456789abcdef0";
    let made = cloud
        .create_change_set(&request(), other_hash, body())
        .await
        .unwrap();
    let ChangeSet::Ready(set) = made else {
        panic!("{made:?}")
    };
    assert!(set.create && set.stack_id == left.stack_id);
    for status in [
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "UPDATE_ROLLBACK_FAILED",
        "DELETE_FAILED",
    ] {
        world.lock().stacks[0].status = status.to_owned();
        let error = cloud
            .create_change_set(&request(), HASH, body())
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the stack turnpike-dev-agent "),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_deletion_is_watched_to_its_end_and_an_update_that_is_none_is_not_cancelled() {
    let (cloud, world) = account().await;
    let id = world.lock().add("agent", "CREATE_COMPLETE");
    world.lock().script = vec![
        vec![event(NAME, "DELETE_IN_PROGRESS", "User Initiated", 100)],
        vec![event(NAME, "DELETE_COMPLETE", "", 110)],
    ];
    assert!(!cloud.cancel(&id).await.unwrap());
    let since = cloud.delete(&id, &[]).await.unwrap();
    let ended = cloud.watch(&id, since, |_| {}).await.unwrap();
    assert_eq!(
        (ended.status.as_str(), ended.failure),
        ("DELETE_COMPLETE", None)
    );
    assert!(cloud.deployed().await.unwrap().is_empty());
}
