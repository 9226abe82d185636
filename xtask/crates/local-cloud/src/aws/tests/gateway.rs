//! Signatures: what passes, and what is refused with which words.

use std::time::{Duration, SystemTime};

use expect_test::expect;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use serde_json::json;

use super::super::{Credentials, Role};
use super::{Cloud, Signer, client, line, send};

const TARGET: (&str, &str) = ("x-amz-target", "secretsmanager.GetSecretValue");
const BODY: &str = r#"{"SecretId":"name"}"#;

async fn cloud() -> Cloud {
    let cloud = Cloud::open().await;
    cloud.aws.put_secret(
        "arn:aws:secretsmanager:us-east-1:000000000000:secret:name-AbCdEf",
        "name",
        "value",
    );
    cloud
}

type Change = (&'static str, fn(&mut Request<Vec<u8>>));

#[tokio::test]
async fn a_request_that_was_changed_on_its_way_is_refused() {
    let cloud = cloud().await;
    let changes: [Change; 11] = [
        ("nothing", |_| {}),
        ("an unsigned header", |request| {
            drop(
                request
                    .headers_mut()
                    .insert("x-extra", HeaderValue::from_static("1")),
            )
        }),
        ("the body", |request| request.body_mut().push(b' ')),
        ("the path", |request| {
            *request.uri_mut() = format!(
                "{}model/m/converse?a=b%20c&d=",
                request.uri().to_string().split('?').next().unwrap()
            )
            .parse()
            .unwrap()
        }),
        ("the query", |request| {
            *request.uri_mut() = request
                .uri()
                .to_string()
                .replace("d=", "d=e")
                .parse()
                .unwrap()
        }),
        ("the method", |request| {
            *request.method_mut() = http::Method::PUT
        }),
        ("a signed header", |request| {
            drop(request.headers_mut().insert(
                TARGET.0,
                HeaderValue::from_static("secretsmanager.DescribeSecret"),
            ))
        }),
        ("a header that must be signed", |request| {
            drop(
                request
                    .headers_mut()
                    .insert("x-amz-extra", HeaderValue::from_static("1")),
            )
        }),
        ("the date", |request| {
            let date = request.headers()["x-amz-date"].to_str().unwrap().to_owned();
            let other = date.replace("Z", "").chars().rev().collect::<String>();
            let last = if other.starts_with('0') { '1' } else { '0' };
            let changed = format!("{}{last}Z", &date[..date.len() - 2]);
            request
                .headers_mut()
                .insert("x-amz-date", HeaderValue::try_from(changed).unwrap());
        }),
        ("the signature", |request| {
            let value = request.headers()[AUTHORIZATION]
                .to_str()
                .unwrap()
                .to_owned();
            let last = if value.ends_with('0') { '1' } else { '0' };
            let changed = format!("{}{last}", &value[..value.len() - 1]);
            request
                .headers_mut()
                .insert(AUTHORIZATION, HeaderValue::try_from(changed).unwrap());
        }),
        ("a token", |request| {
            drop(
                request
                    .headers_mut()
                    .insert("x-amz-security-token", HeaderValue::from_static("1")),
            )
        }),
    ];
    let mut lines = String::new();
    for (what, change) in changes {
        let url = format!("{}/?a=b%20c&d=", cloud.url());
        let mut request =
            Signer::new(&cloud.credentials, "secretsmanager").sign("POST", &url, &[TARGET], BODY);
        change(&mut request);
        let line = line(send(request).await).await;
        let line = line
            .split("\"Name\"")
            .next()
            .unwrap()
            .split("\"ARN\"")
            .next()
            .unwrap();
        lines += &format!("{what}: {line}\n");
    }
    expect![[r#"
        nothing: 200  {
        an unsigned header: 200  {
        the body: 400 InvalidSignatureException The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.
        the path: 400 InvalidSignatureException The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.
        the query: 400 InvalidSignatureException The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.
        the method: 400 InvalidSignatureException The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.
        a signed header: 400 InvalidSignatureException The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.
        a header that must be signed: 400 InvalidSignatureException 'x-amz-extra' must be a 'SignedHeader' in the AWS Authorization.
        the date: 400 InvalidSignatureException The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.
        the signature: 400 InvalidSignatureException The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.
        a token: 400 InvalidSignatureException 'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization.
    "#]]
    .assert_eq(&lines);
}

#[tokio::test]
async fn who_and_when() {
    let cloud = cloud().await;
    let stranger = Credentials {
        access_key_id: "AKIAAAAAAAAAAAAAAAAA".to_owned(),
        secret_access_key: "x".to_owned(),
    };
    let guesser = Credentials {
        secret_access_key: "guess".to_owned(),
        ..cloud.credentials.clone()
    };
    let now = SystemTime::now();
    let url = format!("{}/", cloud.url());
    let early =
        Signer::new(&cloud.credentials, "secretsmanager").at(now - Duration::from_secs(4 * 60));
    assert!(
        line(send(early.sign("POST", &url, &[TARGET], BODY)).await)
            .await
            .starts_with("200")
    );
    let table = [
        (
            Signer::new(&stranger, "secretsmanager"),
            "400 UnrecognizedClientException The security token included in the request is invalid.",
        ),
        (
            Signer::new(&guesser, "secretsmanager"),
            "400 InvalidSignatureException The request signature we calculated does not match the signature you provided.",
        ),
        (
            Signer::new(&cloud.credentials, "secretsmanager").at(now - Duration::from_secs(6 * 60)),
            "400 InvalidSignatureException Signature expired: ",
        ),
        (
            Signer::new(&cloud.credentials, "secretsmanager").at(now + Duration::from_secs(6 * 60)),
            "400 InvalidSignatureException Signature not yet current: ",
        ),
        (
            Signer::new(&cloud.credentials, "bedrock"),
            "400 InvalidSignatureException Credential should be scoped to correct service: 'secretsmanager'.",
        ),
        (
            Signer::new(&cloud.credentials, "s3"),
            "501 NotImplementedException The local cloud has no API of the service 's3'; it has bedrock, bedrock-agentcore, dynamodb, secretsmanager.",
        ),
    ];
    for (signer, expected) in table {
        let line = line(send(signer.sign("POST", &url, &[TARGET], BODY)).await).await;
        assert!(line.starts_with(expected), "{line} is not {expected}");
    }
    let unsigned = client().post(&url).send().await.unwrap();
    assert_eq!(
        line(unsigned).await,
        "403 MissingAuthenticationTokenException Missing Authentication Token"
    );
    let half = client().post(&url).header(
        AUTHORIZATION,
        "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/bedrock/aws4_request, Signature=0",
    );
    assert_eq!(
        line(half.send().await.unwrap()).await,
        "403 IncompleteSignatureException Authorization header requires 'SignedHeaders' parameter."
    );
}

#[tokio::test]
async fn the_hash_of_the_payload() {
    let cloud = cloud().await;
    let url = format!("{}/", cloud.url());
    let digest = |body: &str| hex::encode(<sha2::Sha256 as sha2::Digest>::digest(body));
    let table = [
        (digest(BODY), "200"),
        (
            digest("other"),
            "400 InvalidSignatureException The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
        (
            "UNSIGNED-PAYLOAD".to_owned(),
            "400 InvalidSignatureException The payload must be signed: this service does not take 'UNSIGNED-PAYLOAD' in 'x-amz-content-sha256'.",
        ),
    ];
    for (hash, expected) in table {
        let request = Signer::new(&cloud.credentials, "secretsmanager").sign(
            "POST",
            &url,
            &[TARGET, ("x-amz-content-sha256", &hash)],
            BODY,
        );
        let line = line(send(request).await).await;
        assert!(line.starts_with(expected), "{line} is not {expected}");
    }
}

#[tokio::test]
async fn credentials_belong_to_a_role() {
    let cloud = cloud().await;
    let url = format!("{}/", cloud.url());
    let ask = async |credentials: &Credentials| {
        line(
            send(Signer::new(credentials, "secretsmanager").sign("POST", &url, &[TARGET], BODY))
                .await,
        )
        .await
    };
    let deny = |arn: &str| Role {
        arn: arn.to_owned(),
        name: "caller".to_owned(),
        policies: vec![json!({ "Statement": [] })],
    };
    let arn = "arn:aws:iam::000000000000:role/caller";
    assert_eq!(
        cloud.aws.put_role(deny(arn)),
        cloud.credentials,
        "the same role keeps its credentials"
    );
    assert!(
        ask(&cloud.credentials)
            .await
            .contains("AccessDeniedException"),
        "the new policies count at once"
    );
    let restored = Credentials {
        access_key_id: "AKIARESTORED00000000".to_owned(),
        secret_access_key: "secret".to_owned(),
    };
    cloud.aws.put_role_with(deny(arn), restored.clone());
    assert!(
        ask(&cloud.credentials)
            .await
            .contains("UnrecognizedClientException"),
        "the earlier key is gone"
    );
    assert!(ask(&restored).await.contains("AccessDeniedException"));
    cloud.aws.remove_role(arn);
    assert!(ask(&restored).await.contains("UnrecognizedClientException"));
    assert!(
        !format!("{restored:?}").contains("secret\""),
        "{restored:?}"
    );
}

#[tokio::test]
async fn refusals_are_told_without_secrets() {
    let cloud = cloud().await;
    let mut facts = cloud.aws.events();
    let guesser = Credentials {
        secret_access_key: "guess".to_owned(),
        ..cloud.credentials.clone()
    };
    send(Signer::new(&guesser, "secretsmanager").sign(
        "POST",
        &format!("{}/", cloud.url()),
        &[TARGET],
        BODY,
    ))
    .await;
    let fact = facts.recv().await.unwrap();
    assert_eq!(
        (fact.level, fact.fields["code"].as_str()),
        ("WARN", "InvalidSignatureException")
    );
    assert!(
        fact.message
            .starts_with("refused a request to secretsmanager: "),
        "{}",
        fact.message
    );
    let all = format!("{fact:?}");
    assert!(
        !all.contains("guess") && !all.contains(&cloud.credentials.secret_access_key),
        "{all}"
    );
}

#[tokio::test]
async fn operations_that_we_do_not_have() {
    let cloud = cloud().await;
    let url = format!("{}/guardrails", cloud.url());
    let answer = send(Signer::new(&cloud.credentials, "bedrock").sign("GET", &url, &[], "")).await;
    assert_eq!(
        line(answer).await,
        "404 UnknownOperationException The local cloud has no operation GET /guardrails of the service 'bedrock'."
    );
}
