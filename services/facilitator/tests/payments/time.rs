//! A chain has a clock of its own, and may stand still. After a halt, the chains of the OP stack make up for it with blocks that
//! are two seconds apart and say that they are from the time of the halt
//! (<https://specs.optimism.io/protocol/derivation.html>: a batch is dropped unless its time is the last block's and one block
//! more). What had ended by our clock still settles.

use crate::chain::{FUNDS, funded};
use crate::market::{Buyer, PRICE, SELLER, chain, settings};
use crate::node::Node;
use crate::proxy::{Fault, Proxy};
use crate::shop::{self, Shop};
use crate::token::{cancel, transfer};
use facilitator::chain::Chain;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use x402::chain::{Chain as _, ExpectedTransfer, PaymentState, Rpc};
use x402::client::{Account, Limits, PayError, PayingClient, Policy};
use x402::store::MemoryStore;
use x402::{Evidence, U256, reason};

/// Buys at a shop, and asks the node behind `url`.
fn client(node: &Node, url: &Url, shop: &Shop, buyer: &Buyer) -> PayingClient {
    let policy = Policy {
        origin: shop.url().origin(),
        asset: node.asset.clone(),
        pay_to: SELLER,
        amount_max: U256::from(PRICE),
    };
    let http = runtime::http::client();
    let rpc = Rpc::new(http.clone(), url.clone());
    PayingClient::with_budget(
        http,
        buyer.wallet.clone(),
        policy,
        Limits::NONE,
        Arc::new(MemoryStore::default()),
        Some(Arc::new(rpc)),
    )
    .unwrap()
    .answering_within(Duration::from_secs(15))
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_payment_has_ended_when_the_chain_says_so() {
    let node = Node::behind(600).await;
    let buyer = funded(&node).await;
    let rpc = Rpc::new(runtime::http::client(), node.url.clone());
    // Over for two minutes by our clock, and for eight more minutes not by the chain's.
    let mut authorization = buyer.authorization(1);
    authorization.valid_before = U256::from(x402::now_seconds() - 120);
    let not_before = x402::now_seconds() - 900;
    let state = async |authorization| {
        let expected = ExpectedTransfer::of(node.asset.address, authorization, not_before);
        rpc.payment_state(&expected).await.unwrap()
    };
    assert_eq!(state(&authorization).await, PaymentState::Unused);
    let order = buyer.signed(authorization.clone());
    node.hand_in(&transfer(&order)).await;
    assert_eq!(node.balance(SELLER).await, PRICE);
    let paid = state(&authorization).await;
    assert!(matches!(paid, PaymentState::Paid { .. }), "{paid:?}");

    let mut other = buyer.authorization(2);
    other.valid_before = authorization.valid_before;
    assert_eq!(state(&other).await, PaymentState::Unused);
    let end = other.valid_before.to::<u64>();
    node.mine_at(end - 1).await;
    assert_eq!(state(&other).await, PaymentState::Unused);
    node.mine_at(end).await;
    assert_eq!(state(&other).await, PaymentState::Expired);
    // And so it is: the token refuses it.
    node.hand_in(&transfer(&buyer.signed(other))).await;
    assert_eq!(node.balance(SELLER).await, PRICE);
}

/// A thousand blocks before it and two thousand after it, some of them slow and some fast, at a node that does not search them all.
#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_payment_is_found_however_long_ago_it_was() {
    const DAY: u64 = 86_400;
    let node = Node::behind(2 * DAY).await;
    let buyer = funded(&node).await;
    node.mine_many(1_000, 2).await;
    node.mine_many(50, 600).await;
    let mut moves = Vec::new();
    for (number, step) in [
        (1, "paid"),
        (2, "to oneself"),
        (3, "taken back"),
        (4, "none"),
    ] {
        let mut authorization = buyer.authorization(number);
        authorization.valid_before = U256::from(node.seconds().await + 120);
        let order = buyer.signed(authorization.clone());
        let mut to_oneself = authorization.clone();
        to_oneself.to = buyer.address();
        match step {
            "paid" => drop(node.hand_in(&transfer(&order)).await),
            "to oneself" => drop(node.hand_in(&transfer(&buyer.signed(to_oneself))).await),
            "taken back" => {
                let call = cancel(&buyer, &node, authorization.nonce).await;
                drop(node.hand_in(&call).await);
            }
            _ => {}
        }
        moves.push((step, authorization, node.seconds().await));
        node.mine_many(20, 2).await;
    }
    node.mine_many(1_000, 1).await;
    node.mine_many(1_000, 12).await;
    let (_proxy, url) = Proxy::start(&node.url, Fault::NarrowSearch, 0).await;
    let rpc = Rpc::new(runtime::http::client(), url);
    for (step, authorization, at) in moves {
        let not_before = authorization.valid_before.to::<u64>() - 120;
        let expected = ExpectedTransfer::of(node.asset.address, &authorization, not_before);
        let state = rpc.payment_state(&expected).await.unwrap();
        match (step, state) {
            ("paid", PaymentState::Paid { at: found, .. }) => assert_eq!(found, at),
            ("to oneself" | "taken back", PaymentState::Void) => {}
            ("none", PaymentState::Expired) => {}
            other => panic!("{other:?}"),
        }
    }
    // What was spent is said with the time from which on it is counted.
    let sent = async |rpc: &Rpc| {
        let sent = rpc.transfers_sent(node.asset.address, buyer.address());
        let sent = sent.await.unwrap();
        (sent.count, sent.since)
    };
    let whole = Rpc::new(runtime::http::client(), node.url.clone());
    assert_eq!(sent(&whole).await, (2, None));
    let since = node.seconds().await - 499 * 12;
    let (count, found) = sent(&rpc).await;
    assert_eq!(count, 0);
    assert!(found.unwrap().abs_diff(since) < 120, "{found:?}, {since}");
}

