//! A process that is killed while it writes: what it was told is kept.

use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::{ask, open};

const FILE: &str = "TURNPIKE_TEST_TABLES_FILE";

/// Not a test of its own: the process that is killed. It says each key once it was told that the item is kept.
#[tokio::test]
#[ignore = "started by a_killed_process_loses_nothing_that_it_was_told"]
#[expect(clippy::print_stdout, reason = "another process reads it")]
async fn writer() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let tables = open(path.as_ref());
    for number in 0.. {
        let key = format!("{}/{number}", std::process::id());
        let put = json!({ "TableName": "payments", "Item": { "id": { "S": key } } });
        assert_eq!(ask(&tables, "PutItem", &put.to_string()).await, json!({}));
        println!("kept {key}");
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_it_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tables");
    let mut kept = Vec::new();
    for round in 1..4 {
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::writer", "--ignored", "--nocapture"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while kept.len() < 20 * round {
            let line = lines.next_line().await.unwrap().unwrap();
            kept.extend(line.split_once("kept ").map(|(_, key)| key.to_owned()));
        }
        child.kill().await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            kept.extend(line.split_once("kept ").map(|(_, key)| key.to_owned()));
        }
        let tables = open(&path);
        for key in &kept {
            let get = json!({ "TableName": "payments", "Key": { "id": { "S": key } } });
            let found = ask(&tables, "GetItem", &get.to_string()).await;
            assert!(found["Item"].is_object(), "{key} is lost");
        }
        drop(tables);
    }
}
