//! Secrets Manager, by its SDK.

use serde_json::json;

use super::{ACCOUNT, Cloud, REGION, sdk_client};

const NAME: &str = "turnpike-local/mcp-server/WALLET_KEY";

fn arn() -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{NAME}-AbCdEf")
}

#[tokio::test]
async fn a_secret_is_read_by_arn_and_by_name() {
    let cloud = Cloud::with(
        json!({ "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn() }),
    )
    .await;
    cloud.aws.put_secret(&arn(), NAME, "0123abcd");
    let client = sdk_client!(aws_sdk_secretsmanager, cloud);
    let mut versions = Vec::new();
    for id in [
        arn(),
        NAME.to_owned(),
        arn().trim_end_matches("-AbCdEf").to_owned(),
    ] {
        let secret = client
            .get_secret_value()
            .secret_id(&id)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (secret.secret_string(), secret.arn(), secret.name()),
            (Some("0123abcd"), Some(&*arn()), Some(NAME)),
            "{id}"
        );
        versions.push(secret.version_id().unwrap().to_owned());
    }
    cloud.aws.put_secret(&arn(), NAME, "0123abcd");
    let same = client
        .get_secret_value()
        .secret_id(NAME)
        .version_id(&versions[0])
        .version_stage("AWSCURRENT")
        .send()
        .await
        .unwrap();
    assert_eq!(
        same.version_id(),
        Some(&*versions[0]),
        "the same value is not a new version"
    );

    let staging = client
        .get_secret_value()
        .secret_id(NAME)
        .version_stage("AWSPREVIOUS")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(staging.is_resource_not_found_exception(), "{staging:?}");
    let describe = client
        .describe_secret()
        .secret_id(NAME)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert_eq!(
        describe.meta().message(),
        Some(&*format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/caller/local is not authorized to perform: secretsmanager:DescribeSecret on resource: {} because no identity-based policy allows the secretsmanager:DescribeSecret action",
            arn()
        ))
    );
    let other = client
        .get_secret_value()
        .secret_id("something-else")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert_eq!(
        other.meta().code(),
        Some("AccessDeniedException"),
        "who may not read does not learn what exists"
    );
}

#[tokio::test]
async fn a_secret_that_is_not_there() {
    let cloud = Cloud::open().await;
    let client = sdk_client!(aws_sdk_secretsmanager, cloud);
    cloud.aws.put_secret(&arn(), NAME, "0123abcd");
    assert_eq!(
        client
            .describe_secret()
            .secret_id(NAME)
            .send()
            .await
            .unwrap()
            .name(),
        Some(NAME)
    );
    cloud.aws.remove_secret(&arn());
    let error = client
        .get_secret_value()
        .secret_id(NAME)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    assert_eq!(
        error.meta().message(),
        Some("Secrets Manager can't find the specified secret.")
    );
    let create = client
        .create_secret()
        .name("x")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert_eq!(
        create.meta().message(),
        Some(
            "The local cloud has no operation 'CreateSecret' of Secrets Manager; it has GetSecretValue and DescribeSecret."
        )
    );
}
