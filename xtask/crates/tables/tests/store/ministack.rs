//! The same requests to MiniStack, another implementation of DynamoDB.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::{CASES, ask, open};

/// Where the two differ: a part of the request, and whom AWS's documents are with.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "'ClientRequestToken':'one'}",
        "the same error in other words",
    ),
    (
        "REMOVE deep.steps[2]",
        "UPDATED_NEW shows what was updated, not its whole list",
    ),
    (
        "'ADD hits :n'",
        "an answer without attributes has none, not an empty map",
    ),
    ("SET hollow.inside", "the same error in other words"),
    ("hits + :s", "ours: a number and a text have no sum"),
    ("SET a.b = :s, a = :s", "ours: the paths overlap"),
    (
        "'name = :n'",
        "ours: it is not the update expression that is wrong",
    ),
    ("starts(a)", "ours: there is no such function"),
    ("begins_with(a, :n)", "ours: a number begins with nothing"),
    ("['x','x']", "the same error in other words"),
    ("'n':{}", "ours: there is no type, not several"),
    (
        "'ReturnValues':'ALL_NEW'}",
        "where it is not an update: the same error in other words",
    ),
    ("'when':{'N':'1.0'}", "ours: 1.0 is 1"),
    ("'#w > :a'", "ours: a filter is not about keys"),
    (
        "by-v",
        "an index that only our table has, and does not serve",
    ),
    ("'Expected'", "not served here, and said so"),
    ("SELECT *", "not served here, and said so"),
];

#[tokio::test]
#[ignore = "needs MiniStack: cargo xtask test stores"]
async fn ministack_answers_the_same() {
    let python = std::env::var("TURNPIKE_TEST_MINISTACK_PYTHON")
        .expect("TURNPIKE_TEST_MINISTACK_PYTHON names the Python that has ministack");
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let folder = tempfile::tempdir().unwrap();
    let _process = tokio::process::Command::new(python)
        .args(["-m", "ministack"])
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("TMPDIR", folder.path())
        .env("HOME", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let emulator = Emulator {
        endpoint: format!("http://127.0.0.1:{port}"),
    };
    emulator.ready().await;
    for (table, keys) in [
        ("payments", &[("id", "S", "HASH")][..]),
        ("events", &[("who", "S", "HASH"), ("when", "N", "RANGE")]),
    ] {
        let attributes: Vec<Value> = keys
            .iter()
            .map(|(name, kind, _)| json!({ "AttributeName": name, "AttributeType": kind }))
            .collect();
        let schema: Vec<Value> = keys
            .iter()
            .map(|(name, _, part)| json!({ "AttributeName": name, "KeyType": part }))
            .collect();
        let request = json!({ "TableName": table, "AttributeDefinitions": attributes, "KeySchema": schema, "BillingMode": "PAY_PER_REQUEST" });
        let made = emulator.ask("CreateTable", &request.to_string()).await;
        assert!(made["TableDescription"].is_object(), "{made}");
    }
    let tables = open(&folder.path().join("tables"));
    let mut differences = Vec::new();
    for (operation, request) in CASES {
        let ours = normal(ask(&tables, operation, request).await);
        let theirs = normal(emulator.ask(operation, &request.replace('\'', "\"")).await);
        let known = DIFFERENT
            .iter()
            .any(|(part, _)| request.contains(part) && ours != theirs);
        if (ours != theirs) != known {
            differences.push(format!(
                "{operation} {request}\n  ours   {ours}\n  theirs {theirs}"
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy();
    client.timeout(Duration::from_secs(30)).build().unwrap()
}

struct Emulator {
    endpoint: String,
}

impl Emulator {
    async fn ready(&self) {
        let client = client();
        for _ in 0..600 {
            let asked = client
                .get(format!("{}/_ministack/health", self.endpoint))
                .send();
            if asked.await.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("MiniStack does not get ready");
    }

    async fn ask(&self, operation: &str, request: &str) -> Value {
        let answer = client()
            .post(&self.endpoint)
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
            .body(request.to_owned())
            .send()
            .await
            .unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }
}

/// Without what programs do not look at.
fn normal(mut answer: Value) -> Value {
    if let Some(message) = answer["message"].as_str() {
        // MiniStack puts this before messages of DynamoDB's own checks too.
        let message = message.trim_start_matches("1 validation error detected: ");
        answer["message"] = json!(message);
    }
    if let Some(kind) = answer["__type"].as_str() {
        answer["__type"] = json!(kind.rsplit('#').next());
    }
    if let Some(message) = answer.get("Message").cloned() {
        answer["message"] = message;
        answer
            .as_object_mut()
            .map(|members| members.remove("Message"));
    }
    answer
}
