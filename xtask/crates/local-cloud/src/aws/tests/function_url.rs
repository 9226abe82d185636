//! Function URLs and the Runtime API behind them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use expect_test::expect;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::super::Function;
use super::fake_instance::{Birth, FakeStarter};
use super::{Cloud, Signer, client, eventually, line, role, send, serve};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:turnpike-local-mcp-server";

fn function(starter: &FakeStarter, instances_max: u32) -> Function {
    let starter = Arc::new(starter.clone());
    Function {
        arn: ARN.to_owned(),
        name: "turnpike-local-mcp-server".to_owned(),
        timeout_seconds: 3,
        memory_mib: 256,
        instances_max,
        starter,
    }
}

struct Url {
    cloud: Cloud,
    base: String,
}

async fn url() -> Url {
    let cloud = Cloud::with(json!([
        { "Effect": "Allow", "Action": "lambda:InvokeFunctionUrl", "Resource": ARN, "Condition": { "StringEquals": { "lambda:FunctionUrlAuthType": "AWS_IAM" } } },
        { "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": ARN, "Condition": { "Bool": { "lambda:InvokedViaFunctionUrl": "true" } } },
    ]))
    .await;
    let base = format!("http://{}", serve(cloud.aws.function_url(ARN)).await);
    Url { cloud, base }
}

impl Url {
    async fn get(&self, path: &str) -> reqwest::Response {
        send(Signer::new(&self.cloud.credentials, "lambda").sign(
            "GET",
            &format!("{}{path}", self.base),
            &[],
            "",
        ))
        .await
    }

    async fn body(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }
}

