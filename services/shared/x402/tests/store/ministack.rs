//! A DynamoDB on this machine: MiniStack in a process of its own.

use super::history::put;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use x402::store::{DynamoDbStore, Stamp, Store};

const TABLE: &str = "payments";

/// Killed when it is dropped.
pub(crate) struct Emulator {
    _process: Child,
    _folder: tempfile::TempDir,
    config: aws_config::SdkConfig,
}

impl Emulator {
    pub(crate) async fn start() -> Self {
        let python = std::env::var("TURNPIKE_TEST_MINISTACK_PYTHON")
            .expect("TURNPIKE_TEST_MINISTACK_PYTHON names the Python that has ministack");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new(python)
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
        let endpoint = format!("http://127.0.0.1:{port}");
        let config = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .region(aws_config::Region::new("us-east-1"))
            .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
                aws_sdk_dynamodb::config::Credentials::new("test", "test", None, None, "test"),
            ))
            .http_client(runtime::aws::config().await.http_client().unwrap())
            .sleep_impl(runtime::aws::config().await.sleep_impl().unwrap())
            .build();
        let emulator = Self {
            _process: process,
            _folder: folder,
            config,
        };
        emulator.ready(&endpoint).await;
        emulator.make_table().await;
        emulator
    }

    async fn ready(&self, endpoint: &str) {
        let client = runtime::http::client();
        for _ in 0..300 {
            let asked = client.get(format!("{endpoint}/_ministack/health"));
            if asked
                .send()
                .await
                .is_ok_and(|answer| answer.status() == 200)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("MiniStack does not get ready");
    }

    /// As the templates make it.
    async fn make_table(&self) {
        let attribute = AttributeDefinition::builder()
            .attribute_name("id")
            .attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder()
            .attribute_name("id")
            .key_type(KeyType::Hash);
        Client::new(&self.config)
            .create_table()
            .table_name(TABLE)
            .attribute_definitions(attribute.build().unwrap())
            .key_schema(key.build().unwrap())
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await
            .unwrap();
    }

    pub(crate) fn store(&self) -> DynamoDbStore {
        DynamoDbStore::new(&self.config, TABLE.to_owned())
    }
}

/// What the linearizability check does not show.
pub(crate) async fn what_a_table_does(emulator: &Emulator) {
    let store = emulator.store();
    let stamp = Stamp::new().unwrap();
    let change = |key: &str| put(key.to_owned(), None);
    assert!(store.change(vec![change("a")], stamp).await.unwrap());
    let found = store.get("a").await.unwrap().unwrap();
    assert_eq!((found.stamp, &found.value[..]), (stamp, &b"value"[..]));
    // All or nothing.
    let both = vec![change("b"), change("a")];
    assert!(!store.change(both, Stamp::new().unwrap()).await.unwrap());
    assert_eq!(store.get("b").await.unwrap(), None);
    // The same writing, sent again because its answer was lost, has been made.
    assert!(store.change(vec![change("a")], stamp).await.unwrap());
    // The attribute by which the table forgets.
    let item = Client::new(&emulator.config)
        .get_item()
        .table_name(TABLE)
        .key(
            "id",
            aws_sdk_dynamodb::types::AttributeValue::S("a".to_owned()),
        )
        .send()
        .await
        .unwrap();
    let expires_at = item.item.unwrap()["expires_at"].as_n().unwrap().clone();
    assert!(expires_at.parse::<u64>().unwrap() > x402::now_seconds());
    // A table that is not there is an error, and no answer.
    let elsewhere = DynamoDbStore::new(&emulator.config, "nothing".to_owned());
    assert!(elsewhere.get("a").await.is_err());
}
