//! The page in a real browser: one question, one payment, seen as a visitor sees it, and what must not lose a paid answer.

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

    /// Runs a script on the page and returns what it returns.
    async fn script(&self, script: &str) -> serde_json::Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Opens the page of a running system.
    async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
        let balance = self.settled_text("wallet-balance", "USDC").await;
        assert!(balance.contains("USDC"), "{balance}");
    }

    /// What the page has of something, once it has so many; however many it has after 30 s.
    async fn settled_count(&self, selector: &str, expected: usize) -> usize {
        let end = std::time::Instant::now() + Duration::from_secs(30);
        loop {
            let found = self.client.find_all(Locator::Css(selector)).await.unwrap();
            if found.len() == expected || std::time::Instant::now() > end {
                return found.len();
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

/// Does something on the page of a system, in a browser that ends with it.
fn on_the_page<T>(url: &str, act: impl AsyncFnOnce(&Browser) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let browser = Browser::start().await;
        let seen = std::panic::AssertUnwindSafe(async {
            browser.open(url).await;
            act(&browser).await
        });
        let seen = futures_util::FutureExt::catch_unwind(seen).await;
        browser.end().await;
        seen.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
#[ignore = "needs Chromium: cargo xtask test page"]
fn one_question_is_answered_and_paid_on_the_page() {
    let system = System::deployed();
    let url = system.output("frontend", "url");
    let transaction = on_the_page(&url, async |browser| ask_on_the_page(browser).await);
    assert!(transaction.starts_with("0x"), "{transaction}");
    let ledger = system.ledger();
    assert_eq!(ledger.balance(&system.wallet()), GRANT - PRICE);
    assert_eq!(ledger.settlements(), 1);
}

/// Puts a question as a visitor does, in one turn of the page's own thread.
const SUBMIT: &str = "
    globalThis.submit = (question) => {
        const input = document.querySelector('[data-testid=question-input]');
        input.value = question;
        input.dispatchEvent(new Event('input'));
        document.querySelector('[data-testid=send-button]').click();
    };";
const ANSWERED: &str = "[data-role=agent][data-state=done]";

#[test]
#[ignore = "needs Chromium: cargo xtask test page"]
fn what_must_not_lose_a_paid_answer() {
    let system = System::deployed();
    let url = system.output("frontend", "url");
    on_the_page(&url, async |browser| {
        try_again_while_another_answer_runs(browser).await
    });
    assert_eq!(system.ledger().settlements(), 2);
    on_the_page(&url, async |browser| {
        a_receipt_that_cannot_be_drawn(browser).await
    });
    assert_eq!(system.ledger().settlements(), 4);
    on_the_page(&url, async |browser| {
        enter_within_a_composition(browser).await
    });
    assert_eq!(system.ledger().settlements(), 5);
}

/// A failed question's button does nothing while another question is being answered, and works afterwards.
async fn try_again_while_another_answer_runs(browser: &Browser) {
    browser.script(SUBMIT).await;
    browser
        .script(
            "const real = fetch;
             globalThis.fetch = () => { globalThis.fetch = real; return Promise.reject(new TypeError('no network')); };
             submit('What is the weather in Oslo?');",
        )
        .await;
    let again = browser.settled_text("error-action", "Try again").await;
    assert_eq!(again, "Try again");
    // Both in one turn, so that the answer certainly runs.
    let state = browser
        .script(
            "submit('What is the weather in Tokyo?');
             const button = document.querySelector('[data-testid=error-action]');
             button.click();
             return [button.isConnected, button.getAttribute('aria-disabled'), document.querySelectorAll('[data-state=streaming]').length];",
        )
        .await;
    assert_eq!(state, json!([true, "true", 1]), "refused, and said to be");
    assert_eq!(
        browser.settled_count(ANSWERED, 1).await,
        1,
        "the paid answer"
    );
    assert_eq!(browser.settled_text("receipt-amount", "0.01").await, "0.01");
    assert_eq!(browser.settled_count("[data-testid=receipt]", 1).await, 1);
    browser
        .script("document.querySelector('[data-testid=error-action]').click()")
        .await;
    assert_eq!(browser.settled_count(ANSWERED, 2).await, 2);
    assert_eq!(browser.settled_count("[data-testid=receipt]", 2).await, 2);
}

/// Old browsers lack `URL.parse`, a seller's escapes may be bad, and a ticket may fail for any reason.
async fn a_receipt_that_cannot_be_drawn(browser: &Browser) {
    browser.script(SUBMIT).await;
    browser
        .script(
            "URL.parse = undefined;
             globalThis.decodeURI = () => { throw new URIError('a bad escape'); };
             submit('What is the weather in Tokyo?');",
        )
        .await;
    assert_eq!(browser.settled_count(ANSWERED, 1).await, 1);
    let resource = browser.settled_text("receipt-resource", "Tokyo").await;
    assert!(resource.contains("city=Tokyo"), "{resource}");
    browser
        .script(
            "const real = document.createElement.bind(document);
             document.createElement = (tag) => { if (tag === 'section') throw new Error('no tickets'); return real(tag); };
             submit('What is the weather in Oslo?');",
        )
        .await;
    assert_eq!(browser.settled_count(ANSWERED, 2).await, 2, "ended well");
    assert_eq!(browser.settled_count("[data-testid=receipt]", 2).await, 2);
    let plain = browser
        .script("return [...document.querySelectorAll('[data-testid=receipt]')].at(-1).textContent")
        .await;
    let plain = plain.as_str().unwrap();
    assert!(
        plain.starts_with("Paid: ") && plain.contains("0x"),
        "{plain}"
    );
    assert_eq!(browser.settled_count("[data-testid=error]", 0).await, 0);
}

/// The Enter that ends a word in an input method sends nothing, in whichever order a browser tells of it.
async fn enter_within_a_composition(browser: &Browser) {
    browser.script(SUBMIT).await;
    let sent = browser
        .script(
            "const input = document.querySelector('[data-testid=question-input]');
             input.value = 'What is the weather in Tokyo?';
             input.dispatchEvent(new Event('input'));
             const enter = (more) => input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...more }));
             input.dispatchEvent(new CompositionEvent('compositionstart'));
             enter({ isComposing: true });
             enter({ isComposing: true, keyCode: 229 });
             enter({ keyCode: 229 });
             input.dispatchEvent(new CompositionEvent('compositionend'));
             enter({ keyCode: 13 });
             return document.querySelectorAll('[data-testid=message]').length;",
        )
        .await;
    assert_eq!(sent, json!(0));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let input = Locator::Css("[data-testid='question-input']");
    let input = browser.client.find(input).await.unwrap();
    input.send_keys("\u{e007}").await.unwrap();
    assert_eq!(
        browser.settled_count(ANSWERED, 1).await,
        1,
        "an ordinary Enter sends"
    );
    assert_eq!(browser.settled_count("[data-testid=receipt]", 1).await, 1);
}

/// Types a question, watches the answer arrive, and returns the transaction of the receipt.
async fn ask_on_the_page(browser: &Browser) -> String {
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
