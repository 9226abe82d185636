//! Every store is one truth for all who share it: in one process, on one machine, and in one table.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod crash;
mod history;
mod ministack;

use history::{Client, check};
use std::sync::Arc;
use x402::store::{FileStore, MemoryStore, Store};

const WORKERS: usize = 8;

/// Several workers at several instances take, change and give free the same few records; what each saw must fit one order.
async fn exercise(instances: Vec<Arc<dyn Store>>, rounds: usize) {
    let client = Client::default();
    let workers = (0..WORKERS).map(|worker| {
        let store = instances[worker % instances.len()].clone();
        tokio::spawn(client.clone().work(store, worker, rounds))
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let seen = check(&client.events());
    assert!(seen.held >= rounds, "nobody got anything: {seen:?}");
    assert!(seen.refused > 0, "nobody met anybody: {seen:?}");
}

fn thorough() -> bool {
    std::env::var_os("TURNPIKE_TEST_THOROUGH").is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_is_linearizable() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    exercise(vec![store], if thorough() { 20_000 } else { 2_000 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_is_linearizable_for_all_who_have_it_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new folder/payments");
    let open = || -> Arc<dyn Store> { Arc::new(FileStore::open(&path).unwrap()) };
    exercise(
        vec![open(), open(), open()],
        if thorough() { 400 } else { 25 },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs MiniStack: cargo xtask test stores"]
async fn a_table_is_linearizable_for_all_instances() {
    let emulator = ministack::Emulator::start().await;
    let open = || -> Arc<dyn Store> { Arc::new(emulator.store()) };
    exercise(
        vec![open(), open(), open()],
        if thorough() { 200 } else { 25 },
    )
    .await;
    ministack::what_a_table_does(&emulator).await;
}
