//! The store of payments on a table of the local cloud: one truth for all who share it, as on AWS.

#[path = "../../../../../../services/shared/x402/tests/store/history.rs"]
mod history;

use std::sync::Arc;

use aws_smithy_http_client::Builder;
use x402::store::{DynamoDbStore, Stamp, Store};

use super::Cloud;
use super::dynamodb::{single_items, with_table};
use history::{Client, check, put};

const WORKERS: usize = 6;
const ROUNDS: usize = 25;

/// As a service makes it, from its own settings; the role may do what the templates allow.
async fn store(cloud: &Cloud) -> DynamoDbStore {
    let credentials = aws_sdk_dynamodb::config::Credentials::new(
        &cloud.credentials.access_key_id,
        &cloud.credentials.secret_access_key,
        None,
        None,
        "test",
    );
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(cloud.url())
        .region(aws_config::Region::new(super::REGION))
        .credentials_provider(credentials)
        .http_client(Builder::new().build_http())
        .load()
        .await;
    DynamoDbStore::new(&config, "payments".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_clients_of_one_table_see_one_order_of_everything() {
    let (cloud, _folder) = with_table(single_items()).await;
    let instances: [Arc<dyn Store>; 3] = [
        Arc::new(store(&cloud).await),
        Arc::new(store(&cloud).await),
        Arc::new(store(&cloud).await),
    ];
    let client = Client::default();
    let workers = (0..WORKERS).map(|worker| {
        let store = instances[worker % instances.len()].clone();
        tokio::spawn(client.clone().work(store, worker, ROUNDS))
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let seen = check(&client.events());
    assert!(seen.held >= ROUNDS, "nobody got anything: {seen:?}");
    assert!(seen.refused > 0, "nobody met anybody: {seen:?}");
    assert!(seen.reads > 0, "nobody saw anything: {seen:?}");
}

#[tokio::test]
async fn a_writing_whose_answer_was_lost_has_been_made() {
    let (cloud, _folder) = with_table(single_items()).await;
    let store = store(&cloud).await;
    let stamp = Stamp::new().unwrap();
    let change = |key: &str| put(key.to_owned(), None);
    assert!(store.change(vec![change("a")], stamp).await.unwrap());
    assert!(store.change(vec![change("a")], stamp).await.unwrap());
    // All or nothing.
    let both = vec![change("b"), change("a")];
    assert!(!store.change(both, Stamp::new().unwrap()).await.unwrap());
    assert_eq!(store.get("b").await.unwrap(), None);
}
