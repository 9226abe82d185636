//! Whose settlement it is: the sale that began it hears of its success as often as it asks, and no other one does.

use crate::chain::{funded, named, reason_of};
use crate::market::{PRICE, SELLER, chain};
use crate::node::Node;
use crate::proxy::{Fault, Proxy};
use crate::shop::Meanwhile;
use crate::token::transfer;
use facilitator::IdempotencyKey;
use std::sync::Arc;
use std::time::Duration;
use x402::reason;
use x402::wire::SettlementResponse;

fn key(text: &str) -> Option<IdempotencyKey> {
    IdempotencyKey::parse(text)
}

#[track_caller]
fn assert_used(answer: &SettlementResponse, transaction: &str) {
    assert!(!answer.success && answer.transaction.is_empty());
    assert_eq!(
        (reason_of(answer), named(answer)),
        (reason::NONCE_USED, transaction)
    );
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn only_the_sale_that_began_it_hears_of_its_success() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let settler = chain(&node.asset, &node.url, folder.path()).await;
    let buyer = funded(&node).await;
    let order = buyer.order(1);
    let (ours, theirs) = (key("sale-1"), key("sale-2"));
    let before = node.transactions().await;
    let first = settler.settle(&order, ours.as_ref()).await;
    assert!(first.success && first.transaction.len() == 66, "{first:?}");
    // After a restart the journal knows it.
    for settler in [settler, chain(&node.asset, &node.url, folder.path()).await] {
        assert_eq!(settler.settle(&order, ours.as_ref()).await, first);
        assert_used(&settler.settle(&order, theirs.as_ref()).await, "");
        assert_used(&settler.settle(&order, None).await, "");
        let mut other = order.clone();
        other.payment_requirements.pay_to = buyer.address();
        let answer = settler.settle(&other, ours.as_ref()).await;
        assert_eq!(reason_of(&answer), reason::RECIPIENT_MISMATCH);
    }
    // Without a journal, what is found on the chain may be anybody's.
    let empty = tempfile::tempdir().unwrap();
    let forgetful = chain(&node.asset, &node.url, empty.path()).await;
    assert_used(&forgetful.settle(&order, ours.as_ref()).await, "");
    assert_used(&forgetful.settle(&order, None).await, &first.transaction);

    // Begun without a key, it belongs to no key.
    let order = buyer.order(2);
    let settler = chain(&node.asset, &node.url, folder.path()).await;
    let unnamed = settler.settle(&order, None).await;
    assert!(unnamed.success);
    assert_used(&settler.settle(&order, ours.as_ref()).await, "");
    assert_used(&settler.settle(&order, None).await, &unnamed.transaction);
    assert_eq!(node.transactions().await, before + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn of_many_sales_of_one_payment_one_succeeds() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let settler = chain(&node.asset, &node.url, folder.path()).await;
    let buyer = funded(&node).await;
    for number in 1..=5 {
        let tasks: Vec<_> = (0..16)
            .map(|sale| {
                let (settler, order) = (settler.clone(), buyer.order(number));
                tokio::spawn(async move {
                    let key = key(&format!("sale-{number}-{}", sale / 2));
                    (sale / 2, settler.settle(&order, key.as_ref()).await)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for task in tasks {
            let (sale, answer) = task.await.unwrap();
            if answer.success {
                winners.push(sale);
            } else {
                assert_used(&answer, "");
            }
        }
        // Each sale has asked twice.
        assert_eq!(winners.len(), 2, "{winners:?}");
        assert_eq!(winners[0], winners[1]);
        assert_eq!(node.balance(SELLER).await, u64::from(number) * PRICE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn while_it_is_under_way_its_own_sale_waits_and_others_do_not() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let settler = chain(&node.asset, &node.url, folder.path()).await;
    let order = funded(&node).await.order(1);
    node.stop_mining().await;
    let ask = |key: Option<IdempotencyKey>| {
        let (settler, order) = (settler.clone(), order.clone());
        tokio::spawn(async move { settler.settle(&order, key.as_ref()).await })
    };
    let first = ask(key("sale-1"));
    node.waiting(1).await;
    assert_used(&ask(key("sale-2")).await.unwrap(), "");
    assert_used(&ask(None).await.unwrap(), "");
    // It is taken up by the next process, and is still the same sale's.
    let next = chain(&node.asset, &node.url, folder.path()).await;
    assert_used(&next.settle(&order, key("sale-2").as_ref()).await, "");
    let again = ask(key("sale-1"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!again.is_finished());
    node.start_mining().await;
    node.mine().await;
    let first = first.await.unwrap();
    assert!(first.success, "{first:?}");
    assert_eq!(again.await.unwrap(), first);
    assert_eq!(next.settle(&order, key("sale-1").as_ref()).await, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn what_a_stranger_has_sent_is_no_sales() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let settler = chain(&node.asset, &node.url, folder.path()).await;
    let buyer = funded(&node).await;
    let ours = key("sale-1");
    let order = buyer.order(1);
    node.hand_in(&transfer(&order)).await;
    assert_used(&settler.settle(&order, ours.as_ref()).await, "");
    assert_eq!(named(&settler.settle(&order, None).await).len(), 66);

    // Ours waits, and the stranger's comes first.
    let order = buyer.order(2);
    node.stop_mining().await;
    let settling = {
        let (settler, order, key) = (settler.clone(), order.clone(), ours.clone());
        tokio::spawn(async move { settler.settle(&order, key.as_ref()).await })
    };
    node.waiting(1).await;
    node.send_to_token(&transfer(&order)).await;
    node.waiting(2).await;
    node.mine().await;
    node.start_mining().await;
    assert_used(&settling.await.unwrap(), "");
    assert_used(&settler.settle(&order, ours.as_ref()).await, "");
    assert_eq!(node.balance(SELLER).await, 2 * PRICE);
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_use_that_nobody_finds_is_open_and_not_failed() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (_proxy, url) = Proxy::start(&node.url, Fault::EventsHidden, 0).await;
    let settler = chain(&node.asset, &url, folder.path()).await;
    let order = funded(&node).await.order(1);
    node.hand_in(&transfer(&order)).await;
    // The money has moved: "failed" would be untrue.
    let answer = settler.settle(&order, None).await;
    assert_eq!(reason_of(&answer), reason::SETTLEMENT_PENDING);
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_strangers_transaction_in_the_last_moment_is_told_as_what_it_is() {
    let node = Arc::new(Node::start().await);
    let folder = tempfile::tempdir().unwrap();
    let buyer = funded(&node).await;
    let order = buyer.order(1);
    // After the look at the nonce, and before the estimate.
    let (stranger, call) = (node.clone(), transfer(&order));
    let step: Meanwhile = Arc::new(move || {
        let (stranger, call) = (stranger.clone(), call.clone());
        Box::pin(async move { drop(stranger.hand_in(&call).await) })
    });
    let url = Proxy::before(&node.url, "eth_estimateGas", step).await;
    let settler = chain(&node.asset, &url, folder.path()).await;
    let before = node.transactions().await;
    let answer = settler.settle(&order, None).await;
    assert_eq!(reason_of(&answer), reason::NONCE_USED, "{answer:?}");
    assert_eq!(named(&answer).len(), 66);
    assert_eq!(node.transactions().await, before);
    assert_eq!(node.balance(SELLER).await, PRICE);
}
