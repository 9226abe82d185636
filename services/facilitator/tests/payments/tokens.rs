//! Tokens for a hosted facilitator, read by somebody else's code: `peers/token-reader.mjs` says by which rules.

use crate::process::{Process, tests_folder, tool};
use axum::Router;
use axum::http::{HeaderMap, Uri};
use std::sync::{Arc, Mutex};
use url::Url;
use x402::facilitator::{Credentials, HttpFacilitator, Support};

const NETWORK: &str = "eip155:84532";

/// A reader of tokens, which has made a key of its own.
struct Reader {
    _process: Process,
    url: Url,
    /// JSON, as it is brought to a service.
    key: String,
}

impl Reader {
    fn start(kind: &str, clock_ahead_seconds: i64) -> Self {
        let script = tests_folder().join("peers/token-reader.mjs");
        let pairs = [
            ("KIND", kind.to_owned()),
            ("CLOCK_AHEAD_SECONDS", clock_ahead_seconds.to_string()),
            ("NETWORK", NETWORK.to_owned()),
        ];
        let process = Process::start(
            &tool("TURNPIKE_TEST_NODE"),
            &[script.to_str().unwrap()],
            &pairs,
        );
        let key = process.line_with("key ");
        let port = process.line_with("port ");
        Self {
            _process: process,
            url: Url::parse(&format!("http://127.0.0.1:{port}/x402")).unwrap(),
            key,
        }
    }

    /// Whether somebody with this key is told what is supported, or why not.
    async fn told(&self, key: &str) -> Result<(), String> {
        let facilitator = HttpFacilitator::new(runtime::http::client(), &self.url)
            .with_credentials(Credentials::coinbase(key).unwrap());
        match facilitator.supports(NETWORK, "exact").await {
            Support::Supported => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }

    /// The same request with a token that was made for another server, as a thief would send it.
    async fn replayed(
        &self,
        method: reqwest::Method,
        path: &str,
        stolen: &(String, String),
    ) -> String {
        let (host, token) = stolen;
        let response = runtime::http::client()
            .request(method, self.url.join(path).unwrap())
            .header("host", host)
            .header("authorization", token)
            .send()
            .await
            .unwrap();
        format!(
            "{} {}",
            response.status().as_u16(),
            response.text().await.unwrap()
        )
    }
}

/// The host and the token of a request for what is supported that was sent with this key.
async fn stolen(key: &str) -> (String, String) {
    let heard: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
    let hears = heard.clone();
    let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap| async move {
        assert_eq!(uri.path(), "/x402/supported");
        hears.lock().unwrap().push(headers);
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x402", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    HttpFacilitator::new(runtime::http::client(), &Url::parse(&url).unwrap())
        .with_credentials(Credentials::coinbase(key).unwrap())
        .supports(NETWORK, "exact")
        .await;
    let heard = heard.lock().unwrap();
    let text = |name: &str| heard[0][name].to_str().unwrap().to_owned();
    (text("host"), text("authorization"))
}

#[tokio::test]
#[ignore = "needs Node: cargo xtask test payments"]
async fn tokens_are_taken_by_somebody_elses_reader_for_one_request_only() {
    for kind in ["ed25519", "sec1", "pkcs8"] {
        let reader = Reader::start(kind, 0);
        reader.told(&reader.key).await.unwrap();
        reader.told(&reader.key).await.unwrap();

        let other = Reader::start(kind, 0);
        let refused = reader.told(&other.key).await.unwrap_err();
        assert!(refused.contains("signature"), "{kind}: {refused}");
        for (ahead, kind) in [(130, kind), (-60, kind)] {
            let reader = Reader::start(kind, ahead);
            let refused = reader.told(&reader.key).await.unwrap_err();
            assert!(refused.contains("time"), "{kind}, {ahead} s: {refused}");
        }

        let (get, post) = (reqwest::Method::GET, reqwest::Method::POST);
        let token = stolen(&reader.key).await;
        let answer = reader
            .replayed(get.clone(), "/x402/supported", &token)
            .await;
        assert!(answer.starts_with("200 "), "{kind}: {answer}");
        let again = reader
            .replayed(get.clone(), "/x402/supported", &token)
            .await;
        assert!(
            again.starts_with("401 ") && again.contains("nonce"),
            "{kind}: {again}"
        );
        for (method, path) in [(post, "/x402/supported"), (get, "/x402/settle")] {
            let token = stolen(&reader.key).await;
            let answer = reader.replayed(method, path, &token).await;
            assert!(
                answer.starts_with("401 ") && answer.contains("uris"),
                "{kind}: {answer}"
            );
        }
        let elsewhere = (
            "api.cdp.coinbase.com".to_owned(),
            stolen(&reader.key).await.1,
        );
        let answer = reader
            .replayed(reqwest::Method::GET, "/x402/supported", &elsewhere)
            .await;
        assert!(answer.contains("uris"), "{kind}: {answer}");
    }
}
