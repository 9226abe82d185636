//! What a facilitator does not spend gas on, and what buyer and seller hear when it cannot: that nothing was charged.

use crate::chain::{FUNDS, funded, named, reason_of};
use crate::market::{Buyer, PRICE, SELLER, chain, settings};
use crate::node::Node;
use crate::shop::{self, Shop};
use facilitator::IdempotencyKey;
use facilitator::chain::Chain;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use x402::{Address, U256, reason};

const GWEI: u64 = 1_000_000_000;

/// The settlement is refused with this reason, and so is a sale, by a seller that says that nothing was charged.
async fn assert_not_charged(node: &Node, settler: &Chain, buyer: &Buyer, wanted: &str) {
    let before = node.transactions().await;
    assert!(reason::is_final(wanted));
    let fresh = shop::facilitator(settler.clone()).await;
    let shop = Shop::open(&node.asset, &fresh, &node.url, shop::nothing()).await;
    let bought = shop.buy(&buyer.order(1)).await;
    assert_eq!(
        (bought.status, &*bought.code()),
        (402, wanted),
        "{bought:?}"
    );
    let answer = settler.settle(&buyer.order(1), None).await;
    assert_eq!(reason_of(&answer), wanted, "{answer:?}");
    let facilitator = shop::facilitator(settler.clone()).await;
    let shop = Shop::open(&node.asset, &facilitator, &node.url, shop::nothing()).await;
    let bought = shop.buy(&buyer.order(2)).await;
    assert_eq!((bought.status, &*bought.code()), (402, wanted));
    // It is known since the settlement, so no answer is made in vain.
    assert_eq!(shop.made(), 0);
    assert_eq!(node.transactions().await, before);
    assert_eq!(node.balance(buyer.address()).await, FUNDS);
    assert_eq!(node.balance(SELLER).await, 0);
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn with_too_little_for_gas_nothing_is_sent() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let settler = chain(&node.asset, &node.url, folder.path()).await;
    let buyer = funded(&node).await;
    // Nothing at all, and enough for a transaction that calls nothing.
    for wei in [0, 30_000 * 3 * u128::from(GWEI)] {
        node.set_wei(wei).await;
        assert_not_charged(&node, &settler, &buyer, reason::FACILITATOR_OUT_OF_GAS).await;
    }
    node.set_wei(10u128.pow(18)).await;
    assert!(settler.settle(&buyer.order(1), None).await.success);
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn above_the_fee_cap_nothing_is_sent() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let settler = chain(&node.asset, &node.url, folder.path()).await;
    let buyer = funded(&node).await;
    node.set_base_fee(101 * GWEI).await;
    node.set_wei(10u128.pow(20)).await;
    // A block without transactions makes the next one cheaper.
    node.set_base_fee(200 * GWEI).await;
    assert_not_charged(&node, &settler, &buyer, reason::FACILITATOR_FEE_CAP).await;
    node.set_base_fee(GWEI).await;
    assert!(settler.settle(&buyer.order(1), None).await.success);
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn gas_is_spent_on_allowed_recipients_and_on_money_only() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&node.url, folder.path());
    settings.pay_to_allowed = Some(vec![SELLER]);
    let settler = Chain::open(node.asset.clone(), settings).await.unwrap();
    let buyer = funded(&node).await;
    let before = node.transactions().await;
    let friend = Address::repeat_byte(0x77);
    let mut authorization = buyer.authorization(3);
    authorization.to = friend;
    let mut to_friend = buyer.signed(authorization.clone());
    to_friend.payment_requirements.pay_to = friend;
    authorization.to = SELLER;
    authorization.value = U256::ZERO;
    let mut nothing = buyer.signed(authorization);
    nothing.payment_requirements.amount = U256::ZERO;
    for (order, wanted) in [
        (to_friend, reason::PAY_TO_NOT_ALLOWED),
        (nothing, reason::AUTHORIZATION_VALUE),
    ] {
        let verified = settler.verify(&order).await;
        assert_eq!(verified.invalid_reason.as_deref(), Some(wanted));
        assert_eq!(reason_of(&settler.settle(&order, None).await), wanted);
    }
    assert_eq!(node.transactions().await, before);
    assert!(settler.settle(&buyer.order(1), None).await.success);
    assert_eq!(node.balance(SELLER).await, PRICE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_slow_chain_is_pending_with_its_transaction() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&node.url, folder.path());
    settings.answer_within = Duration::from_millis(500);
    let settler = Chain::open(node.asset.clone(), settings).await.unwrap();
    let order = funded(&node).await.order(1);
    node.stop_mining().await;
    let key = IdempotencyKey::parse("sale-1");
    let began = Instant::now();
    let pending = settler.settle(&order, key.as_ref()).await;
    assert_eq!(reason_of(&pending), reason::SETTLEMENT_PENDING);
    assert_eq!(named(&pending).len(), 66, "{pending:?}");
    assert!(began.elapsed() < Duration::from_secs(2));
    node.mine().await;
    node.start_mining().await;
    let settled = settler.settle(&order, key.as_ref()).await;
    assert!(settled.success, "{settled:?}");
    assert_eq!(settled.transaction, named(&pending));
}