/// Of several nodes behind one address one knows the newest block, and another one answers from an earlier one.
#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_node_that_is_behind_ends_nothing() {
    let node = Node::start().await;
    let buyer = funded(&node).await;
    let authorization = buyer.authorization(1);
    let order = buyer.signed(authorization.clone());
    node.hand_in(&transfer(&order)).await;
    node.mine_at(authorization.valid_before.to::<u64>()).await;
    let (_proxy, url) = Proxy::start(&node.url, Fault::StateBehind, 0).await;
    let rpc = Rpc::new(runtime::http::client(), url);
    let not_before = x402::now_seconds() - 60;
    let expected = ExpectedTransfer::of(node.asset.address, &authorization, not_before);
    let state = rpc.payment_state(&expected).await;
    assert!(matches!(state, Ok(PaymentState::Paid { .. })), "{state:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_payment_on_a_chain_that_is_behind_is_answered() {
    let node = Node::behind(300).await;
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::on(&node, folder.path(), shop::nothing()).await;
    let buyer = funded(&node).await;
    let client = client(&node, &node.url, &shop, &buyer);
    let paid = client.get(shop.url().clone()).await.unwrap();
    assert_eq!(
        (paid.status.as_u16(), &paid.body[..]),
        (200, &b"a thing"[..])
    );
    assert_eq!(node.balance(SELLER).await, PRICE);
    // The next look bears the receipt out.
    let account = client.account("").await.unwrap();
    assert_eq!(account.receipts[0].evidence, Evidence::Chain);
}

/// Whoever looks only around the time by our clock never finds it, and counts it as open for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_payment_on_a_chain_that_is_behind_is_found() {
    let node = Node::behind(300).await;
    let folder = tempfile::tempdir().unwrap();
    let settler = chain(&node.asset, &node.url, folder.path()).await;
    let facilitator = shop::facilitator(settler).await;
    let manner = shop::Manner {
        denies: true,
        ..shop::Manner::default()
    };
    let seller = Shop::with(&node.asset, &facilitator, Some(&node.url), manner).await;
    let buyer = funded(&node).await;
    // It goes on, so that its newest block is not the one with the payment.
    let node = Arc::new(node);
    let step = node.clone();
    let go_on: shop::Meanwhile = Arc::new(move || {
        let node = step.clone();
        Box::pin(async move { node.mine().await })
    });
    let url = Proxy::before(&node.url, "eth_getBlockByNumber", go_on).await;
    let client = client(&node, &url, &seller, &buyer);
    let paid = client.get(seller.url().clone()).await.unwrap();
    assert_eq!(paid.status.as_u16(), 500);
    assert_eq!(paid.receipt.unwrap().evidence, Evidence::Chain);
    assert_eq!(node.balance(SELLER).await, PRICE);
}

