//! The verbs that operate a stage, on a stage that stands on the emulator.

use serde_json::{Value as Json, json};

use crate::authorization::assert_tool_may;
use crate::deploy::DEPLOY;
use crate::emulator::Emulator;
use crate::fixture::{PROJECT, Workspace};
use crate::state::State;

/// Granted for looking, and not needed where no stack has failed, no service goes, all templates are small, every image is in place,
/// no secret is made by a person, and the account has few stacks.
const UNUSED_BY_LOOKING: [&str; 10] = [
    "tool: cloudformation:DescribeEvents",
    "tool: cloudformation:DescribeStackEvents",
    "tool: cloudformation:ListStackResources",
    "tool: cloudformation:ListStacks",
    "tool: ecr:ListImages",
    "tool: ecs:DescribeTaskDefinition",
    "tool: ecs:ListServices",
    "tool: logs:DescribeLogGroups",
    "tool: s3:PutObject",
    "tool: secretsmanager:DescribeSecret",
];

fn lines(text: &str) -> Vec<Json> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{text}"));
    text.lines().map(parse).collect()
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
#[expect(
    clippy::too_many_lines,
    reason = "one walk over one deployed stage: deploying it anew for each step takes longer than all of them"
)]
async fn a_stage_is_asked_watched_and_removed() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let state = State::of(&emulator).await;
    let on = |verb: &str| -> Vec<String> {
        let words = verb.split(' ').map(str::to_owned);
        words
            .chain(["--stage".to_owned(), "dev".to_owned()])
            .collect()
    };
    let succeed = |verb: &str| {
        let words = on(verb);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        workspace.succeed(&emulator, &words)
    };
    let fail = |verb: &str| {
        let words = on(verb);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        workspace.fail(&emulator, &words)
    };

    for verb in ["status", "outputs", "invoke hello"] {
        let said = fail(verb);
        assert!(
            said.contains("nothing runs on the stage dev"),
            "{verb}: {said}"
        );
        assert!(
            said.contains("cargo xtask deploy --stage dev"),
            "{verb}: {said}"
        );
    }
    assert_eq!(
        succeed("destroy --json"),
        "{\"event\":\"done\",\"removed\":0,\"left\":[]}\n"
    );

    drop(workspace.succeed(&emulator, &DEPLOY));
    let mut requests = emulator.take_requests();
    let stacks: Json = serde_json::from_str(&succeed("status --json")).unwrap();
    for stack in stacks.as_array().unwrap() {
        assert_eq!(
            (&stack["healthy"], &stack["status"]),
            (&json!(true), &json!("CREATE_COMPLETE")),
            "{stack}"
        );
    }
    let told = succeed("status");
    assert!(told.contains("endpoint live: ready, version 1"), "{told}");
    assert!(told.contains(": running, since"), "{told}");

    let answer: Json = serde_json::from_str(&succeed("invoke hello --json")).unwrap();
    assert!(answer["session"].as_str().unwrap().len() >= 33, "{answer}");
    assert!(
        answer["text"]
            .as_str()
            .unwrap()
            .contains("the function answers"),
        "{answer}"
    );

    let logged = lines(&succeed("logs --json"));
    let said = |owner: &str, words: &str| {
        let of = |line: &&Json| {
            line["owner"] == owner && line["message"].as_str().unwrap().contains(words)
        };
        logged.iter().filter(of).count()
    };
    assert_eq!(said("frontend", "frontend listens on"), 1, "{logged:?}");
    assert!(said("agent", "agent answers 200") >= 1, "{logged:?}");
    let only = lines(&succeed("logs x402-backend --json"));
    assert!(
        !only.is_empty() && only.iter().all(|line| line["owner"] == "x402-backend"),
        "{only:?}"
    );

    workspace.change_price("0.01", "0.02");
    let planned = succeed("plan");
    assert!(planned.contains("x402-backend"), "{planned}");
    workspace.change_price("0.02", "0.01");

    // Looking needs the policy for looking, and all of it but what only an account with more in it needs.
    let looks = emulator.take_requests();
    let unused = assert_tool_may(&emulator, &workspace, "read", &looks);
    assert_eq!(unused, UNUSED_BY_LOOKING);
    requests.extend(looks);

    let refused = fail("destroy");
    assert!(
        refused.contains("not a terminal") && refused.contains("destroy --yes --stage dev"),
        "{refused}"
    );
    workspace.replace(
        "Cargo.toml",
        "region = \"us-west-2\"\n",
        "region = \"us-west-2\"\nprotect = true\n",
    );
    let refused = fail("destroy --yes");
    assert!(
        refused.contains("is protected") && refused.contains("take `protect` off"),
        "{refused}"
    );
    assert_eq!(state.stacks().await.len(), 6);
    workspace.replace("Cargo.toml", "protect = true\n", "");

    // One stack gets stuck: what it needs stays with it, all else goes, and the next run goes on.
    emulator.fault(&json!([{"resource": "AWS::Lambda::Function", "on": "delete", "times": 2, "reason": "The function is being looked at."}]));
    let stuck = fail("destroy --yes");
    assert!(
        stuck.contains("The function is being looked at."),
        "{stuck}"
    );
    emulator.fault(&json!([]));
    let left: Vec<String> = state.stacks().await.into_keys().collect();
    for owner in ["mcp-server", "x402-backend", "artifacts"] {
        assert!(left.contains(&format!("{PROJECT}-dev-{owner}")), "{left:?}");
    }
    assert!(
        !left.contains(&format!("{PROJECT}-dev-frontend")),
        "{left:?}"
    );
    let events = lines(&succeed("destroy --yes --json"));
    assert_eq!(events.first().unwrap()["event"], "plan", "{events:?}");
    assert_eq!(events.last().unwrap()["event"], "done", "{events:?}");
    assert_eq!(state.stacks().await.len(), 0);
    assert_eq!(state.belongings().await, [] as [String; 0]);

    requests.extend(emulator.take_requests());
    drop(assert_tool_may(&emulator, &workspace, "deploy", &requests));
}