#[tokio::test]
#[ignore = "runs with the others of its kind: cargo xtask test payments"]
async fn a_node_that_hangs_is_not_waited_for() {
    // It takes connections and says nothing.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&url.parse().unwrap(), folder.path());
    settings.answer_within = Duration::from_millis(500);
    let asset = x402::Asset {
        network: "eip155:31337".into(),
        address: Address::repeat_byte(1),
        name: "USDC".into(),
        version: "2".into(),
        decimals: 6,
    };
    let settler = Chain::open(asset.clone(), settings).await.unwrap();
    let order = Buyer::new(&asset).order(1);
    let began = Instant::now();
    let verified = settler.verify(&order).await;
    assert_eq!(
        verified.invalid_reason.as_deref(),
        Some(reason::UNEXPECTED_VERIFY)
    );
    let settled = settler.settle(&order, None).await;
    assert_eq!(reason_of(&settled), reason::SETTLEMENT_PENDING);
    assert!(began.elapsed() < Duration::from_secs(3));
}

/// As `x402-express` of version 1 and its like send it.
#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_body_of_version_1_is_settled() {
    let node = Node::as_base_sepolia().await;
    let folder = tempfile::tempdir().unwrap();
    let settler = chain(&node.asset, &node.url, folder.path()).await;
    let buyer = funded(&node).await;
    let url = shop::facilitator(settler).await;
    let client = runtime::http::client();
    let order = buyer.order(1);
    let asked = async |path: &str, network: &str| {
        let body = json!({
            "x402Version": 1,
            "paymentPayload": {
                "x402Version": 1,
                "scheme": "exact",
                "network": network,
                "payload": order.payment_payload.payload,
            },
            "paymentRequirements": {
                "scheme": "exact",
                "network": network,
                "maxAmountRequired": PRICE.to_string(),
                "resource": "https://seller.example/thing",
                "description": "A thing",
                "mimeType": "text/plain",
                "payTo": SELLER.to_checksum(None),
                "maxTimeoutSeconds": 60,
                "asset": node.asset.address.to_checksum(None),
                "extra": { "name": "USDC", "version": "2" },
            },
        });
        let sent = client.post(url.join(path).unwrap()).json(&body).send();
        let answer: Value = sent.await.unwrap().json().await.unwrap();
        answer
    };
    let elsewhere = asked("verify", "base").await;
    assert_eq!(
        elsewhere["invalidReason"],
        reason::NETWORK_MISMATCH,
        "{elsewhere}"
    );
    let verified = asked("verify", "base-sepolia").await;
    assert_eq!(verified["isValid"], true, "{verified}");
    let settled = asked("settle", "base-sepolia").await;
    assert_eq!(settled["success"], true, "{settled}");
    assert_eq!(settled["network"], "base-sepolia");
    assert_eq!(node.balance(SELLER).await, PRICE);
    let supported = client.get(url.join("supported").unwrap()).send().await;
    let supported: Value = supported.unwrap().json().await.unwrap();
    assert_eq!(supported["kinds"][1]["network"], "base-sepolia");
}
