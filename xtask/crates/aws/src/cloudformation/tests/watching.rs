use super::*;
use crate::testing::Fault;
use crate::testing::cloudformation::event;

/// Executes a change set for a stack that stands, and watches it: how it ended, and what was shown.
async fn update(cloud: &CloudFormation) -> (Ended, Vec<String>) {
    let set = ready(cloud).await;
    let since = cloud.execute(&set).await.unwrap();
    watched(cloud, &set.stack_id, since).await
}

async fn watched(cloud: &CloudFormation, id: &str, since: Since) -> (Ended, Vec<String>) {
    let mut shown = Vec::new();
    let ended = cloud
        .watch(id, since, |event| {
            shown.push(format!("{} {}", event.logical_id, event.status))
        })
        .await
        .unwrap();
    (ended, shown)
}

#[tokio::test]
async fn every_event_is_shown_once_whatever_order_they_come_in() {
    let (cloud, world) = account().await;
    {
        let mut world = world.lock();
        // Four to a page, so that one answer does not hold all of them.
        world.page = 4;
        world.add("agent", "UPDATE_COMPLETE");
        let many =
            (0..9).map(|number| event(&format!("R{number}"), "UPDATE_COMPLETE", "", 120 + number));
        world.script = vec![
            vec![],
            // The stack's own beginning arrives after what it led to.
            vec![
                event("Service", "UPDATE_IN_PROGRESS", "", 110),
                event(NAME, "UPDATE_IN_PROGRESS", "User Initiated", 100),
            ],
            many.collect(),
            vec![
                event("Service", "UPDATE_COMPLETE", "", 140),
                event(NAME, "UPDATE_COMPLETE", "", 150),
            ],
        ];
    }
    let (ended, shown) = update(&cloud).await;
    assert_eq!(
        (ended.status.as_str(), ended.failure),
        ("UPDATE_COMPLETE", None)
    );
    assert_eq!(ended.outputs["Url"], "http://old");
    let id = world.lock().stack(NAME).unwrap().id.clone();
    assert_eq!(cloud.last_seconds(&id).await, Some(0.05));
    let mut expected = vec![
        format!("{NAME} UPDATE_IN_PROGRESS"),
        "Service UPDATE_IN_PROGRESS".to_owned(),
    ];
    expected.extend((0..9).map(|number| format!("R{number} UPDATE_COMPLETE")));
    expected.extend([
        "Service UPDATE_COMPLETE".to_owned(),
        format!("{NAME} UPDATE_COMPLETE"),
    ]);
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn troubles_of_asking_do_not_fail_what_succeeds() {
    let (cloud, world) = account().await;
    {
        let mut world = world.lock();
        world.add("agent", "UPDATE_COMPLETE");
        world.script = vec![
            vec![event(NAME, "UPDATE_IN_PROGRESS", "User Initiated", 100)],
            vec![event(NAME, "UPDATE_COMPLETE", "", 150)],
        ];
    }
    let set = ready(&cloud).await;
    let since = cloud.execute(&set).await.unwrap();
    let busy = Fault::Refused {
        status: 503,
        code: "ServiceUnavailable",
        message: "later",
    };
    {
        let mut world = world.lock();
        // More in a row than the SDK endures.
        for fault in [Fault::throttled(), Fault::LostBefore, busy] {
            let four = |action: &str| vec![(action.to_owned(), fault.clone()); 4];
            world.faults.extend(four("DescribeStackEvents"));
            world.faults.extend(four("DescribeStacks"));
        }
    }
    let (ended, shown) = watched(&cloud, &set.stack_id, since).await;
    assert_eq!(
        (ended.status.as_str(), ended.failure),
        ("UPDATE_COMPLETE", None)
    );
    assert_eq!(shown.len(), 2);
    assert!(world.lock().faults.is_empty());
}

#[tokio::test]
async fn a_watch_ends_when_the_credentials_do() {
    let (cloud, world) = account().await;
    let id = world.lock().add("agent", "UPDATE_IN_PROGRESS");
    let expired = Fault::Refused {
        status: 403,
        code: "ExpiredToken",
        message: "The security token included in the request is expired",
    };
    world.lock().faults = vec![("DescribeStackEvents".to_owned(), expired)];
    let error = cloud.watch(&id, Since::Running, |_| {}).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot watch the stack, which goes on by itself: the AWS credentials have run out"
    );
}

