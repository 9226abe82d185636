//! `deploy --stage dev` as a user sees it: everything comes up, nothing is done twice, and what is lost is asked about first.

use std::process::Command;

use serde_json::Value as Json;

use crate::emulator::{Call, Emulator, send};
use crate::fixture::{OWNERS, PROJECT, Workspace};
use crate::state::State;

pub(crate) const DEPLOY: [&str; 4] = ["deploy", "--stage", "dev", "--yes"];
/// Nothing is asked of the services afterwards.
pub(crate) const WITHOUT_SMOKE: [&str; 5] = ["deploy", "--stage", "dev", "--yes", "--no-smoke"];
const DEPLOY_JSON: [&str; 5] = ["deploy", "--stage", "dev", "--yes", "--json"];

/// The last event of a deploy.
#[track_caller]
fn done(stdout: &str) -> Json {
    let last = stdout.lines().last().unwrap_or_default();
    let last: Json = serde_json::from_str(last).unwrap_or_else(|_| panic!("{stdout}"));
    assert_eq!(last["event"], "done", "{stdout}");
    last
}

pub(crate) fn count(calls: &[Call], name: &str) -> usize {
    calls.iter().filter(|call| call.call.contains(name)).count()
}

/// Calls that change something.
fn writes(calls: &[Call]) -> Vec<&str> {
    let reads = ["Describe", "Get", "List", "BatchGet", "GET /", "HEAD /"];
    let names = calls.iter().map(|call| call.call.as_str());
    names
        .filter(|name| {
            let action = name.split_once(':').map_or(*name, |(_, action)| action);
            !reads.iter().any(|read| action.starts_with(read))
        })
        .collect()
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn everything_comes_up_once_and_goes_away_again() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let state = State::of(&emulator).await;
    let events = workspace.succeed(&emulator, &DEPLOY_JSON);
    assert_eq!(done(&events)["changed"], true);

    let stacks = state.stacks().await;
    for owner in OWNERS {
        let name = format!("{PROJECT}-dev-{owner}");
        let (status, resources) = &stacks[&name];
        assert!(
            status == "CREATE_COMPLETE",
            "{name}: {status} {resources:?}"
        );
    }
    assert_eq!(stacks.len(), OWNERS.len());
    let backend = state.output("x402-backend", "Url").await;
    assert_eq!(
        send("GET", &format!("{backend}/weather"), "")
            .unwrap()
            .status,
        402
    );
    let page = state.output("frontend", "Url").await;
    let runtime = state.output("agent", "RuntimeArn").await;
    assert!(send("GET", &page, "").unwrap().text().contains(&runtime));
    assert_eq!(state.change_sets().await, [] as [String; 0]);
    assert!(!state.is_locked().await);

    drop(emulator.take_calls());
    let events = workspace.succeed(&emulator, &DEPLOY_JSON);
    assert_eq!(done(&events)["changed"], false);
    let calls = emulator.take_calls();
    assert_eq!(writes(&calls), [] as [&str; 0]);
    // One page of stacks, however many there are.
    assert_eq!(count(&calls, "DescribeStacks"), 1, "{calls:?}");
    assert!(calls.len() <= OWNERS.len() + 4, "{calls:?}");
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn destroy_leaves_nothing() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let state = State::of(&emulator).await;
    drop(workspace.succeed(&emulator, &DEPLOY));
    assert!(state.belongings().await.len() >= 10);
    drop(workspace.succeed(&emulator, &["destroy", "--stage", "dev", "--yes"]));
    assert_eq!(state.stacks().await.len(), 0);
    assert_eq!(state.belongings().await, [] as [String; 0]);
    assert!(emulator.running().is_empty());
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn a_price_touches_its_own_stack_and_a_replacement_is_asked_about() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let state = State::of(&emulator).await;
    drop(workspace.succeed(&emulator, &DEPLOY));

    drop(emulator.take_calls());
    workspace.change_price("0.01", "0.02");
    drop(workspace.succeed(&emulator, &DEPLOY));
    let calls = emulator.take_calls();
    assert_eq!(count(&calls, "ExecuteChangeSet"), 1, "{calls:?}");
    assert_eq!(count(&calls, "registry:PUT"), 0, "{calls:?}");
    let backend = state.output("x402-backend", "Url").await;
    let answer = send("GET", &format!("{backend}/weather"), "").unwrap();
    assert!(answer.text().contains("0.02"), "{}", answer.text());

    workspace.name_target_groups();
    let before = state.stacks().await;
    drop(emulator.take_calls());
    let refused = workspace.fail(&emulator, &["deploy", "--stage", "dev"]);
    assert!(
        refused.contains("TargetGroup") && refused.contains("--yes"),
        "{refused}"
    );
    assert_eq!(count(&emulator.take_calls(), "ExecuteChangeSet"), 0);
    assert_eq!(state.stacks().await, before);
    assert_eq!(state.change_sets().await, [] as [String; 0]);
    drop(workspace.succeed(&emulator, &DEPLOY));
    assert!(!state.is_locked().await);
}

/// With a repository that does not empty itself, other than those of our own templates.
const KEEPSAKES: &str = r#"
  Keepsake:
    Type: AWS::S3::Bucket
    {{ <keep/> }}
    Properties: {BucketName: "{{ <full_name/> }}-keepsake"}
  KeepsakeRepository:
    Type: AWS::ECR::Repository
    {{ <keep/> }}
    Properties: {RepositoryName: "{{ <full_name/> }}/keepsake"}

