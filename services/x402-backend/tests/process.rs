//! The built program, and a buyer: it is told to stop while it sells, it refuses a payment, and its asset is not USDC.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod program;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use facilitator::ledger::Ledger;
use program::{PAY_TO, asset, spawn, start};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use url::Url;
use x402::chain::{Chain, Rpc};
use x402::client::{Limits, PayError, PayingClient, Policy};
use x402::store::MemoryStore;
use x402::wallet::Wallet;
use x402::{Asset, U256};

/// The time that a program has which nobody has told how long it answers for, and more.
const SETTLES_FOR: Duration = Duration::from_secs(12);

/// A real facilitator that moves the money and is slow to say so.
async fn slow_facilitator(ledger: Ledger, moved: Arc<Notify>, settles_for: Duration) -> String {
    let slow = from_fn(move |request: Request, next: Next| {
        let moved = Arc::clone(&moved);
        async move {
            let settles = request.uri().path() == "/settle";
            let answer = next.run(request).await;
            if settles {
                moved.notify_one();
                tokio::time::sleep(settles_for).await;
            }
            answer
        }
    });
    listen(facilitator::router(ledger).layer(slow)).await
}

async fn listen(router: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn tell_to_stop(process: &Child) {
    let pid = process.id().unwrap().to_string();
    let told = Command::new("kill").args(["-TERM", &pid]).status().await;
    assert!(told.unwrap().success());
}

/// A wallet that asks the chain what became of its payments.
fn buyer(seller: &Url, chain: &str, asset: Asset) -> PayingClient {
    let policy = Policy {
        origin: seller.origin(),
        asset,
        pay_to: PAY_TO.parse().unwrap(),
        amount_max: U256::MAX,
    };
    let client = runtime::http::client();
    let chain = Rpc::new(client.clone(), chain.parse().unwrap());
    let wallet = Wallet::random().unwrap();
    let store = Arc::new(MemoryStore::default());
    let chain = Some(Arc::new(chain) as Arc<dyn Chain>);
    PayingClient::with_budget(client, wallet, policy, Limits::NONE, store, chain).unwrap()
}

/// A connection that has been used, and one that has not: what a load balancer keeps.
async fn idle(url: &Url) -> [TcpStream; 2] {
    let address = url.socket_addrs(|| None).unwrap()[0];
    let mut used = TcpStream::connect(address).await.unwrap();
    let ask = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n";
    used.write_all(ask).await.unwrap();
    assert!(used.read(&mut [0; 1024]).await.unwrap() > 0);
    [used, TcpStream::connect(address).await.unwrap()]
}

#[tokio::test]
async fn a_sale_that_is_under_way_gets_its_answer_and_idle_connections_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.ndjson");
    let ledger = Ledger::open(&file, asset(6), U256::from(1_000_000)).unwrap();
    let moved = Arc::new(Notify::new());
    let facilitator = slow_facilitator(ledger.clone(), Arc::clone(&moved), SETTLES_FOR).await;
    let (mut process, url) = start(&facilitator, folder.path(), &asset(6), "0.01").await;
    let buyer = buyer(&url, &facilitator, asset(6));
    let resource = url.join("weather?city=Tokyo").unwrap();
    let buying = tokio::spawn(async move { buyer.get(resource).await });
    moved.notified().await;
    let _idle = idle(&url).await;
    tell_to_stop(&process).await;

    let paid = buying.await.unwrap().unwrap();
    let answered = Instant::now();
    assert_eq!(paid.status.as_u16(), 200);
    assert_eq!(paid.receipt.unwrap().amount, "10000");
    let ended = tokio::time::timeout(Duration::from_secs(10), process.wait()).await;
    assert!(
        ended.unwrap().unwrap().success(),
        "{:?}",
        answered.elapsed()
    );
    let seller = PAY_TO.parse().unwrap();
    assert_eq!(ledger.balance(seller), U256::from(1_010_000));
}

