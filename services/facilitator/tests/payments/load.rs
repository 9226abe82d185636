//! 402s and paid requests per second of CPU, of our server and of the reference server, in the same run on the same machine.
//! CPU and not time, because it says the same on a machine that has other things to do.
#![expect(
    clippy::print_stdout,
    reason = "it measures, and the figures are its result"
)]

use crate::peers::{Bank, script};
use crate::process::{Process, tool};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use url::Url;
use x402::exact::Domain;
use x402::header;
use x402::wallet::Wallet;
use x402::wire::{Authorization, Requirements};
use x402::{B256, U256};

const CONNECTIONS: usize = 64;
const RUNS: usize = 3;
/// Ticks of `/proc/PID/stat` in a second.
const TICKS: f64 = 100.0;

/// One server, and the processes whose CPU counts.
struct Server<'a> {
    name: &'static str,
    url: Url,
    processes: Vec<&'a Process>,
    /// Requests of a run: unpaid, paid.
    counts: (usize, usize),
}

impl Server<'_> {
    fn cpu_seconds(&self) -> f64 {
        let seconds = self.processes.iter().map(|process| {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
            let fields: Vec<&str> = stat
                .rsplit(')')
                .next()
                .unwrap()
                .split_whitespace()
                .collect();
            let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
            (ticks(11) + ticks(12)) / TICKS
        });
        seconds.sum()
    }

    /// Requests per second of CPU: unpaid, paid.
    async fn measure(&self) -> (f64, f64) {
        let (unpaid, paid) = self.counts;
        self.send(vec![None; unpaid / 10], 402).await;
        let payments = |count| payments(&self.url, count);
        self.send(payments(paid / 10).await, 200).await;
        let before = self.cpu_seconds();
        self.send(vec![None; unpaid], 402).await;
        let after_unpaid = self.cpu_seconds();
        let signed = payments(paid).await;
        let before_paid = self.cpu_seconds();
        self.send(signed, 200).await;
        let after_paid = self.cpu_seconds();
        (
            unpaid as f64 / (after_unpaid - before),
            paid as f64 / (after_paid - before_paid),
        )
    }

    async fn send(&self, requests: Vec<Option<http::HeaderValue>>, status: u16) {
        self.send_to(&self.url, requests, status).await;
    }

    /// Requests per second of CPU that are answered with next to nothing, without a payment and a line in the log: what
    /// receiving and sending alone cost, and no 402 can be cheaper.
    async fn measure_empty(&self) -> f64 {
        let (url, count) = (self.url.join("/health").unwrap(), self.counts.0);
        let before = self.cpu_seconds();
        self.send_to(&url, vec![None; count], 200).await;
        count as f64 / (self.cpu_seconds() - before)
    }

    async fn send_to(&self, url: &Url, requests: Vec<Option<http::HeaderValue>>, status: u16) {
        let (next, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(requests));
        let client = runtime::http::client();
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (next, requests) = (next.clone(), requests.clone());
                let (client, url) = (client.clone(), url.clone());
                tokio::spawn(async move {
                    while let Some(payment) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let mut request = client.get(url.clone());
                        if let Some(payment) = payment {
                            request = request.header(header::PAYMENT_SIGNATURE, payment);
                        }
                        let response = request.send().await.unwrap();
                        assert_eq!(response.status().as_u16(), status);
                        response.bytes().await.unwrap();
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
    }
}

/// Signed payments for what `url` offers.
async fn payments(url: &Url, count: usize) -> Vec<Option<http::HeaderValue>> {
    let response = runtime::http::client()
        .get(url.clone())
        .send()
        .await
        .unwrap();
    let required = response.headers()[header::PAYMENT_REQUIRED].as_bytes();
    let required: Value = header::decode(required).unwrap();
    let accepted = &required["accepts"][0];
    let offer: Requirements = serde_json::from_value(accepted.clone()).unwrap();
    let asset = x402::Asset {
        network: offer.network.clone(),
        address: offer.asset,
        name: "USDC".into(),
        version: "2".into(),
        decimals: 6,
    };
    let (wallet, domain) = (Wallet::random().unwrap(), Domain::of(&asset).unwrap());
    let sign = |number: usize| {
        let authorization = Authorization {
            from: wallet.address(),
            to: offer.pay_to,
            value: offer.amount,
            valid_after: U256::ZERO,
            valid_before: U256::from(x402::now_seconds() + 100),
            nonce: B256::from(U256::from(number).to_be_bytes()),
        };
        let payload = json!({ "signature": wallet.sign(&authorization, domain), "authorization": authorization });
        Some(header::encode(&json!({
            "x402Version": 2, "resource": required["resource"], "accepted": accepted, "payload": payload,
        })))
    };
    (0..count).map(sign).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures release builds: see docs/performance.md"]
async fn beside_the_reference_server() {
    let bank = Bank::ledger();
    let (shop, url) = bank.shop();
    let node = tool("TURNPIKE_TEST_NODE");
    let mut told = bank.told(&url);
    let asking = Process::start(&node, &[&script("load.mjs")], &told);
    told.retain(|(name, _)| *name != "FACILITATOR_URL");
    let alone = Process::start(&node, &[&script("load.mjs")], &told);
    let weather = |base: String| Url::parse(&format!("{base}/weather?city=Tokyo")).unwrap();
    let servers = [
        Server {
            name: "ours, server and ledger",
            url: url.clone(),
            processes: vec![&shop, bank.process()],
            counts: (40_000, 4_000),
        },
        Server {
            name: "reference, ledger in it",
            url: weather(alone.line_with("listening on ")),
            processes: vec![&alone],
            counts: (8_000, 600),
        },
        Server {
            name: "ours, server alone",
            url,
            processes: vec![&shop],
            counts: (40_000, 4_000),
        },
        Server {
            name: "reference, our ledger, server alone",
            url: weather(asking.line_with("listening on ")),
            processes: vec![&asking],
            counts: (8_000, 1_200),
        },
    ];
    for run in 1..=RUNS {
        let mut found = Vec::new();
        for server in &servers {
            let (unpaid, paid) = server.measure().await;
            println!(
                "run {run}: {:<36} 402: {unpaid:>7.0}/s  paid: {paid:>7.0}/s",
                server.name
            );
            found.push((unpaid, paid));
        }
        let empty = servers[0].measure_empty().await;
        println!("run {run}: ours, GET /health: {empty:.0}/s");
        for pair in found.chunks(2) {
            let (ours, theirs) = (pair[0], pair[1]);
            println!(
                "run {run}: ratio 402 {:.1}, paid {:.1}",
                ours.0 / theirs.0,
                ours.1 / theirs.1
            );
        }
    }
}