#[tokio::test]
async fn a_request_becomes_an_event_and_an_answer_a_response() {
    let (url, starter) = (url().await, FakeStarter::new("one", Birth::Good));
    assert_eq!(
        line(url.get("/").await).await,
        format!("404 ResourceNotFoundException Function not found: {ARN}")
    );
    url.cloud.aws.put_function(function(&starter, 2));
    eventually("an instance is warm before any event", || {
        starter.started() == 1
    })
    .await;
    let headers = [
        ("content-type", "application/json"),
        ("x-many", "1"),
        ("x-many", "2"),
        ("cookie", "c=d; e=f"),
    ];
    let target = format!("{}/mcp/a%20b?x=1&x=2&y=%26", url.base);
    let response = send(Signer::new(&url.cloud.credentials, "lambda").sign(
        "POST",
        &target,
        &headers,
        r#"{"é":1}"#,
    ))
    .await;
    assert_eq!(response.headers()["set-cookie"], "a=b");
    let request_id = response.headers()["x-amzn-requestid"]
        .to_str()
        .unwrap()
        .to_owned();
    let body: Value = response.json().await.unwrap();
    let event = &body["event"];
    assert_eq!(event["requestContext"]["requestId"], request_id);
    assert!(
        event["headers"].get("authorization").is_none(),
        "the function cannot use the caller's signature"
    );
    assert_eq!(
        event["requestContext"]["domainName"],
        url.base.trim_start_matches("http://")
    );
    let seen = json!({
        "version": event["version"], "path": event["rawPath"], "query": event["rawQueryString"], "parameters": event["queryStringParameters"],
        "cookies": event["cookies"], "many": event["headers"]["x-many"], "body": event["body"], "base64": event["isBase64Encoded"],
        "http": event["requestContext"]["http"], "user": event["requestContext"]["authorizer"]["iam"]["userArn"],
    });
    expect![[r#"
        {
          "base64": false,
          "body": "{\"é\":1}",
          "cookies": [
            "c=d",
            "e=f"
          ],
          "http": {
            "method": "POST",
            "path": "/mcp/a%20b",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": ""
          },
          "many": "1,2",
          "parameters": {
            "x": "1,2",
            "y": "&"
          },
          "path": "/mcp/a%20b",
          "query": "x=1&x=2&y=%26",
          "user": "arn:aws:sts::000000000000:assumed-role/caller/local",
          "version": "2.0"
        }
    "#]]
    .assert_eq(&format!("{seen:#}\n"));
    let binary = Signer::new(&url.cloud.credentials, "lambda").sign(
        "PUT",
        &url.base,
        &[("content-type", "image/png")],
        [0, 1, 255],
    );
    let body: Value = send(binary).await.json().await.unwrap();
    assert_eq!(
        (&body["event"]["body"], &body["event"]["isBase64Encoded"]),
        (&json!("AAH/"), &json!(true))
    );
    assert_eq!(
        starter.started(),
        1,
        "one event after the other needs one instance"
    );

    assert_eq!(url.body("/plain").await, json!({ "plain": true }));
    let binary = url.get("/binary").await;
    assert_eq!(
        (
            binary.status().as_u16(),
            binary.bytes().await.unwrap().to_vec()
        ),
        (201, vec![0, 1, 255])
    );
    url.cloud.aws.stop().await;
    assert_eq!(starter.alive(), 0);
}

#[tokio::test]
async fn only_who_is_signed_and_allowed_gets_through() {
    let (url, starter) = (url().await, FakeStarter::new("one", Birth::Good));
    url.cloud.aws.put_function(function(&starter, 1));
    let forbidden = "403 AccessDeniedException Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";
    assert_eq!(
        line(client().get(&url.base).send().await.unwrap()).await,
        forbidden
    );
    for only in ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"] {
        let mut facts = url.cloud.aws.events();
        let half = url.cloud.aws.put_role(role(
            only,
            json!({ "Effect": "Allow", "Action": only, "Resource": ARN }),
        ));
        assert_eq!(
            line(send(Signer::new(&half, "lambda").sign("GET", &url.base, &[], "")).await).await,
            forbidden,
            "{only}"
        );
        assert!(
            facts
                .recv()
                .await
                .unwrap()
                .message
                .contains("is not authorized to perform: lambda:Invoke"),
            "the log says what is missing"
        );
    }
    let other_service =
        send(Signer::new(&url.cloud.credentials, "execute-api").sign("GET", &url.base, &[], ""))
            .await;
    assert_eq!(
        line(other_service).await,
        "403 InvalidSignatureException Credential should be scoped to correct service: 'lambda'."
    );
    let mut changed =
        Signer::new(&url.cloud.credentials, "lambda").sign("POST", &url.base, &[], "{}");
    changed.body_mut().push(b' ');
    assert!(
        line(send(changed).await)
            .await
            .starts_with("403 InvalidSignatureException The request signature we calculated")
    );
    let large = Signer::new(&url.cloud.credentials, "lambda").sign(
        "POST",
        &url.base,
        &[],
        vec![b'x'; 6 * 1024 * 1024],
    );
    assert!(line(send(large).await).await.starts_with(
        "413 RequestEntityTooLargeException Request must be smaller than 6291456 bytes"
    ));
}

#[tokio::test]
async fn what_functions_do_wrong() {
    let (url, starter) = (url().await, FakeStarter::new("one", Birth::Good));
    url.cloud.aws.put_function(function(&starter, 1));
    let mut lines = String::new();
    // Beside each path, how many instances have been started once it is over: a new one for each that was lost.
    for (path, started) in [
        ("/error", 1),
        ("/invalid", 1),
        ("/large", 1),
        ("/crash", 2),
        ("/hang", 3),
        ("/after", 3),
    ] {
        let response = url.get(path).await;
        let id = response.headers()["x-amzn-requestid"]
            .to_str()
            .unwrap()
            .to_owned();
        let line = line(response).await.replace(&id, "ID");
        lines += &format!("{path}: {}\n", line.split(r#""event""#).next().unwrap());
        eventually("a lost instance is replaced, another is kept", || {
            starter.started() == started && starter.alive() == 1
        })
        .await;
    }
    expect![[r#"
        /error: 502 FunctionError {"errorMessage":"it broke","errorType":"Function.Broken"}
        /invalid: 502 FunctionError {"errorMessage":"the answer does not fit payload format 2.0: invalid type: string \"many\", expected u16","errorType":"Function.InvalidResponse"}
        /large: 502 FunctionError {"errorMessage":"Response payload size exceeded maximum allowed payload size (6291456 bytes).","errorType":"Function.ResponseSizeTooLarge"}
        /crash: 502 FunctionError {"errorMessage":"RequestId: ID Error: Runtime exited with error: exit code 1","errorType":"Runtime.ExitError"}
        /hang: 502 FunctionError {"errorMessage":"RequestId: ID Error: Task timed out after 3.00 seconds","errorType":"Sandbox.Timedout"}
        /after: 200  {
    "#]]
    .assert_eq(&lines);
}

#[tokio::test]
async fn instances_are_added_while_all_are_busy_and_no_further() {
    let (url, starter) = (url().await, FakeStarter::new("one", Birth::Good));
    url.cloud.aws.put_function(function(&starter, 3));
    let begun = Instant::now();
    let bodies = join_all((0..6).map(|_| url.body("/slow"))).await;
    let mut pids: Vec<u64> = bodies
        .iter()
        .map(|body| body["pid"].as_u64().unwrap())
        .collect();
    pids.sort_unstable();
    assert_eq!(
        pids,
        [1, 1, 2, 2, 3, 3],
        "each instance handles one event at a time"
    );
    assert!(
        begun.elapsed() > Duration::from_millis(750),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(starter.alive(), 3);
}

#[tokio::test]
async fn a_replaced_function_finishes_what_it_has() {
    let (url, old, new) = (
        url().await,
        FakeStarter::new("old", Birth::Good),
        FakeStarter::new("new", Birth::Good),
    );
    url.cloud.aws.put_function(function(&old, 1));
    url.body("/").await;
    let (slow, ()) = tokio::join!(url.body("/slow"), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        url.cloud.aws.put_function(function(&new, 1));
        assert_eq!(url.body("/").await["name"], "new");
    });
    assert_eq!(slow["name"], "old");
    eventually("the old instance has gone", || old.alive() == 0).await;
    url.cloud.aws.remove_function(ARN).await;
    assert_eq!(new.alive(), 0);
    assert!(
        line(url.get("/").await)
            .await
            .starts_with("404 ResourceNotFoundException")
    );
}

#[tokio::test]
async fn a_function_that_does_not_start() {
    let table = [
        (
            Birth::ExitsAtOnce,
            r#"502 FunctionError {"errorMessage":"Runtime exited before it asked for an event: exit code 1","errorType":"Runtime.ExitError"}"#,
        ),
        (
            Birth::InitError,
            r#"502 FunctionError {"errorMessage":"PRICE is missing","errorType":"Config.Missing"}"#,
        ),
    ];
    for (birth, expected) in table {
        let (url, starter) = (url().await, FakeStarter::new("bad", birth));
        url.cloud.aws.put_function(function(&starter, 2));
        assert_eq!(line(url.get("/").await).await, expected);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(
            starter.started() < 4,
            "it is not tried again and again at once: {}",
            starter.started()
        );
        url.cloud.aws.stop().await;
        assert_eq!(starter.alive(), 0);
    }
}
