//! An instance of a function that lives in the test: it polls the Runtime API by HTTP, as a `bootstrap` does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::{Instance, StartInstance};
use super::client;

/// Starts instances that do what the path of the event says.
#[derive(Clone)]
pub(super) struct FakeStarter {
    pub name: &'static str,
    /// How an instance behaves before its first event.
    pub birth: Birth,
    pub counts: Arc<Counts>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Birth {
    Good,
    ExitsAtOnce,
    InitError,
}

#[derive(Default)]
pub(super) struct Counts {
    pub started: AtomicU32,
    pub stopped: AtomicU32,
}

impl FakeStarter {
    pub(super) fn new(name: &'static str, birth: Birth) -> FakeStarter {
        FakeStarter {
            name,
            birth,
            counts: Arc::default(),
        }
    }

    pub(super) fn started(&self) -> u32 {
        self.counts.started.load(Ordering::SeqCst)
    }

    pub(super) fn alive(&self) -> u32 {
        self.started() - self.counts.stopped.load(Ordering::SeqCst)
    }
}

impl StartInstance for FakeStarter {
    fn start(
        &self,
        runtime_api: SocketAddr,
        environment: Vec<(String, String)>,
    ) -> BoxFuture<'_, anyhow::Result<Box<dyn Instance>>> {
        async move {
            assert!(
                environment
                    .contains(&("AWS_LAMBDA_RUNTIME_API".to_owned(), runtime_api.to_string()))
            );
            for name in [
                "AWS_LAMBDA_FUNCTION_NAME",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                "AWS_LAMBDA_FUNCTION_VERSION",
            ] {
                assert!(
                    environment
                        .iter()
                        .any(|(variable, value)| variable == name && !value.is_empty()),
                    "{name}"
                );
            }
            let pid = self.counts.started.fetch_add(1, Ordering::SeqCst) + 1;
            let exit = CancellationToken::new();
            let work = poll(
                format!("http://{runtime_api}/2018-06-01/runtime"),
                self.name,
                pid,
                self.birth,
                exit.clone(),
            );
            tokio::spawn(exit.clone().run_until_cancelled_owned(work));
            Ok(Box::new(FakeInstance {
                pid,
                exit,
                counts: Arc::clone(&self.counts),
            }) as Box<dyn Instance>)
        }
        .boxed()
    }
}

struct FakeInstance {
    pid: u32,
    exit: CancellationToken,
    counts: Arc<Counts>,
}

impl Instance for FakeInstance {
    fn pid(&self) -> u32 {
        self.pid
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        async {
            self.exit.cancel();
            self.counts.stopped.fetch_add(1, Ordering::SeqCst);
        }
        .boxed()
    }

    fn exited(&self) -> BoxFuture<'_, String> {
        self.exit
            .cancelled()
            .map(|()| "exit code 1".to_owned())
            .boxed()
    }
}

async fn poll(api: String, name: &'static str, pid: u32, birth: Birth, exit: CancellationToken) {
    let client = client();
    match birth {
        Birth::Good => {}
        Birth::ExitsAtOnce => return exit.cancel(),
        Birth::InitError => {
            let error =
                json!({ "errorType": "Config.Missing", "errorMessage": "PRICE is missing" });
            client
                .post(format!("{api}/init/error"))
                .json(&error)
                .send()
                .await
                .unwrap();
            return exit.cancel();
        }
    }
    loop {
        let next = client
            .get(format!("{api}/invocation/next"))
            .send()
            .await
            .unwrap();
        let header = |name: &str| next.headers()[name].to_str().unwrap().to_owned();
        let id = header("lambda-runtime-aws-request-id");
        assert!(header("lambda-runtime-deadline-ms").parse::<u64>().unwrap() > 1_700_000_000_000);
        assert!(header("lambda-runtime-invoked-function-arn").contains(":function:"));
        assert!(header("lambda-runtime-trace-id").starts_with("Root=1-"));
        let event: Value = next.json().await.unwrap();
        let answer = json!({ "statusCode": 200, "headers": { "content-type": "application/json" }, "cookies": ["a=b"],
                             "body": json!({ "name": name, "pid": pid, "event": event }).to_string() });
        let (place, body) = match event["rawPath"].as_str().unwrap() {
            "/slow" => {
                tokio::time::sleep(Duration::from_millis(400)).await;
                ("response", answer)
            }
            "/hang" => std::future::pending().await,
            "/crash" => return exit.cancel(),
            "/error" => (
                "error",
                json!({ "errorType": "Function.Broken", "errorMessage": "it broke" }),
            ),
            "/plain" => ("response", json!({ "plain": true })),
            "/binary" => (
                "response",
                json!({ "statusCode": 201, "isBase64Encoded": true, "body": "AAH/" }),
            ),
            "/invalid" => ("response", json!({ "statusCode": "many" })),
            "/large" => ("response", json!("x".repeat(6 * 1024 * 1024))),
            _ => ("response", answer),
        };
        let wrong = client
            .post(format!("{api}/invocation/another-id/response"))
            .body("{}")
            .send()
            .await
            .unwrap();
        assert_eq!(wrong.status(), 400);
        let told = client
            .post(format!("{api}/invocation/{id}/{place}"))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert!([202, 413].contains(&told.status().as_u16()));
    }
}
