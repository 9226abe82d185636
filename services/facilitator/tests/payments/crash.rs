//! Kills the real program between sending a transaction and reading its receipt.

use crate::market::{Buyer, PRICE, SELLER};
use crate::node::{KEY, Node};
use crate::process::{Process, free_port};
use crate::proxy::{Fault, Proxy};
use std::path::Path;
use url::Url;
use x402::facilitator::{Facilitator, FacilitatorError, HttpFacilitator, Order};
use x402::reason;
use x402::wire::{FacilitatorRequest, SettlementResponse};

pub(crate) struct Service {
    pub(crate) process: Process,
    pub(crate) url: Url,
}

/// The facilitator as it is shipped, settling on a chain.
pub(crate) async fn start(node: &Node, rpc: &Url, folder: &Path) -> Service {
    let port = free_port();
    let pairs = [
        ("PORT", port.to_string()),
        ("NETWORK", node.asset.network.clone()),
        ("ASSET_ADDRESS", node.asset.address.to_string()),
        ("ASSET_NAME", node.asset.name.clone()),
        ("ASSET_VERSION", node.asset.version.clone()),
        ("CHAIN_RPC_URL", rpc.to_string()),
        ("SETTLEMENT_KEY", KEY.to_owned()),
        (
            "PAYMENTS_FILE",
            folder.join("settlements").display().to_string(),
        ),
    ];
    let process = Process::start(env!("CARGO_BIN_EXE_facilitator"), &[], &pairs);
    process.line_with("listening");
    let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
    Service { process, url }
}

async fn settle(
    url: &Url,
    order: FacilitatorRequest,
) -> Result<SettlementResponse, FacilitatorError> {
    let facilitator = HttpFacilitator::new(runtime::http::client(), url);
    facilitator.settle(&Order::new(order)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn killed_between_sending_and_receipt_it_settles_once() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let buyer = Buyer::new(&node.asset);
    node.mint(buyer.address(), 10 * PRICE).await;
    node.stop_mining().await;
    let mut service = start(&node, &node.url, folder.path()).await;
    let orders = [buyer.order(1), buyer.order(2)];
    let asked = orders.clone().map(|order| {
        let url = service.url.clone();
        tokio::spawn(async move { settle(&url, order).await })
    });
    node.waiting(2).await;
    service.process.kill();
    for task in asked {
        assert!(matches!(
            task.await.unwrap(),
            Err(FacilitatorError::NoAnswer(_))
        ));
    }

    let service = start(&node, &node.url, folder.path()).await;
    let again = orders.clone().map(|order| {
        let url = service.url.clone();
        tokio::spawn(async move { settle(&url, order).await.unwrap() })
    });
    node.call("evm_setAutomine", serde_json::json!([true]))
        .await;
    node.mine().await;
    for task in again {
        let answer = task.await.unwrap();
        assert_eq!(answer.error_reason.as_deref(), Some(reason::NONCE_USED));
        assert!(answer.extra.unwrap()["transaction"].is_string());
    }
    assert_eq!(node.transfers(buyer.address()).await, 2);
    assert_eq!(node.balance(SELLER).await, 2 * PRICE);
    let next = settle(&service.url, buyer.order(3)).await.unwrap();
    assert!(next.success, "{next:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn killed_before_the_node_heard_of_it_it_settles_after_the_start() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let buyer = Buyer::new(&node.asset);
    node.mint(buyer.address(), 10 * PRICE).await;
    let (proxy, url) = Proxy::start(&node.url, Fault::CallLost, usize::MAX).await;
    let mut service = start(&node, &url, folder.path()).await;
    // Signed once: a second later it would be another authorization with the same nonce.
    let order = buyer.order(1);
    let asked = {
        let (url, order) = (service.url.clone(), order.clone());
        tokio::spawn(async move { settle(&url, order).await })
    };
    for _ in 0..600 {
        if proxy.seen() > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(proxy.seen(), 1);
    service.process.kill();
    assert!(asked.await.unwrap().is_err());
    assert_eq!(node.transfers(buyer.address()).await, 0);

    // Nobody has to ask again: what was written down is sent.
    let service = start(&node, &node.url, folder.path()).await;
    let answer = settle(&service.url, order).await.unwrap();
    assert_eq!(
        answer.error_reason.as_deref(),
        Some(reason::NONCE_USED),
        "{answer:?}"
    );
    assert_eq!(node.transfers(buyer.address()).await, 1);
    assert_eq!(node.balance(SELLER).await, PRICE);
}
