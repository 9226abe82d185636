//! Against a CloudFormation in memory that answers over HTTP, with connections that break and events in odd orders.

mod change_sets;
mod stuck;
mod watching;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::testing::cloudformation::{World, start};
use crate::testing::{Fault, Shared};
use cloud::{ReadySet, StackRequest};

const HASH: &str = "0123456789abcdef0123456789abcdef";
const NAME: &str = "turnpike-dev-agent";

async fn account() -> (CloudFormation, Shared<World>) {
    let (aws, world) = start().await;
    let cloud = CloudFormation {
        pace: Pace {
            first: Duration::from_millis(1),
            longest: Duration::from_millis(4),
            patience: Duration::from_secs(5),
            settle: Duration::from_millis(30),
            silence: Duration::from_millis(100),
        },
        ..CloudFormation::new(&aws, "turnpike", "dev")
    };
    (cloud, world)
}

fn request() -> StackRequest {
    StackRequest {
        name: NAME.to_owned(),
        owner: "agent".to_owned(),
        template: "Resources: {}\n".to_owned(),
        parameters: BTreeMap::from([("Url".to_owned(), "http://x".to_owned())]),
    }
}

fn body() -> TemplateBody {
    TemplateBody::Inline(request().template)
}

async fn ready(cloud: &CloudFormation) -> ReadySet {
    let made = cloud.create_change_set(&request(), HASH, body()).await;
    match made.unwrap() {
        ChangeSet::Ready(set) => set,
        other => panic!("{other:?}"),
    }
}

fn not_allowed() -> Fault {
    Fault::Refused {
        status: 403,
        code: "AccessDenied",
        message: "User: arn:aws:iam::123456789012:user/test is not authorized to perform: cloudformation:DescribeStacks",
    }
}

#[tokio::test]
async fn what_stands_is_found_by_tags() {
    let (cloud, world) = account().await;
    {
        let mut world = world.lock();
        for owner in ["network", "agent", "artifacts"] {
            world.add(owner, "CREATE_COMPLETE");
        }
        let other = world.add("other", "CREATE_COMPLETE");
        let stage = ("turnpike:stage".to_owned(), "prod".to_owned());
        world.stack(&other).unwrap().tags.extend([stage]);
        let unborn = world.add("unborn", "REVIEW_IN_PROGRESS");
        world.stack(&unborn).unwrap().tags.clear();
        let agent = world.stack(NAME).unwrap();
        agent
            .outputs
            .insert("TurnpikeInputs".to_owned(), HASH.to_owned());
    }
    let found = cloud.deployed().await.unwrap();
    let owners: Vec<&str> = found
        .iter()
        .map(|deployed| deployed.owner.as_str())
        .collect();
    assert_eq!(owners, ["agent", "artifacts", "network", "unborn"]);
    assert_eq!(found[0].inputs_hash.as_deref(), Some(HASH));
    assert_eq!(found[0].outputs.keys().collect::<Vec<_>>(), ["Url"]);
    assert_eq!(found[0].created_at, "2026-11-22T12:00:00.500Z");
    assert_eq!(world.lock().calls, ["DescribeStacks"]);

    // An account with more stacks than fit into one answer, and one that may not be looked at as a whole.
    for refused in [false, true] {
        let cloud = CloudFormation {
            asks_by_name: Arc::default(),
            ..cloud.clone()
        };
        {
            let mut world = world.lock();
            world.calls.clear();
            world.page = if refused { 100 } else { 2 };
            if refused {
                world.faults = vec![("DescribeStacks".to_owned(), not_allowed())];
            }
        }
        assert_eq!(cloud.deployed().await.unwrap(), found);
        assert_eq!(cloud.deployed().await.unwrap(), found);
        let calls = std::mem::take(&mut world.lock().calls);
        let listed = calls.iter().filter(|call| *call == "ListStacks").count();
        assert_eq!(listed, if refused { 2 } else { 6 }, "{calls:?}");
        // Once in vain, and then the five with our names, twice.
        assert_eq!(calls.len() - listed, 11, "{calls:?}");
    }
    assert!(
        cloud
            .deployed_one("turnpike-dev-none")
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        cloud
            .deployed_one("turnpike-dev-other")
            .await
            .unwrap()
            .is_none()
    );
}

#[test]
fn the_hash_is_an_output() {
    let template = "Resources:\n  A: {}\n\nOutputs:\n  Url:\n    Value: x\n";
    let with = stamped(template, "abc");
    expect_test::expect![[r#"
        Resources:
          A: {}

        Outputs:
          TurnpikeInputs:
            Description: What this stack was made from, as a hash
            Value: "abc"
          Url:
            Value: x
    "#]]
    .assert_eq(&with);
    assert_eq!(
        stamped("Resources: {}", "abc")
            .matches("Outputs:\n  TurnpikeInputs:")
            .count(),
        1
    );
    assert!(!needs_url(&"x".repeat(51_200)) && needs_url(&"x".repeat(51_201)));
}
