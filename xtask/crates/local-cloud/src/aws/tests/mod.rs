//! The local AWS APIs as their clients see them: real sockets, signatures by `aws-sigv4` and by the SDKs.

#![expect(
    clippy::too_many_lines,
    reason = "the table of one contract belongs together"
)]

mod agentcore;
mod bedrock;
mod conversation;
mod dynamodb;
mod fake_instance;
mod function_url;
mod gateway;
mod secrets;
mod store;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::Router;
use serde_json::{Value, json};

use super::{Aws, Credentials, Role};

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "000000000000";

/// A local AWS on a socket, with one role.
struct Cloud {
    aws: Aws,
    endpoint: SocketAddr,
    credentials: Credentials,
}

impl Cloud {
    /// The role may do everything that `statements` say.
    async fn with(statements: Value) -> Cloud {
        let aws = Aws::new(REGION, ACCOUNT);
        let credentials = aws.put_role(role("caller", statements));
        let endpoint = serve(aws.router()).await;
        Cloud {
            aws,
            endpoint,
            credentials,
        }
    }

    async fn open() -> Cloud {
        Cloud::with(json!({ "Effect": "Allow", "Action": "*", "Resource": "*" })).await
    }

    fn url(&self) -> String {
        format!("http://{}", self.endpoint)
    }
}

fn role(name: &str, statements: Value) -> Role {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    Role {
        arn: format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
        name: name.to_owned(),
        policies: vec![policy],
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A request that is signed the way every SDK signs.
struct Signer<'a> {
    credentials: &'a Credentials,
    service: &'a str,
    time: SystemTime,
}

impl<'a> Signer<'a> {
    fn new(credentials: &'a Credentials, service: &'a str) -> Signer<'a> {
        Signer {
            credentials,
            service,
            time: SystemTime::now(),
        }
    }

    fn at(mut self, time: SystemTime) -> Signer<'a> {
        self.time = time;
        self
    }

    fn sign(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> http::Request<Vec<u8>> {
        let body = body.into();
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.clone()).unwrap();
        let credentials = &self.credentials;
        let identity = aws_credential_types::Credentials::new(
            &credentials.access_key_id,
            &credentials.secret_access_key,
            None,
            None,
            "test",
        )
        .into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(self.service)
            .time(self.time)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let signable = SignableRequest::new(
            method,
            url,
            headers.iter().copied(),
            SignableBody::Bytes(&body),
        )
        .unwrap();
        let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request
    }
}

fn client() -> reqwest::Client {
    super::agentcore::client()
}

async fn send(request: http::Request<Vec<u8>>) -> reqwest::Response {
    let request = reqwest::Request::try_from(request).unwrap();
    client().execute(request).await.unwrap()
}

/// Status, error type and message of an answer, as one line.
async fn line(response: reqwest::Response) -> String {
    let status = response.status().as_u16();
    let kind = response
        .headers()
        .get("x-amzn-errortype")
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default();
    assert!(
        response.headers().contains_key("x-amzn-requestid"),
        "every answer has a request id"
    );
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    let message = body
        .get("message")
        .or(body.get("Message"))
        .and_then(Value::as_str)
        .map_or_else(|| body.to_string(), str::to_owned);
    format!("{status} {kind} {message}")
}

/// SDK settings for the local cloud; each SDK's `Config` has the same builder methods, but no common trait.
macro_rules! sdk_client {
    ($sdk:ident, $cloud:expr) => {{
        use $sdk::config::{BehaviorVersion, Credentials, Region};
        let credentials = &$cloud.credentials;
        let configuration = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new($crate::aws::tests::REGION))
            .endpoint_url($cloud.url())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(Credentials::new(
                &credentials.access_key_id,
                &credentials.secret_access_key,
                None,
                None,
                "test",
            ))
            .build();
        $sdk::Client::from_conf(configuration)
    }};
}
use sdk_client;

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came true that {what}");
}