#[tokio::test]
async fn a_sale_whose_buyer_has_hung_up_runs_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.ndjson");
    let ledger = Ledger::open(&file, asset(6), U256::from(1_000_000)).unwrap();
    let moved = Arc::new(Notify::new());
    let settles_for = Duration::from_secs(4);
    let facilitator = slow_facilitator(ledger, Arc::clone(&moved), settles_for).await;
    let (mut process, url) = start(&facilitator, folder.path(), &asset(6), "0.01").await;
    let buyer = buyer(&url, &facilitator, asset(6));
    let resource = url.join("weather?city=Tokyo").unwrap();
    let buying = tokio::spawn(async move { buyer.get(resource).await });
    moved.notified().await;
    let begun = Instant::now();
    buying.abort();
    tell_to_stop(&process).await;
    let ended = tokio::time::timeout(Duration::from_secs(30), process.wait()).await;
    assert!(ended.unwrap().unwrap().success());
    let took = begun.elapsed();
    assert!(took >= settles_for / 2, "it was cut off after {took:?}");
}

#[tokio::test]
async fn a_refusal_is_told_soon_and_the_amount_stays_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.ndjson");
    // Less than the price: the seller's facilitator refuses.
    let ledger = Ledger::open(&file, asset(6), U256::from(9_999)).unwrap();
    let facilitator = listen(facilitator::router(ledger)).await;
    let (_process, url) = start(&facilitator, folder.path(), &asset(6), "0.01").await;
    let buyer = buyer(&url, &facilitator, asset(6));
    let asked = Instant::now();
    let refused = buyer.get(url.join("weather?city=Tokyo").unwrap()).await;
    let took = asked.elapsed();
    let Err(PayError::OutcomeUnknown {
        problem,
        valid_before,
        ..
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert!(problem.contains("insufficient_balance"), "{problem}");
    // Waiting for the chain as after a lost answer would take four seconds more.
    assert!(took < Duration::from_secs(3), "{took:?}");
    let account = buyer.account("").await.unwrap();
    assert_eq!(account.open, U256::from(10_000));
    let seconds = valid_before - x402::now_seconds();
    assert!(
        (50..=60).contains(&seconds),
        "as long as the offer says: {seconds}"
    );
}

#[tokio::test]
async fn an_asset_of_eighteen_decimals_is_exact_to_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.ndjson");
    let asset = asset(18);
    // More than 64 bits hold, and a last digit that no floating point number has.
    let (price, atomic) = ("20.000000000000000001", "20000000000000000001");
    let grant: U256 = "50000000000000000000".parse().unwrap();
    let ledger = Ledger::open(&file, asset.clone(), grant).unwrap();
    let facilitator = listen(facilitator::router(ledger.clone())).await;
    let (_process, url) = start(&facilitator, folder.path(), &asset, price).await;
    let buyer = buyer(&url, &facilitator, asset);
    let paid = buyer.get(url.join("weather?city=Tokyo").unwrap()).await;
    let receipt = paid.unwrap().receipt.unwrap();
    assert_eq!(
        (&*receipt.amount, &*receipt.display_amount),
        (atomic, price)
    );
    let atomic: U256 = atomic.parse().unwrap();
    assert_eq!(ledger.balance(buyer.address()), grant - atomic);
    assert_eq!(buyer.account("").await.unwrap().spent_today, atomic);
}

#[tokio::test]
async fn a_token_with_other_decimals_than_the_stage_says_is_not_sold_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.ndjson");
    let ledger = Ledger::open(&file, asset(18), U256::from(1)).unwrap();
    let facilitator = listen(facilitator::router(ledger)).await;
    let process = spawn(&facilitator, folder.path(), &asset(6), "0.01");
    let ended = tokio::time::timeout(Duration::from_secs(30), process.wait_with_output()).await;
    let output = ended.unwrap().unwrap();
    let log = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    let problem = "has 18 decimal places, and the settings say 6: set ASSET_DECIMALS";
    assert!(log.contains(problem) && !log.contains("listening"), "{log}");
}
