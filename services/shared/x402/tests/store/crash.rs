//! A process that is killed while it writes: what it was told is kept, and the others go on.

use super::history::put;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use x402::store::{FileStore, Stamp, Store};

const FILE: &str = "TURNPIKE_TEST_PAYMENTS_FILE";

/// Not a test of its own: the process that is killed. It says each key once it was told that the record is kept.
#[tokio::test]
#[ignore = "started by a_killed_process_loses_nothing_that_it_was_told"]
#[expect(clippy::print_stdout, reason = "another process reads it")]
async fn writer() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let store = FileStore::open(path.as_ref()).unwrap();
    for number in 0.. {
        let key = format!("{}/{number}", std::process::id());
        let made = store
            .change(vec![put(key.clone(), None)], Stamp::new().unwrap())
            .await;
        assert!(made.unwrap());
        println!("kept {key}");
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_it_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payments");
    let store = FileStore::open(&path).unwrap();
    for round in 0..3 {
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::writer", "--ignored", "--nocapture"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut kept = Vec::new();
        while kept.len() < 20 {
            let line = lines.next_line().await.unwrap().unwrap();
            kept.extend(line.split_once("kept ").map(|(_, key)| key.to_owned()));
            let own = format!("own/{round}/{}", kept.len());
            store
                .change(vec![put(own, None)], Stamp::new().unwrap())
                .await
                .unwrap();
        }
        child.kill().await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            kept.extend(line.split_once("kept ").map(|(_, key)| key.to_owned()));
        }
        for key in &kept {
            assert!(store.get(key).await.unwrap().is_some(), "{key} is lost");
        }
        let made = store
            .change(
                vec![put(format!("after/{round}"), None)],
                Stamp::new().unwrap(),
            )
            .await;
        assert!(made.unwrap(), "the others go on");
    }
    drop(store);
    let store = FileStore::open(&path).unwrap();
    assert!(store.get("after/2").await.unwrap().is_some());
}
