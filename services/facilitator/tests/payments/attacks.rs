//! Answers for nothing, tried on the real parts: our seller, our facilitator, a real chain, and a buyer that hands what it has
//! signed to the token by itself. What decides is the status of the seller's answer, and the balances.

use crate::market::{Buyer, PRICE, SELLER, chain, settings};
use crate::node::Node;
use crate::shop::{self, Shop};
use crate::token::{cancel, transfer};
use facilitator::chain::Chain;
use facilitator::ledger::Ledger;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use x402::U256;
use x402::wire::FacilitatorRequest;

const FUNDS: u64 = 1_000_000;
const AGAIN: usize = 3;

/// What the buyer hands to the token in place of the facilitator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// The same nonce, for a little of the money, to himself.
    PayOneself,
    /// The payment itself: the money goes to the seller, and not by the facilitator.
    FrontRun,
    /// The nonce is taken back.
    Cancel,
}

const MOVES: [Move; 3] = [Move::PayOneself, Move::FrontRun, Move::Cancel];

struct Scene {
    node: Arc<Node>,
    folder: TempDir,
    /// What the seller is shown.
    order: FacilitatorRequest,
    /// The call of the token that the buyer makes.
    call: String,
    step: Move,
    buyer: Buyer,
}

impl Scene {
    async fn new(step: Move) -> Self {
        let node = Node::start().await;
        let buyer = Buyer::new(&node.asset);
        node.mint(buyer.address(), FUNDS).await;
        let authorization = buyer.authorization(1);
        let order = buyer.signed(authorization.clone());
        let mut to_oneself = authorization.clone();
        to_oneself.to = buyer.address();
        to_oneself.value = U256::from(1);
        let call = match step {
            Move::PayOneself => transfer(&buyer.signed(to_oneself)),
            Move::FrontRun => transfer(&order),
            Move::Cancel => cancel(&buyer, &node, authorization.nonce).await,
        };
        Self {
            node: Arc::new(node),
            folder: tempfile::tempdir().unwrap(),
            order,
            call,
            step,
            buyer,
        }
    }

    async fn shop(&self, meanwhile: shop::Meanwhile) -> Shop {
        Shop::on(&self.node, self.folder.path(), meanwhile).await
    }