fn money(account: &Account) -> (U256, U256) {
    (account.spent_today, account.open)
}

/// The chain stands still when the payment is sent to it, and goes on with blocks of that time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes 70 s, and needs anvil: cargo xtask test payments"]
async fn while_the_chain_stands_still_nothing_is_said_to_have_ended() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&node.url, folder.path());
    settings.answer_within = Duration::from_millis(500);
    let settler = Chain::open(node.asset.clone(), settings).await.unwrap();
    let facilitator = shop::facilitator(settler).await;
    let manner = shop::Manner {
        max_timeout_seconds: 7,
        ..shop::Manner::default()
    };
    let shop = Shop::with(&node.asset, &facilitator, Some(&node.url), manner).await;
    let buyer = funded(&node).await;
    let client = client(&node, &node.url, &shop, &buyer);
    node.stop_mining().await;
    let halted_at = node.seconds().await;

    let error = client.get(shop.url().clone()).await.unwrap_err();
    let PayError::OutcomeUnknown { valid_before, .. } = error else {
        panic!("{error}");
    };
    let price = U256::from(PRICE);
    let end = valid_before + x402::chain::CLOCK_SKEW_SECONDS + 2;
    let left = end.saturating_sub(x402::now_seconds());
    tokio::time::sleep(Duration::from_secs(left)).await;
    let account = client.account("").await.unwrap();
    assert_eq!(money(&account), (price, price), "nobody can tell yet");

    node.mine_at(halted_at + 1).await;
    assert_eq!(node.balance(SELLER).await, PRICE, "it moves after all");
    assert_eq!(node.balance(buyer.address()).await, FUNDS - PRICE);
    let account = client.account("").await.unwrap();
    assert_eq!(money(&account), (price, U256::ZERO));
    assert_eq!(account.receipts[0].evidence, Evidence::Chain);
}

/// Sent again at 11, 22 and 32 s, while no block comes for 35 s; and again when it has come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes 40 s, and needs anvil: cargo xtask test payments"]
async fn a_slow_payment_without_an_identifier_is_answered_once() {
    let node = Node::start().await;
    let buyer = funded(&node).await;
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::on(&node, folder.path(), shop::nothing()).await;
    node.stop_mining().await;
    let order = buyer.order(1);
    let asked = [0, 11, 22, 32].map(|seconds| {
        let (shop, order) = (shop.clone(), order.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            shop.buy(&order).await
        })
    });
    tokio::time::sleep(Duration::from_secs(35)).await;
    node.start_mining().await;
    node.mine().await;
    let mut bought = Vec::new();
    for one in asked {
        bought.push(one.await.unwrap());
    }
    for _ in 0..4 {
        bought.push(shop.buy(&order).await);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let answers = bought.iter().filter(|bought| bought.status == 200).count();
    assert_eq!(answers, 1, "{bought:?}");
    assert_eq!((shop.made(), node.balance(SELLER).await), (1, PRICE));
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_payment_that_never_ends_buys_nothing() {
    let node = Node::start().await;
    let buyer = funded(&node).await;
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::on(&node, folder.path(), shop::nothing()).await;
    // The offer's minute, a minute for clocks, and a few seconds for this test.
    for end in [U256::MAX, U256::from(x402::now_seconds() + 130)] {
        let mut authorization = buyer.authorization(1);
        authorization.valid_before = end;
        let bought = shop.buy(&buyer.signed(authorization)).await;
        let refused = (402, reason::VALID_BEFORE);
        assert_eq!((bought.status, &*bought.code()), refused);
    }
    assert_eq!((shop.made(), node.balance(SELLER).await), (0, 0));
}
