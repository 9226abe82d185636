//! DynamoDB, by its SDK, and as the store of payments uses it.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use serde_json::{Value, json};
use tables::{Definition, Key};

use super::{ACCOUNT, Cloud, REGION, sdk_client};

fn arn(table: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}")
}

/// A cloud with a table `payments`, whose role may do `statements`.
pub(super) async fn with_table(statements: Value) -> (Cloud, tempfile::TempDir) {
    let cloud = Cloud::with(statements).await;
    let folder = tempfile::tempdir().unwrap();
    let table = Definition {
        name: "payments".to_owned(),
        arn: arn("payments"),
        partition_key: Key {
            name: "id".to_owned(),
            kind: "S".to_owned(),
        },
        sort_key: None,
        expires_by: Some("expires_at".to_owned()),
        indexes: Vec::new(),
    };
    let file = folder.path().join("tables.redb");
    cloud.aws.put_table(&file, table).unwrap();
    (cloud, folder)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// The statement of the templates: single items of one table, and transactions of them.
pub(super) fn single_items() -> Value {
    json!({
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"],
        "Resource": arn("payments"),
    })
}

#[tokio::test]
async fn a_refused_condition_comes_with_the_item() {
    let (cloud, _folder) = with_table(single_items()).await;
    let client = sdk_client!(aws_sdk_dynamodb, cloud);
    let put = || {
        client
            .put_item()
            .table_name("payments")
            .item("id", text("a"))
            .condition_expression("attribute_not_exists(id)")
    };
    put().send().await.unwrap();
    let error = put()
        .return_values_on_condition_check_failure("ALL_OLD".into())
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(
        refused,
    ) = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(refused.item().unwrap()["id"], text("a"));
    assert_eq!(refused.message(), Some("The conditional request failed"));
}

#[tokio::test]
async fn a_canceled_transaction_says_why_for_each_part() {
    let (cloud, _folder) = with_table(single_items()).await;
    let client = sdk_client!(aws_sdk_dynamodb, cloud);
    let part = |id: &str| {
        let put = Put::builder()
            .table_name("payments")
            .item("id", text(id))
            .condition_expression("attribute_not_exists(id)");
        TransactWriteItem::builder()
            .put(put.build().unwrap())
            .build()
    };
    let first = client
        .transact_write_items()
        .transact_items(part("a"))
        .client_request_token("one");
    // A repeat of the same request, whose answer was lost, is answered as the first was.
    first.clone().send().await.unwrap();
    first.send().await.unwrap();
    let error = client
        .transact_write_items()
        .transact_items(part("b"))
        .transact_items(part("a"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(canceled) = error else {
        panic!("{error:?}");
    };
    let codes: Vec<_> = canceled
        .cancellation_reasons()
        .iter()
        .map(|reason| reason.code())
        .collect();
    assert_eq!(codes, [Some("None"), Some("ConditionalCheckFailed")]);
}

#[tokio::test]
async fn the_callers_policies_decide_before_anything_is_looked_up() {
    let (cloud, _folder) = with_table(single_items()).await;
    let client = sdk_client!(aws_sdk_dynamodb, cloud);
    let scan = client.scan().table_name("payments").send().await;
    let error = scan.unwrap_err().into_service_error();
    assert_eq!(
        error.meta().message(),
        Some(&*format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/caller/local is not authorized to perform: dynamodb:Scan on resource: {} because no identity-based policy allows the dynamodb:Scan action",
            arn("payments")
        ))
    );
    assert_eq!(error.meta().code(), Some("AccessDeniedException"));
    let other = client
        .get_item()
        .table_name("somebody-elses")
        .key("id", text("a"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert_eq!(other.meta().code(), Some("AccessDeniedException"));

    let (cloud, _folder) =
        with_table(json!({ "Effect": "Allow", "Action": "*", "Resource": "*" })).await;
    let client = sdk_client!(aws_sdk_dynamodb, cloud);
    let error = client
        .get_item()
        .table_name("nothing")
        .key("id", text("a"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    let named = client
        .get_item()
        .table_name(arn("payments"))
        .key("id", text("a"))
        .send();
    assert_eq!(named.await.unwrap().item, None);
}

#[tokio::test]
async fn a_wrong_signature_is_refused_as_dynamodb_does() {
    let (mut cloud, _folder) = with_table(single_items()).await;
    cloud.credentials.secret_access_key = "another".to_owned();
    let client = sdk_client!(aws_sdk_dynamodb, cloud);
    let error = client
        .get_item()
        .table_name("payments")
        .key("id", text("a"))
        .send()
        .await
        .unwrap_err();
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    assert_eq!(status, Some(400));
    let error = error.into_service_error();
    assert_eq!(error.meta().code(), Some("InvalidSignatureException"));
}
