//! Kills the real program at random moments while it settles, and looks at what the next one knows.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]
#![expect(
    clippy::disallowed_methods,
    reason = "it has to kill a process of its own"
)]

use std::process::{Child, Command, Stdio};
use std::time::Duration;
use url::Url;
use x402::chain::Rpc;
use x402::exact::Domain;
use x402::facilitator::{Facilitator, HttpFacilitator, Order};
use x402::wallet::Wallet;
use x402::wire::{Authorization, ExactPayload, FacilitatorRequest, PaymentPayload, Requirements};
use x402::{Address, Asset, B256, U256, reason};

const ROUNDS: usize = 10;
const PAYMENTS: usize = 30;
const GRANT: u64 = 10_000_000;
const PRICE: u64 = 1_000;

fn asset() -> Asset {
    Asset {
        network: "eip155:31337".into(),
        address: Address::repeat_byte(1),
        name: "USDC".into(),
        version: "2".into(),
        decimals: 6,
    }
}

fn start(ledger: &std::path::Path, port: u16) -> Child {
    Command::new(env!("CARGO_BIN_EXE_facilitator"))
        .env_clear()
        .env("PORT", port.to_string())
        .env("NETWORK", asset().network)
        .env("ASSET_ADDRESS", asset().address.to_string())
        .env("ASSET_NAME", "USDC")
        .env("ASSET_VERSION", "2")
        .env("LEDGER_FILE", ledger)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn order(wallet: &Wallet, nonce: B256) -> Order {
    let authorization = Authorization {
        from: wallet.address(),
        to: Address::repeat_byte(2),
        value: U256::from(PRICE),
        valid_after: U256::ZERO,
        valid_before: U256::from(x402::now_seconds() + 600),
        nonce,
    };
    let signature = wallet.sign(&authorization, Domain::of(&asset()).unwrap());
    let extra = [
        ("name".to_owned(), "USDC".into()),
        ("version".to_owned(), "2".into()),
    ];
    let requirements = Requirements {
        scheme: "exact".into(),
        network: asset().network,
        amount: U256::from(PRICE),
        asset: asset().address,
        pay_to: Address::repeat_byte(2),
        max_timeout_seconds: 60,
        extra: Some(extra.into_iter().collect()),
    };
    let payment_payload = PaymentPayload {
        x402_version: 2,
        resource: None,
        accepted: Some(requirements.clone()),
        scheme: None,
        network: None,
        payload: ExactPayload {
            signature,
            authorization,
        },
        extensions: None,
    };
    Order::new(FacilitatorRequest {
        x402_version: 2,
        payment_payload,
        payment_requirements: requirements,
    })
}

async fn ready(rpc: &Rpc) {
    for _ in 0..500 {
        if rpc.balance_of(asset().address, Address::ZERO).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the facilitator does not answer");
}

fn random_byte() -> u8 {
    let mut byte = [0];
    getrandom::fill(&mut byte).unwrap();
    byte[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_forgets_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger.ndjson");
    let port = free_port();
    let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
    let wallet = Wallet::random().unwrap();
    let rpc = Rpc::new(runtime::http::client(), url.clone());
    let mut settled = 0;
    for round in 0..ROUNDS {
        let mut process = start(&ledger, port);
        ready(&rpc).await;
        let tasks: Vec<_> = (0..PAYMENTS)
            .map(|number| {
                let mut nonce = B256::ZERO;
                nonce[0] = u8::try_from(round).unwrap();
                nonce[1] = u8::try_from(number).unwrap();
                let order = order(&wallet, nonce);
                let facilitator = HttpFacilitator::new(runtime::http::client(), &url);
                tokio::spawn(async move {
                    let acknowledged = facilitator
                        .settle(&order)
                        .await
                        .is_ok_and(|answer| answer.success);
                    (order, acknowledged)
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_micros(u64::from(random_byte()) * 300)).await;
        process.kill().unwrap();
        process.wait().unwrap();
        let mut orders = Vec::new();
        for task in tasks {
            orders.push(task.await.unwrap());
        }

        let mut process = start(&ledger, port);
        ready(&rpc).await;
        let facilitator = HttpFacilitator::new(runtime::http::client(), &url);
        for (order, acknowledged) in &orders {
            let again = facilitator.settle(order).await.unwrap();
            let known = again.error_reason.as_deref() == Some(reason::NONCE_USED);
            assert!(known || again.success, "{again:?}");
            assert!(
                known || !acknowledged,
                "a payment that was acknowledged has been forgotten"
            );
        }
        settled += PAYMENTS as u64;
        let balance = rpc
            .balance_of(asset().address, wallet.address())
            .await
            .unwrap();
        assert_eq!(
            balance,
            U256::from(GRANT - settled * PRICE),
            "each payment moved money exactly once"
        );
        let spent = x402::chain::TransfersSent {
            sum: U256::from(settled * PRICE),
            count: settled,
            since: None,
        };
        assert_eq!(
            rpc.transfers_sent(asset().address, wallet.address())
                .await
                .unwrap(),
            spent
        );
        process.kill().unwrap();
        process.wait().unwrap();
    }
}
