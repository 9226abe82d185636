//! What is asked of tables and what they answer: `answers.txt` has it, and an emulator of DynamoDB says the same.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod cases;
mod crash;
mod ministack;

use cases::CASES;
use expect_test::expect_file;
use serde_json::{Value, json};
use tables::{Definition, Key, Request, Tables};

fn key(name: &str, kind: &str) -> Key {
    Key {
        name: name.to_owned(),
        kind: kind.to_owned(),
    }
}

fn definition(name: &str, partition_key: Key, sort_key: Option<Key>) -> Definition {
    Definition {
        name: name.to_owned(),
        arn: format!("arn:aws:dynamodb:us-east-1:000000000000:table/{name}"),
        partition_key,
        sort_key,
        expires_by: Some("expires_at".to_owned()),
        indexes: vec!["by-v".to_owned()],
    }
}

pub(crate) fn open(path: &std::path::Path) -> Tables {
    let tables = Tables::open(path).unwrap();
    for table in [
        definition("payments", key("id", "S"), None),
        definition("events", key("who", "S"), Some(key("when", "N"))),
    ] {
        tables.put(table).unwrap();
    }
    tables
}

pub(crate) async fn ask(tables: &Tables, operation: &str, request: &str) -> Value {
    let request = Request::parse(operation, request.replace('\'', "\"").as_bytes());
    let answer = match request {
        Ok(request) => tables.run(request).await,
        Err(refusal) => Err(refusal),
    };
    answer.unwrap_or_else(|refusal| refusal.body())
}

#[tokio::test]
async fn every_answer_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let tables = open(&folder.path().join("tables"));
    let mut lines = String::new();
    for (operation, request) in CASES {
        let answer = ask(&tables, operation, request).await;
        let answer = answer.to_string().replace('"', "'");
        lines += &format!("{operation} {request}\n    {answer}\n");
    }
    expect_file!["answers.txt"].assert_eq(&lines);
}

#[tokio::test]
async fn an_item_has_400_kib_with_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let tables = open(&folder.path().join("tables"));
    let put = |length: usize| {
        json!({ "TableName": "payments", "Item": { "id": { "S": "a" }, "v": { "S": "x".repeat(length) } } })
            .to_string()
    };
    let most = 400 * 1024 - "ida".len() - "v".len();
    assert_eq!(ask(&tables, "PutItem", &put(most)).await, json!({}));
    let refused = ask(&tables, "PutItem", &put(most + 1)).await;
    assert_eq!(
        refused["message"],
        "Item size has exceeded the maximum allowed size"
    );
}

#[tokio::test]
async fn what_has_expired_goes_with_a_later_change() {
    let folder = tempfile::tempdir().unwrap();
    let tables = open(&folder.path().join("tables"));
    for (id, expires_at) in [("old", "5"), ("new", "4102444800")] {
        let put = format!(
            "{{'TableName':'payments','Item':{{'id':{{'S':'{id}'}},'expires_at':{{'N':'{expires_at}'}}}}}}"
        );
        assert_eq!(ask(&tables, "PutItem", &put).await, json!({}));
    }
    ask(
        &tables,
        "DeleteItem",
        "{'TableName':'payments','Key':{'id':{'S':'none'}}}",
    )
    .await;
    let left = ask(&tables, "Scan", "{'TableName':'payments'}").await;
    let ids: Vec<&str> = left["Items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item["id"]["S"].as_str())
        .collect();
    assert_eq!(ids, ["new"]);
}

#[tokio::test]
async fn a_table_that_is_removed_for_good_comes_back_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tables");
    let put = "{'TableName':'payments','Item':{'id':{'S':'a'},'expires_at':{'N':'4102444800'}}}";
    let get = "{'TableName':'payments','Key':{'id':{'S':'a'}}}";
    let tables = open(&path);
    ask(&tables, "PutItem", put).await;
    tables.remove("payments", false).unwrap();
    assert_eq!(
        ask(&tables, "GetItem", get).await["message"],
        "Requested resource not found"
    );
    drop(tables);
    let tables = open(&path);
    assert!(
        ask(&tables, "GetItem", get).await["Item"].is_object(),
        "it was kept"
    );
    tables.remove("payments", true).unwrap();
    tables
        .put(definition("payments", key("id", "S"), None))
        .unwrap();
    assert_eq!(ask(&tables, "GetItem", get).await, json!({}));
}
