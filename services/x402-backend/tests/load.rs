//! What a request costs, and that many of them leave nothing behind: the built program in a process of its own, beside a real
//! facilitator in this one. Figures worth keeping come from
//! `cargo test --release -p x402-backend --test load -- --ignored --nocapture`.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]
#![expect(clippy::print_stderr, reason = "it is run for its figures")]

mod program;

use facilitator::ledger::Ledger;
use futures_util::stream::{self, StreamExt as _};
use program::{PAY_TO, asset};
use reqwest::{Client, StatusCode};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::process::Child;
use url::Url;
use x402::exact::Domain;
use x402::header;
use x402::server::Price;
use x402::wallet::Wallet;
use x402::wire::Authorization;
use x402::{B256, U256};

const AT_ONCE: usize = 64;
const PATH: &str = "/weather?city=Tokyo";

fn price() -> Price {
    Price {
        asset: asset(6),
        amount: U256::from(10_000),
        pay_to: PAY_TO.parse().unwrap(),
        max_timeout_seconds: 60,
    }
}

struct Backend {
    process: Child,
    url: Url,
    _folder: tempfile::TempDir,
}

impl Backend {
    async fn start(facilitator: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (process, url) = program::start(facilitator, folder.path(), &asset(6), "0.01").await;
        Self {
            process,
            url,
            _folder: folder,
        }
    }

    fn proc(&self, file: &str) -> String {
        let pid = self.process.id().unwrap();
        std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap()
    }

    /// User and system time; the kernel counts in hundredths of a second.
    fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }

    fn resident_kib(&self) -> u64 {
        let status = self.proc("status");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

fn payment(wallet: &Wallet, domain: Domain, number: u64) -> http::HeaderValue {
    let price = price();
    let authorization = Authorization {
        from: wallet.address(),
        to: price.pay_to,
        value: price.amount,
        valid_after: U256::ZERO,
        valid_before: U256::from(x402::now_seconds() + 100),
        nonce: B256::from(U256::from(number)),
    };
    let id = format!("pay_{number:032}");
    header::encode(&json!({
        "x402Version": 2,
        "accepted": price.requirements(),
        "payload": { "signature": wallet.sign(&authorization, domain), "authorization": authorization },
        "extensions": { "payment-identifier": { "info": { "required": false, "id": id } } },
    }))
}

async fn send(client: &Client, url: &Url, payment: Option<http::HeaderValue>) -> StatusCode {
    let request = client.get(url.clone());
    let request = match payment {
        Some(payment) => request.header(header::PAYMENT_SIGNATURE, payment),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let status = answer.status();
    answer.bytes().await.unwrap();
    status
}

/// Sends them, and says what each cost the server.
async fn measure(
    backend: &Backend,
    what: &str,
    expected: u16,
    payments: impl Iterator<Item = Option<http::HeaderValue>>,
) {
    let client = runtime::http::client();
    let url = backend.url.join(PATH).unwrap();
    let (cpu, started) = (backend.cpu(), Instant::now());
    let mut count = 0;
    let mut answers = stream::iter(payments)
        .map(|payment| send(&client, &url, payment))
        .buffer_unordered(AT_ONCE);
    while let Some(status) = answers.next().await {
        assert_eq!(status.as_u16(), expected, "{what}");
        count += 1;
    }
    let cpu = backend.cpu() - cpu;
    let per_request = cpu.as_micros() / count;
    eprintln!(
        "{what}: {count} in {:.1} s, {per_request} us of CPU each, {} a CPU second, {} KiB resident",
        started.elapsed().as_secs_f64(),
        1_000_000 / per_request.max(1),
        backend.resident_kib(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "for figures: cargo test --release -p x402-backend --test load -- --ignored --nocapture"]
async fn many_requests_cost_little_and_leave_no_memory_behind() {
    let thorough = std::env::var_os("TURNPIKE_TEST_THOROUGH").is_some();
    let folder = tempfile::tempdir().unwrap();
    let price = price();
    let grant = U256::from(10u64.pow(15));
    let file = folder.path().join("ledger.ndjson");
    let ledger = Ledger::open(&file, price.asset.clone(), grant).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let facilitator = format!("http://{}/", listener.local_addr().unwrap());
    let router = facilitator::router(ledger);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let backend = Backend::start(&facilitator).await;
    let wallet = Wallet::random().unwrap();
    let domain = Domain::of(&price.asset).unwrap();
    let (unpaid, paid, rounds) = if thorough {
        (100_000, 10_000, 4)
    } else {
        (20_000, 2_000, 3)
    };
    let mut resident = Vec::new();
    for round in 0..rounds {
        measure(&backend, "402", 402, (0..unpaid).map(|_| None)).await;
        let numbers = (round * paid)..((round + 1) * paid);
        let payments: Vec<_> = numbers
            .map(|number| payment(&wallet, domain, number))
            .collect();
        let again = payments.clone();
        measure(&backend, "paid", 200, payments.into_iter().map(Some)).await;
        measure(&backend, "asked again", 200, again.into_iter().map(Some)).await;
        resident.push(backend.resident_kib());
    }
    // The first round fills caches and pools.
    let growth = resident[resident.len() - 1].saturating_sub(resident[0]);
    assert!(growth < 8 * 1024, "memory grows: {resident:?} KiB");
}