Outputs:
  Url:
"#;

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn a_service_that_goes_takes_along_what_was_shown() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let state = State::of(&emulator).await;
    let outputs = "\nOutputs:\n  Url:\n";
    workspace.replace("templates/fargate.yaml.tera", outputs, KEEPSAKES);
    drop(workspace.succeed(&emulator, &DEPLOY));
    let (bucket, repository) = ("small-dev-frontend-keepsake", "small-dev-frontend/keepsake");
    state.fill(bucket, repository).await;

    workspace.remove_service("frontend");
    let before = state.stacks().await;
    let refused = workspace.fail(&emulator, &["deploy", "--stage", "dev"]);
    for words in [
        "small-dev-frontend: the whole stack is deleted".to_owned(),
        format!("small-dev-frontend: bucket {bucket} with everything in it"),
        format!("small-dev-frontend: repository {repository} with everything in it"),
        "small-dev-frontend: secret small/dev/frontend/access-key".to_owned(),
        "small-dev-artifacts: FrontendRepository (AWS::ECR::Repository) is deleted".to_owned(),
        "--yes".to_owned(),
    ] {
        assert!(refused.contains(&words), "no `{words}` in {refused}");
    }
    assert_eq!(state.stacks().await, before);

    drop(workspace.succeed(&emulator, &DEPLOY));
    assert!(!state.stacks().await.contains_key("small-dev-frontend"));
    let left = state.belongings().await;
    assert!(
        !left.iter().any(|thing| thing.contains("frontend")),
        "{left:?}"
    );
    let events = workspace.succeed(&emulator, &DEPLOY_JSON);
    assert_eq!(done(&events)["changed"], false);
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn of_two_deploys_at_once_one_is_told_who_the_other_is() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let state = State::of(&emulator).await;
    drop(workspace.succeed(&emulator, &DEPLOY));
    workspace.change_price("0.01", "0.03");
    emulator.pace(&serde_json::json!({"by_type": {"AWS::ECS::Service": 8.0}}));
    drop(emulator.take_calls());
    let start = || spawn(workspace.command(&emulator, &DEPLOY));
    let first = start();
    let began = std::time::Instant::now();
    while !emulator
        .calls()
        .iter()
        .any(|call| call.call.contains("ExecuteChangeSet"))
    {
        assert!(began.elapsed().as_secs() < 60, "{:?}", emulator.calls());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let (second, first) = (
        start().wait_with_output().unwrap(),
        first.wait_with_output().unwrap(),
    );
    let (said, second_said) = (
        String::from_utf8_lossy(&first.stderr),
        String::from_utf8_lossy(&second.stderr),
    );
    assert!(first.status.success(), "{said}");
    assert!(
        !second.status.success() && second_said.contains("deploys since"),
        "{second_said}"
    );
    drop(workspace.succeed(&emulator, &DEPLOY));
    assert!(!state.is_locked().await);
    let backend = state.output("x402-backend", "Url").await;
    let answer = send("GET", &format!("{backend}/weather"), "").unwrap();
    assert!(answer.text().contains("0.03"), "{}", answer.text());
}

pub(crate) fn spawn(mut command: Command) -> std::process::Child {
    use std::process::Stdio;
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Where nobody is asked, the stage says which account it belongs to.
#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn without_an_account_nothing_is_done_unasked() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    workspace.replace("Cargo.toml", "account = \"000000000000\"\n", "");
    for arguments in [&DEPLOY[..], &["destroy", "--stage", "dev", "--yes"]] {
        let told = workspace.fail(&emulator, arguments);
        for words in [
            "the stage dev names no account, and with --yes nobody is asked whether 000000000000 is the right one",
            "hint: add account = \"000000000000\" below [workspace.metadata.stages.dev] in Cargo.toml",
        ] {
            assert!(told.contains(words), "{told}");
        }
    }
    assert!(writes(&emulator.calls()).is_empty());
}

/// What a team adds to a template, beyond what the templates have. MiniStack 1.5.33 makes neither elastic addresses nor NAT gateways.
const ADDED: &str = "Resources:
  FailedJobs:
    Type: AWS::SQS::Queue
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt FailedJobs.Arn, maxReceiveCount: 3}
  Alarms:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: alarms}
  AlarmsByMail:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Alarms, Protocol: email, Endpoint: team@example.com}
  Nightly:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(1 day)
      Targets: [{Id: jobs, Arn: !GetAtt Jobs.Arn}]
  Cities:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: name, AttributeType: S}]
      KeySchema: [{AttributeName: name, KeyType: HASH}]
";

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn what_a_team_adds_is_deployed() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let state = State::of(&emulator).await;
    workspace.replace("templates/network.yaml.tera", "Resources:\n", ADDED);
    workspace.succeed(&emulator, &WITHOUT_SMOKE);
    let stacks = state.stacks().await;
    let (status, resources) = &stacks[&format!("{PROJECT}-dev-network")];
    assert_eq!(status, "CREATE_COMPLETE");
    for id in ["Jobs", "AlarmsByMail", "Nightly", "Cities"] {
        assert!(format!("{resources:?}").contains(id), "{id}: {resources:?}");
    }
    workspace.succeed(&emulator, &["destroy", "--stage", "dev", "--yes"]);
    assert!(state.stacks().await.is_empty());
}
