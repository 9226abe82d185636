//! The official clients in a real browser, on a page of another origin: it is the browser that decides by its preflights whether
//! they may pay us. And what a person does who is led to a sold URL.

use crate::node::Node;
use crate::peers::{Bank, KEY, assert_bought, assert_receipt, script};
use crate::process::{Process, run, tool};
use axum::Router;
use axum::response::Html;
use axum::routing::{get, post};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;
use url::Url;

/// One file of the script and all that it imports.
fn bundled(name: &str) -> String {
    let source = script(name);
    let bundle = PathBuf::from(&source).with_extension("bundle.js");
    let program = format!("{}/node_modules/.bin/esbuild", tool("TURNPIKE_TEST_PEERS"));
    let out = format!("--outfile={}", bundle.display());
    let arguments = [
        &source,
        "--bundle",
        "--format=esm",
        "--log-level=error",
        &out,
    ];
    run(&program, &arguments, &[]);
    std::fs::read_to_string(bundle).unwrap()
}

/// A page with this script, at an origin of its own, and what the script tells it.
async fn page(javascript: String) -> (Url, mpsc::Receiver<String>) {
    let (sender, told) = mpsc::channel(1);
    let tell = async move |body: String| {
        sender.send(body).await.ok();
    };
    let router = Router::new()
        .route("/", get(async || Html("<!doctype html><title>A page</title><script type=\"module\" src=\"/script.js\"></script>")))
        .route("/script.js", get(async || ([("content-type", "text/javascript")], javascript)))
        .route("/told", post(tell));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (Url::parse(&url).unwrap(), told)
}

/// Opens the page in a fresh profile and waits for what its script has to tell.
async fn buy(bank: &Bank, shop: &Url, script: &str, client: &str) -> Value {
    let (mut url, mut told) = page(bundled(script)).await;
    assert_ne!(url.origin(), shop.origin());
    let names = [
        ("URL", "url"),
        ("KEY", "key"),
        ("NETWORK", "network"),
        ("ASSET", "asset"),
    ];
    let settings = bank.told(shop);
    for (name, parameter) in names {
        let (_, value) = settings.iter().find(|(known, _)| *known == name).unwrap();
        url.query_pairs_mut().append_pair(parameter, value);
    }
    url.query_pairs_mut().append_pair("client", client);
    let profile = tempfile::tempdir().unwrap();
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--log-level=3",
        &format!("--user-data-dir={}", profile.path().display()),
        url.as_str(),
    ];
    let home = ("HOME", profile.path().display().to_string());
    let _browser = Process::start(&tool("TURNPIKE_TEST_CHROMIUM"), &arguments, &[home]);
    let told = tokio::time::timeout(Duration::from_secs(60), told.recv()).await;
    serde_json::from_str(&told.unwrap().unwrap()).unwrap()
}

async fn buys_on_a_page(client: &str) {
    let bank = Bank::ledger();
    let (_shop, url) = bank.shop();
    let told = buy(&bank, &url, "browser.mjs", client).await;
    let answer = assert_bought(&told.to_string());
    assert_receipt(&answer, "eip155:31337");
    bank.assert_paid(1).await;
}

#[tokio::test]
#[ignore = "needs @x402/fetch and Chromium: cargo xtask test payments"]
async fn x402_fetch_buys_from_us_on_a_page() {
    buys_on_a_page("fetch").await;
}

#[tokio::test]
#[ignore = "needs @x402/axios and Chromium: cargo xtask test payments"]
async fn x402_axios_buys_from_us_on_a_page() {
    buys_on_a_page("axios").await;
}

#[tokio::test]
#[ignore = "needs x402-fetch, anvil and Chromium: cargo xtask test payments"]
async fn x402_fetch_version_1_buys_from_us_on_a_page() {
    let bank = Bank::chain(Node::as_base_sepolia().await).await;
    let (_shop, url) = bank.shop();
    let told = buy(&bank, &url, "browser-v1.mjs", "fetch").await;
    let answer = assert_bought(&told.to_string());
    assert_receipt(&answer, "base-sepolia");
    bank.assert_paid(1).await;
}

/// What the page of a 402 tells a person to do.
#[tokio::test]
#[ignore = "needs @x402/fetch: cargo xtask test payments"]
async fn the_script_on_the_page_of_a_402_buys() {
    let bank = Bank::ledger();
    let (_shop, url) = bank.shop();
    let request = runtime::http::client().get(url);
    let request = request
        .header("accept", "text/html")
        .header("user-agent", "Mozilla/5.0");
    let page = request.send().await.unwrap();
    assert_eq!(page.status().as_u16(), 402);
    let page = page.text().await.unwrap();
    let (_, script) = page.split_once("<code id=\"buy\">").unwrap();
    let (script, _) = script.split_once("</code>").unwrap();
    let script = script
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&gt;", ">")
        .replace("&lt;", "<")
        .replace("&amp;", "&");
    // Modules are looked for in the folders above a script.
    let folder = PathBuf::from(tool("TURNPIKE_TEST_PEERS")).join("scripts");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("from-the-page.mjs");
    std::fs::write(&file, script).unwrap();
    let told = [("KEY", KEY.to_owned())];
    let answer = run(
        &tool("TURNPIKE_TEST_NODE"),
        &[&file.display().to_string()],
        &told,
    );
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["city"], "Tokyo");
    bank.assert_paid(1).await;
}