    /// After the first answer: the buyer tries again and again. No second answer, and none for nothing.
    async fn assert_nothing_for_nothing(&self, shop: &Shop, first: shop::Bought, timing: &str) {
        let mut bought = vec![first];
        for _ in 0..AGAIN {
            bought.push(shop.buy(&self.order).await);
        }
        let step = self.step;
        let answers = bought.iter().filter(|bought| bought.status == 200).count();
        let paid = self.node.balance(SELLER).await;
        let left = self.node.balance(self.buyer.address()).await;
        let statuses: Vec<u16> = bought.iter().map(|bought| bought.status).collect();
        assert_eq!(left + paid, FUNDS, "{timing} {step:?}");
        match step {
            Move::FrontRun => {
                assert_eq!(paid, PRICE, "{timing}");
                // The seller was paid by a stranger, and can sell that once at most.
                assert!(answers <= 1, "{timing} {statuses:?}");
            }
            Move::PayOneself | Move::Cancel => {
                assert_eq!(paid, 0, "{timing} {step:?}");
                assert_eq!(answers, 0, "{timing} {step:?} {bought:#?}");
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_nonce_that_is_used_before_verifying_buys_nothing() {
    for step in MOVES {
        let scene = Scene::new(step).await;
        let shop = scene.shop(shop::nothing()).await;
        scene.node.hand_in(&scene.call).await;
        let first = shop.buy(&scene.order).await;
        assert_eq!(first.status, 402, "{step:?} {first:?}");
        let timing = "before verifying";
        scene.assert_nothing_for_nothing(&shop, first, timing).await;
        assert_eq!(shop.made(), 0, "{step:?}");
    }
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_nonce_that_is_used_between_verifying_and_settling_buys_nothing() {
    for step in MOVES {
        let scene = Scene::new(step).await;
        let (node, call) = (scene.node.clone(), scene.call.clone());
        let meanwhile: shop::Meanwhile = Arc::new(move || {
            let (node, call) = (node.clone(), call.clone());
            Box::pin(async move { drop(node.hand_in(&call).await) })
        });
        let shop = scene.shop(meanwhile).await;
        let first = shop.buy(&scene.order).await;
        assert_eq!(shop.made(), 1, "{step:?} was verified: {first:?}");
        let timing = "between verifying and settling";
        scene.assert_nothing_for_nothing(&shop, first, timing).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_nonce_that_is_used_while_our_transaction_waits_buys_nothing() {
    for step in MOVES {
        let scene = Scene::new(step).await;
        let shop = scene.shop(shop::nothing()).await;
        scene.node.stop_mining().await;
        let buying = {
            let (shop, order) = (shop.clone(), scene.order.clone());
            tokio::spawn(async move { shop.buy(&order).await })
        };
        scene.node.waiting(1).await;
        // It pays more, so it comes first.
        scene.node.send_to_token(&scene.call).await;
        scene.node.waiting(2).await;
        while !buying.is_finished() {
            scene.node.mine().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        scene.node.start_mining().await;
        let first = buying.await.unwrap();
        let timing = "while our transaction waits";
        scene.assert_nothing_for_nothing(&shop, first, timing).await;
    }
}

/// The facilitator says "pending" and names its transaction; before that is in a block, the buyer spends the nonce on himself.
/// Such a seller knows no chain, as one for a network of its price table may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_payment_that_is_only_pending_buys_nothing() {
    for step in MOVES {
        let scene = Scene::new(step).await;
        let mut settings = settings(&scene.node.url, scene.folder.path());
        settings.answer_within = Duration::from_millis(500);
        let settler = Chain::open(scene.node.asset.clone(), settings).await;
        let facilitator = shop::facilitator(settler.unwrap()).await;
        let manner = shop::Manner::default();
        let shop = Shop::with(&scene.node.asset, &facilitator, None, manner).await;
        scene.node.stop_mining().await;
        let first = shop.buy(&scene.order).await;
        assert_eq!(
            (first.status, &*first.code()),
            (502, "settlementUnknown"),
            "{step:?}"
        );
        scene.node.send_to_token(&scene.call).await;
        scene.node.waiting(2).await;
        scene.node.mine().await;
        scene.node.start_mining().await;
        let timing = "while it is pending";
        scene.assert_nothing_for_nothing(&shop, first, timing).await;
    }
}

/// Several services of one owner: each has its own table of payments, and all have one `pay_to`.
async fn shops(node: &Node, facilitator: &url::Url, rpc: &url::Url) -> Vec<Shop> {
    let mut shops = Vec::new();
    for _ in 0..SHOPS {
        shops.push(Shop::open(&node.asset, facilitator, rpc, shop::nothing()).await);
    }
    shops
}

const SHOPS: usize = 5;

/// Sends one payment to all of them at once, until each has said how it ended. Returns how many have answered.
async fn answers(shops: &[Shop], order: &FacilitatorRequest) -> usize {
    let mut answers = 0;
    for _ in 0..=AGAIN {
        let asked = shops.iter().map(|shop| shop.buy(order));
        let bought = futures_util::future::join_all(asked).await;
        answers += bought.iter().filter(|bought| bought.status == 200).count();
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn one_payment_to_many_sellers_is_one_answer() {
    let node = Node::start().await;
    let buyer = Buyer::new(&node.asset);
    node.mint(buyer.address(), FUNDS).await;
    let folder = tempfile::tempdir().unwrap();
    let on_chain = chain(&node.asset, &node.url, folder.path()).await;
    let facilitator = shop::facilitator(on_chain).await;
    let shops = shops(&node, &facilitator, &node.url).await;
    for number in 1..=5 {
        assert_eq!(answers(&shops, &buyer.order(number)).await, 1);
        assert_eq!(node.balance(SELLER).await, u64::from(number) * PRICE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn one_slow_payment_to_many_sellers_is_one_answer() {
    let node = Arc::new(Node::start().await);
    let buyer = Buyer::new(&node.asset);
    node.mint(buyer.address(), FUNDS).await;
    let folder = tempfile::tempdir().unwrap();
    // Everybody hears "pending" at first.
    let mut settings = settings(&node.url, folder.path());
    settings.answer_within = Duration::from_millis(500);
    let on_chain = Chain::open(node.asset.clone(), settings).await.unwrap();
    let facilitator = shop::facilitator(on_chain).await;
    let shops = shops(&node, &facilitator, &node.url).await;
    let order = buyer.order(1);
    node.stop_mining().await;
    let selling = {
        let (shops, order) = (shops.clone(), order.clone());
        tokio::spawn(async move { answers(&shops, &order).await })
    };
    node.waiting(1).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    node.start_mining().await;
    node.mine().await;
    let mut all = selling.await.unwrap();
    // Records of open settlements may be looked at again only after a while.
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        all += answers(&shops, &order).await;
    }
    assert_eq!(all, 1);
    assert_eq!(node.balance(SELLER).await, PRICE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs with the others of its kind: cargo xtask test payments"]
async fn one_payment_to_many_sellers_is_one_answer_on_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let asset = x402::Asset {
        network: "eip155:31337".into(),
        address: x402::Address::repeat_byte(1),
        name: "USDC".into(),
        version: "2".into(),
        decimals: 6,
    };
    let file = folder.path().join("ledger.ndjson");
    let ledger = Ledger::open(&file, asset.clone(), U256::from(FUNDS)).unwrap();
    let facilitator = shop::facilitator(ledger.clone()).await;
    let mut shops = Vec::new();
    for _ in 0..SHOPS {
        shops.push(Shop::open(&asset, &facilitator, &facilitator, shop::nothing()).await);
    }
    let buyer = Buyer::new(&asset);
    for number in 1..=10 {
        assert_eq!(answers(&shops, &buyer.order(number)).await, 1);
        assert_eq!(ledger.height(), u64::from(number));
    }
}
