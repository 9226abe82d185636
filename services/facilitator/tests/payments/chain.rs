//! Settlement on a real EVM node: balances move by exactly the price, once, or not at all.

use crate::market::{Buyer, PRICE, SELLER, chain};
use crate::node::Node;
use crate::proxy::{Fault, Proxy};
use serde_json::json;
use x402::wire::{FacilitatorRequest, SettlementResponse};
use x402::{Address, U256, reason};

pub(crate) const FUNDS: u64 = 1_000_000;

pub(crate) fn reason_of(answer: &SettlementResponse) -> &str {
    answer.error_reason.as_deref().unwrap_or_default()
}

pub(crate) fn named(answer: &SettlementResponse) -> &str {
    let extra = answer.extra.as_ref();
    extra
        .and_then(|extra| extra["transaction"].as_str())
        .unwrap_or_default()
}

pub(crate) async fn funded(node: &Node) -> Buyer {
    let buyer = Buyer::new(&node.asset);
    node.mint(buyer.address(), FUNDS).await;
    buyer
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn balances_move_by_exactly_the_price_and_only_once() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (chain, buyer) = (
        chain(&node.asset, &node.url, folder.path()).await,
        funded(&node).await,
    );
    let order = buyer.order(1);
    let verified = chain.verify(&order).await;
    assert!(verified.is_valid, "{verified:?}");
    let before = node.transactions().await;
    let first = chain.settle(&order, None).await;
    assert!(first.success, "{first:?}");
    assert_eq!(first.transaction.len(), 66);
    assert_eq!(node.balance(buyer.address()).await, FUNDS - PRICE);
    assert_eq!(node.balance(SELLER).await, PRICE);

    let verified = chain.verify(&order).await;
    assert_eq!(verified.invalid_reason.as_deref(), Some(reason::NONCE_USED));
    let again = chain.settle(&order, None).await;
    assert_eq!(
        (reason_of(&again), named(&again)),
        (reason::NONCE_USED, &*first.transaction)
    );
    // A facilitator without any memory finds the same on the chain.
    let other = tempfile::tempdir().unwrap();
    let forgetful = crate::market::chain(&node.asset, &node.url, other.path()).await;
    let again = forgetful.settle(&order, None).await;
    assert_eq!(
        (reason_of(&again), named(&again)),
        (reason::NONCE_USED, &*first.transaction)
    );
    assert_eq!(node.balance(buyer.address()).await, FUNDS - PRICE);
    assert_eq!(node.transactions().await, before + 1);
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn what_must_not_settle_does_not_and_costs_no_gas() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (chain, buyer) = (
        chain(&node.asset, &node.url, folder.path()).await,
        funded(&node).await,
    );
    let poor = Buyer::new(&node.asset);
    node.mint(poor.address(), PRICE - 1).await;
    let with = |change: &dyn Fn(&mut x402::wire::Authorization)| {
        let mut authorization = buyer.authorization(7);
        change(&mut authorization);
        buyer.signed(authorization)
    };
    let now = x402::now_seconds();
    let mut forged = buyer.order(7);
    forged.payment_payload.payload.authorization.nonce.0[0] ^= 1;
    let mut other_token = buyer.order(7);
    other_token.payment_requirements.asset = Address::repeat_byte(3);
    let orders: [(FacilitatorRequest, &str); 7] = [
        (
            with(&|a| a.valid_before = U256::from(now + 5)),
            reason::VALID_BEFORE,
        ),
        (
            with(&|a| a.valid_after = U256::from(now + 60)),
            reason::VALID_AFTER,
        ),
        (with(&|a| a.value += U256::from(1)), reason::VALUE_MISMATCH),
        (
            with(&|a| a.to = Address::repeat_byte(9)),
            reason::RECIPIENT_MISMATCH,
        ),
        (forged, reason::SIGNATURE),
        (other_token, reason::NO_CONTRACT),
        (poor.order(1), reason::INSUFFICIENT_BALANCE),
    ];
    let before = node.transactions().await;
    for (order, wanted) in &orders {
        let verified = chain.verify(order).await;
        assert_eq!(verified.invalid_reason.as_deref(), Some(*wanted));
        let settled = chain.settle(order, None).await;
        assert_eq!(reason_of(&settled), *wanted, "{settled:?}");
        assert!(!settled.success && settled.transaction.is_empty());
    }
    assert_eq!(node.transactions().await, before);
    assert_eq!(node.balance(buyer.address()).await, FUNDS);
    assert_eq!(node.balance(SELLER).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn many_at_once_are_one_transaction_each() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (chain, buyer) = (
        chain(&node.asset, &node.url, folder.path()).await,
        funded(&node).await,
    );
    let before = node.transactions().await;
    // Ten payments, each asked for three times at the same moment.
    let tasks: Vec<_> = (1..=10u8)
        .flat_map(|number| {
            [
                buyer.order(number),
                buyer.order(number),
                buyer.order(number),
            ]
        })
        .map(|order| {
            let chain = chain.clone();
            tokio::spawn(async move { chain.settle(&order, None).await })
        })
        .collect();
    let mut successes = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        if answer.success {
            successes += 1;
        } else {
            assert_eq!(reason_of(&answer), reason::NONCE_USED);
            assert_eq!(named(&answer).len(), 66);
        }
    }
    assert_eq!(successes, 10, "one answer for each payment says success");
    assert_eq!(node.transactions().await, before + 10);
    assert_eq!(node.transfers(buyer.address()).await, 10);
    assert_eq!(node.balance(SELLER).await, 10 * PRICE);
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_nonce_that_bought_something_else_buys_nothing_here() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (chain, buyer) = (
        chain(&node.asset, &node.url, folder.path()).await,
        funded(&node).await,
    );
    // The same nonce, signed for somebody else and settled first.
    let mut elsewhere = buyer.authorization(5);
    elsewhere.to = Address::repeat_byte(0x77);
    let mut order = buyer.signed(elsewhere.clone());
    order.payment_requirements.pay_to = elsewhere.to;
    assert!(chain.settle(&order, None).await.success);
    let ours = chain.settle(&buyer.order(5), None).await;
    // `nonce_already_used` would read like a receipt to a seller that lost an answer.
    assert_eq!(reason_of(&ours), reason::TRANSACTION_FAILED, "{ours:?}");
    assert_eq!(node.balance(SELLER).await, 0);
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_transaction_that_waits_is_replaced_and_settles_once() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (chain, buyer) = (
        chain(&node.asset, &node.url, folder.path()).await,
        funded(&node).await,
    );
    node.stop_mining().await;
    let order = buyer.order(1);
    let settling = {
        let (chain, order) = (chain.clone(), order.clone());
        tokio::spawn(async move { chain.settle(&order, None).await })
    };
    node.waiting(1).await;
    let content = node.call("txpool_content", json!([])).await;
    // Gas becomes dearer than the first attempt allows, so blocks go by without it.
    let price = json!([format!("{:#x}", 10_000_000_000u64)]);
    node.call("anvil_setNextBlockBaseFeePerGas", price).await;
    node.mine().await;
    let mined_at_first = node.transfers(buyer.address()).await;
    assert_eq!(mined_at_first, 0, "{content}");
    let mut transfers = 0;
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        node.mine().await;
        transfers = node.transfers(buyer.address()).await;
        if transfers > 0 {
            break;
        }
    }
    assert_eq!(transfers, 1, "the replacement is in a block");
    let answer = settling.await.unwrap();
    assert!(answer.success, "{answer:?}");
    let first = content.to_string();
    assert!(
        !first.contains(&answer.transaction),
        "not the first attempt"
    );
    node.mine().await;
    assert_eq!(node.transfers(buyer.address()).await, 1);
    assert_eq!(node.balance(SELLER).await, PRICE);
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn lost_calls_and_lost_answers_settle_once() {
    for fault in [Fault::CallLost, Fault::AnswerLost] {
        let node = Node::start().await;
        let folder = tempfile::tempdir().unwrap();
        let (proxy, url) = Proxy::start(&node.url, fault, 1).await;
        let (chain, buyer) = (
            chain(&node.asset, &url, folder.path()).await,
            funded(&node).await,
        );
        let before = node.transactions().await;
        let answer = chain.settle(&buyer.order(1), None).await;
        assert!(answer.success, "{answer:?}");
        assert!(proxy.seen() >= 1);
        assert_eq!(node.transactions().await, before + 1);
        assert_eq!(node.balance(SELLER).await, PRICE);
        // The next one is not held up by it.
        assert!(chain.settle(&buyer.order(2), None).await.success);
        assert_eq!(node.transactions().await, before + 2);
    }
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn another_program_may_use_the_key() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (chain, buyer) = (
        chain(&node.asset, &node.url, folder.path()).await,
        funded(&node).await,
    );
    assert!(chain.settle(&buyer.order(1), None).await.success);
    // The node's account is ours: minting takes the next account nonce.
    node.mint(buyer.address(), 1).await;
    let answer = chain.settle(&buyer.order(2), None).await;
    assert!(answer.success, "{answer:?}");
    assert_eq!(node.balance(SELLER).await, 2 * PRICE);
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn the_wrong_chain_and_a_missing_token_are_refused() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut asset = node.asset.clone();
    asset.network = "eip155:84532".into();
    let wrong_chain = chain(&asset, &node.url, &folder.path().join("a")).await;
    let error = wrong_chain.ready().await.unwrap_err().to_string();
    assert!(
        error.contains("31337") && error.contains("84532"),
        "{error}"
    );
    let mut asset = node.asset.clone();
    asset.address = Address::repeat_byte(5);
    let no_token = chain(&asset, &node.url, &folder.path().join("b")).await;
    let error = no_token.ready().await.unwrap_err().to_string();
    assert!(error.contains("no token"), "{error}");
}