#[tokio::test]
async fn the_first_cause_is_named_and_what_was_cancelled_is_not() {
    let (cloud, world) = account().await;
    world.lock().script = vec![
        vec![event(NAME, "CREATE_IN_PROGRESS", "User Initiated", 100)],
        vec![
            event(
                "Cluster",
                "CREATE_FAILED",
                "Resource creation cancelled",
                131,
            ),
            event(
                "Service",
                "CREATE_FAILED",
                "circuit breaker was triggered",
                130,
            ),
            event("Role", "CREATE_FAILED", "Resource creation canceled.", 129),
            event("Secret", "CREATE_FAILED", "already exists", 133),
        ],
        vec![event(
            NAME,
            "ROLLBACK_IN_PROGRESS",
            "The following resource(s) failed to create: [Service]. Rollback requested by user.",
            140,
        )],
        vec![
            event("Bucket", "DELETE_FAILED", "not empty", 145),
            event(NAME, "ROLLBACK_COMPLETE", "", 150),
        ],
        // The end comes after what looks like one.
        vec![event(NAME, "DELETE_IN_PROGRESS", "", 160)],
        vec![],
        vec![event(NAME, "DELETE_COMPLETE", "", 170)],
    ];
    let (ended, shown) = update(&cloud).await;
    assert_eq!(ended.status, "DELETE_COMPLETE");
    assert_eq!(shown.len(), 10, "{shown:#?}");
    let failure = ended.failure.unwrap();
    assert_eq!(
        (failure.logical_id.as_str(), failure.reason.as_str()),
        ("Service", "circuit breaker was triggered")
    );
    let also: Vec<&str> = failure
        .also
        .iter()
        .map(|other| other.logical_id.as_str())
        .collect();
    assert_eq!(also, ["Secret", "Bucket"]);
}

#[tokio::test]
async fn a_cancelled_update_is_called_that() {
    let (cloud, world) = account().await;
    world.lock().add("agent", "UPDATE_COMPLETE");
    world.lock().script = vec![
        vec![event(NAME, "UPDATE_IN_PROGRESS", "User Initiated", 100)],
        vec![event(
            "Service",
            "UPDATE_FAILED",
            "Resource update cancelled",
            110,
        )],
        vec![
            event(NAME, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated", 120),
            event(NAME, "UPDATE_ROLLBACK_COMPLETE", "", 130),
        ],
    ];
    let (ended, _) = update(&cloud).await;
    assert_eq!(ended.failure.unwrap().reason, "it was cancelled");
}

#[tokio::test]
async fn the_reason_of_a_nested_stack_is_in_it() {
    let (cloud, world) = account().await;
    {
        let mut world = world.lock();
        world.add("agent", "UPDATE_COMPLETE");
        let inner = world.add("inner", "CREATE_FAILED");
        let stack = world.stack(&inner).unwrap();
        stack.events.extend([
            event(
                "turnpike-dev-inner",
                "CREATE_IN_PROGRESS",
                "User Initiated",
                90,
            ),
            event("Function", "CREATE_FAILED", "no code", 95),
        ]);
        let mut nested = event(
            "Nested",
            "CREATE_FAILED",
            "Embedded stack was not successfully created",
            130,
        );
        (nested.resource_type, nested.physical_id) =
            ("AWS::CloudFormation::Stack".to_owned(), inner);
        world.script = vec![
            vec![
                event(NAME, "UPDATE_IN_PROGRESS", "User Initiated", 100),
                nested,
            ],
            vec![event(NAME, "UPDATE_ROLLBACK_COMPLETE", "", 150)],
        ];
    }
    let (ended, _) = update(&cloud).await;
    let failure = ended.failure.unwrap();
    assert_eq!(
        (failure.logical_id.as_str(), failure.reason.as_str()),
        ("Function in Nested", "no code")
    );
}

#[tokio::test]
async fn a_later_run_attaches_where_the_operation_began() {
    let (cloud, world) = account().await;
    let id = world.lock().add("agent", "UPDATE_IN_PROGRESS");
    {
        let mut world = world.lock();
        world.page = 2;
        let stack = world.stack(&id).unwrap();
        stack.events.extend([
            event("Service", "CREATE_FAILED", "long ago", 50),
            event(NAME, "UPDATE_IN_PROGRESS", "User Initiated", 100),
            event("Service", "UPDATE_IN_PROGRESS", "", 110),
        ]);
        stack.script = [
            vec![],
            vec![event("Service", "UPDATE_COMPLETE", "", 120)],
            vec![event(NAME, "UPDATE_COMPLETE", "", 130)],
        ]
        .into();
    }
    let (ended, shown) = watched(&cloud, &id, Since::Running).await;
    assert_eq!(ended.failure, None);
    assert_eq!(shown.len(), 4, "{shown:?}");
}

#[tokio::test]
async fn a_lost_answer_to_execute_is_no_failure_and_a_moved_stack_is_one() {
    let (cloud, world) = account().await;
    world.lock().add("agent", "UPDATE_COMPLETE");
    world.lock().script = vec![
        vec![event(NAME, "UPDATE_IN_PROGRESS", "User Initiated", 100)],
        vec![event(NAME, "UPDATE_COMPLETE", "", 150)],
    ];
    world.lock().faults = vec![("ExecuteChangeSet".to_owned(), Fault::LostAfter)];
    let (ended, shown) = update(&cloud).await;
    assert_eq!((ended.failure, shown.len()), (None, 2));
    let set = ready(&cloud).await;
    world
        .lock()
        .sets
        .iter_mut()
        .for_each(|set| set.execution = "OBSOLETE".to_owned());
    let error = cloud.execute(&set).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has changed since this was planned"),
        "{error}"
    );
    let gone = ReadySet {
        id: "arn:aws:gone".to_owned(),
        ..set
    };
    let error = cloud.execute(&gone).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has changed since this was planned"),
        "{error}"
    );
}
