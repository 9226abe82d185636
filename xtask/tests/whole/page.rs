//! The page in a real browser: one question, one payment, seen as a visitor sees it.

use std::process::Stdio;
use std::time::Duration;

use crate::common::{GRANT, PRICE, System};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;

/// A WebDriver of our own on a free port, with an empty profile; ended with the test.
struct Browser {
    driver: std::process::Child,
    client: Client,
    #[expect(dead_code, reason = "the profile goes away with the browser")]
    profile: tempfile::TempDir,
}

impl Browser {
    #[expect(clippy::disallowed_methods, reason = "a test plays the user")]
    async fn start() -> Self {
        let variable = |name: &str| {
            std::env::var(name)
                .unwrap_or_else(|_| panic!("{name} is not set; run cargo xtask test page"))
        };
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let driver = std::process::Command::new(variable("TURNPIKE_TEST_CHROMEDRIVER"))
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let profile = tempfile::tempdir().unwrap();
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1200,900",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let options = json!({ "binary": variable("TURNPIKE_TEST_CHROMIUM"), "args": arguments });
        let capabilities = json!({ "goog:chromeOptions": options })
            .as_object()
            .unwrap()
            .clone();
        let mut builder =
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities);
        let mut tries = 0;
        let client = loop {
            match builder.connect(&format!("http://127.0.0.1:{port}")).await {
                Ok(client) => break client,
                Err(error) if tries > 100 => panic!("chromedriver does not answer: {error}"),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        Self {
            driver,
            client,
            profile,
        }
    }

    /// The text of the element with this `data-testid`, once it holds what it should; whatever it holds after 30 s.
    async fn settled_text(&self, id: &str, expected: &str) -> String {
        let selector = format!("[data-testid='{id}']");
        let end = std::time::Instant::now() + Duration::from_secs(30);
        loop {
            let text = match self.client.find(Locator::Css(&selector)).await {
                Ok(element) => element.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if text.contains(expected) || std::time::Instant::now() > end {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn end(mut self) {
        drop(self.client.clone().close().await);
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

#[test]
#[ignore = "needs Chromium: cargo xtask test page"]
fn one_question_is_answered_and_paid_on_the_page() {
    let system = System::deployed();
    let url = system.output("frontend", "url");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let transaction = runtime.block_on(async {
        let browser = Browser::start().await;
        let seen = std::panic::AssertUnwindSafe(ask_on_the_page(&browser, &url));
        let seen = futures_util::FutureExt::catch_unwind(seen).await;
        browser.end().await;
        seen.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    assert!(transaction.starts_with("0x"), "{transaction}");
    let ledger = system.ledger();
    assert_eq!(ledger.balance(&system.wallet()), GRANT - PRICE);
    assert_eq!(ledger.settlements(), 1);
}

/// Types a question, watches the answer arrive, and returns the transaction of the receipt.
async fn ask_on_the_page(browser: &Browser, url: &str) -> String {
    browser.client.goto(url).await.unwrap();
    assert_eq!(
        browser.settled_text("wallet-balance", "10.00").await,
        "10.00 USDC"
    );
    let input = browser
        .client
        .find(Locator::Css("[data-testid='question-input']"))
        .await
        .unwrap();
    input
        .send_keys("What is the weather in Tokyo?")
        .await
        .unwrap();
    browser
        .client
        .find(Locator::Css("[data-testid='send-button']"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    assert_eq!(browser.settled_text("receipt-amount", "0.01").await, "0.01");
    let answer = browser.settled_text("answer", "°").await;
    assert!(answer.contains("Tokyo"), "{answer}");
    assert_eq!(
        browser.settled_text("wallet-balance", "9.99").await,
        "9.99 USDC"
    );
    assert_eq!(
        browser.settled_text("model", "offline").await,
        "offline model"
    );
    assert_eq!(
        browser
            .client
            .find_all(Locator::Css("[data-testid='error']"))
            .await
            .unwrap()
            .len(),
        0
    );
    if let Some(path) = std::env::var_os("TURNPIKE_TEST_SCREENSHOT") {
        std::fs::write(path, browser.client.screenshot().await.unwrap()).unwrap();
    }
    let receipt = browser
        .client
        .find(Locator::Css("[data-testid='receipt']"))
        .await
        .unwrap();
    receipt
        .attr("data-transaction")
        .await
        .unwrap()
        .unwrap_or_default()
}
