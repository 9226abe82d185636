//! Starts the built server as the platform does, with nothing in its environment but its settings.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Settings of a server whose neighbours are all at `url`.
pub(crate) fn settings(url: &str) -> Vec<(String, String)> {
    let settings = [
        ("RESOURCE_SERVER_URL", url),
        ("ENDPOINT_PATH", "/weather"),
        (
            "WALLET_KEY_SECRET_ARN",
            "arn:aws:secretsmanager:us-east-1:000000000000:secret:test/wallet-key",
        ),
        ("NETWORK", "eip155:31337"),
        ("ASSET_ADDRESS", x402::testing::DEVELOPMENT_ASSET_ADDRESS),
        ("ASSET_NAME", "USDC"),
        ("ASSET_VERSION", "2"),
        ("PAY_TO", "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"),
        ("PRICE_LIMIT", "0.05"),
        ("SESSION_LIMIT", "0.50"),
        ("DAY_LIMIT", "2.00"),
        ("CHAIN_RPC_URL", &format!("{url}/chain")),
        ("AWS_ENDPOINT_URL", url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("PORT", "0"),
    ];
    settings
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A running server; it is killed when this is dropped without [`Server::terminate`].
pub(crate) struct Server {
    child: Child,
    reading: JoinHandle<()>,
    log: Arc<Mutex<String>>,
    address: watch::Receiver<Option<String>>,
    /// Where it remembers payments.
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start(settings: impl IntoIterator<Item = (String, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_mcp-server"))
            .env_clear()
            .env("PAYMENTS_FILE", folder.path().join("payments"))
            .envs(settings)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let (tell_address, address) = watch::channel(None);
        let written = Arc::clone(&log);
        let reading = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let value: Value = serde_json::from_str(&line).unwrap();
                if value["message"] == "listening" {
                    tell_address.send_replace(value["address"].as_str().map(str::to_owned));
                }
                *written.lock().unwrap() += &(line + "\n");
            }
        });
        Self {
            child,
            reading,
            log,
            address,
            _folder: folder,
        }
    }

    /// Where it listens, as soon as it does.
    pub(crate) async fn url(&self) -> String {
        let mut address = self.address.clone();
        let address = address
            .wait_for(Option::is_some)
            .await
            .expect("the server listens")
            .clone();
        format!("http://{}", address.unwrap())
    }

    /// Waits until it has logged this.
    pub(crate) async fn logged(&self, text: &str) {
        for _ in 0..500 {
            if self.log.lock().unwrap().contains(text) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{text:?} is not logged: {}", self.log.lock().unwrap());
    }

    /// Asks it to stop, as a platform does, and waits until it has. Returns everything it has logged.
    pub(crate) async fn terminate(mut self) -> String {
        let pid = self.child.id().unwrap().to_string();
        let told = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .await
            .unwrap();
        assert!(told.success() && self.child.wait().await.unwrap().success());
        self.reading.await.unwrap();
        std::mem::take(&mut self.log.lock().unwrap())
    }
}
