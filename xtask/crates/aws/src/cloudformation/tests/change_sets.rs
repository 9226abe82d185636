use super::*;
use crate::testing::Fault;

#[tokio::test]
async fn changes_are_read_over_all_pages_and_said_in_our_words() {
    let (cloud, world) = account().await;
    {
        let mut world = world.lock();
        world.add("agent", "UPDATE_COMPLETE");
        (world.page, world.set_pending) = (2, 3);
        world.changes = [
            "Add Secret AWS::SecretsManager::Secret",
            "Remove Alarm AWS::CloudWatch::Alarm",
            "Modify Service AWS::ECS::Service False DesiredCount",
            "Modify Bucket AWS::S3::Bucket True BucketName",
            "Modify Task AWS::ECS::TaskDefinition Conditional Cpu",
        ]
        .map(str::to_owned)
        .into();
    }
    let set = ready(&cloud).await;
    let said: Vec<String> = set
        .changes
        .iter()
        .map(|change| {
            format!(
                "{:?} {} {:?}",
                change.action, change.logical_id, change.properties
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            "Create Secret []",
            "Delete Alarm []",
            "Update Service [\"DesiredCount\", \"Tags\"]",
            "Replace Bucket [\"BucketName\", \"Tags\"]",
            "MayReplace Task [\"Cpu\", \"Tags\"]",
        ]
    );
    assert!(!set.create);
    let world = world.lock();
    assert!(
        set.id.contains(":changeSet/turnpike-0123456789ab/"),
        "{}",
        set.id
    );
    assert!(
        world.sets[0].template.contains(HASH),
        "{}",
        world.sets[0].template
    );
    let kept: ReadySet = serde_json::from_str(&serde_json::to_string(&set).unwrap()).unwrap();
    assert_eq!(kept, set);
}

#[tokio::test]
async fn nothing_to_do_is_no_error_and_leaves_nothing() {
    for wording in [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ] {
        let (cloud, world) = account().await;
        world.lock().add("agent", "CREATE_COMPLETE");
        world.lock().set_reason = Some(wording.to_owned());
        let made = cloud.create_change_set(&request(), HASH, body()).await;
        assert_eq!(made.unwrap(), ChangeSet::Nothing, "{wording}");
        assert!(world.lock().sets.is_empty());
    }
}

#[tokio::test]
async fn a_failed_set_says_what_the_validation_found_and_leaves_no_empty_stack() {
    let (cloud, world) = account().await;
    {
        let mut world = world.lock();
        world.set_reason = Some(
            "The following validation failed: [AWS::EarlyValidation::PropertyValidation]"
                .to_owned(),
        );
        world.validation = vec![(
            "Service".to_owned(),
            "Properties validation failed: extraneous key [Foo] is not permitted".to_owned(),
        )];
    }
    let error = cloud
        .create_change_set(&request(), HASH, body())
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("Service at /Resources/Service: Properties validation failed"),
        "{text}"
    );
    assert!(
        text.contains("a property that the resource does not have"),
        "{text}"
    );
    let world = world.lock();
    assert!(world.sets.is_empty());
    assert_eq!(world.stacks[0].status, "DELETE_COMPLETE");
}

#[tokio::test]
async fn a_lost_answer_does_not_make_two() {
    for fault in [Fault::LostAfter, Fault::LostBefore, Fault::throttled()] {
        let (cloud, world) = account().await;
        let faults = vec![("CreateChangeSet".to_owned(), fault.clone()); 2];
        world.lock().faults = faults;
        let set = ready(&cloud).await;
        assert!(set.create);
        let world = world.lock();
        assert_eq!(world.sets.len(), 1, "{fault:?}");
        assert_eq!(world.stacks.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_second_run_finds_the_set_of_the_first_and_replaces_what_is_of_no_use() {
    let (cloud, world) = account().await;
    world.lock().add("agent", "UPDATE_COMPLETE");
    let first = ready(&cloud).await;
    assert_eq!(ready(&cloud).await, first, "the same inputs, the same set");
    for spoiled in ["OBSOLETE", "EXECUTE_FAILED"] {
        world.lock().sets[0].execution = spoiled.to_owned();
        let other = ready(&cloud).await;
        assert_ne!(other.id, first.id);
        assert_eq!(world.lock().sets.len(), 1, "{spoiled}");
    }
    world.lock().sets[0].description = "another hash that begins the same".to_owned();
    ready(&cloud).await;
    assert_eq!(world.lock().sets[0].description, HASH);
}

#[tokio::test]
async fn a_stack_that_is_somebody_elses_is_not_touched() {
    let (cloud, world) = account().await;
    let id = world.lock().add("agent", "CREATE_COMPLETE");
    world.lock().stack(&id).unwrap().tags.clear();
    let error = cloud
        .create_change_set(&request(), HASH, body())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("its tags do not say that it is of turnpike dev"),
        "{error}"
    );
    assert_eq!(world.lock().calls, ["DescribeStacks"]);
}

#[tokio::test]
async fn a_busy_stack_is_named_and_discarding_leaves_nothing() {
    let (cloud, world) = account().await;
    let set = ready(&cloud).await;
    cloud.discard(&set).await.unwrap();
    cloud.discard(&set).await.unwrap();
    assert_eq!(world.lock().stacks[0].status, "DELETE_COMPLETE");
    let id = world.lock().add("agent", "UPDATE_IN_PROGRESS");
    let made = cloud.create_change_set(&request(), HASH, body()).await;
    let status = "UPDATE_IN_PROGRESS".to_owned();
    assert_eq!(
        made.unwrap(),
        ChangeSet::Busy {
            stack_id: id,
            status
        }
    );
}

#[tokio::test]
async fn refusals_say_what_they_mean() {
    let (cloud, world) = account().await;
    world.lock().faults = vec![(
        "CreateChangeSet".to_owned(),
        Fault::Refused {
            status: 403,
            code: "AccessDenied",
            message: "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: cloudformation:CreateChangeSet on resource: arn:aws:cloudformation:x",
        },
    )];
    let error = cloud
        .create_change_set(&request(), HASH, body())
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("cannot make a change set for turnpike-dev-agent: User: "),
        "{text}"
    );
    assert!(
        text.contains("user/alice may not do cloudformation:CreateChangeSet"),
        "{text}"
    );
    world.lock().faults = vec![(
        "DescribeStacks".to_owned(),
        Fault::Refused {
            status: 403,
            code: "ExpiredToken",
            message: "The security token included in the request is expired",
        },
    )];
    let error = cloud.deployed().await.unwrap_err();
    assert!(error.is::<words::error::UserError>(), "{error}");
    assert_eq!(
        error.to_string(),
        "cannot list the stacks: the AWS credentials have run out"
    );
}
