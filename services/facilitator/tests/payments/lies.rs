//! A facilitator that lies, before our seller, which has a real chain to look at.

use crate::market::Buyer;
use crate::node::Node;
use crate::shop::{self, Shop};
use crate::token::transfer;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;

const FUNDS: u64 = 1_000_000;

/// A facilitator that takes every payment for good, and says that the one for which it was asked is settled in `transaction`.
async fn liar(transaction: &str, network: &str) -> url::Url {
    let verified = || async { Json(json!({ "isValid": true })) };
    let settled = json!({ "success": true, "transaction": transaction, "network": network });
    let router = Router::new()
        .route("/verify", post(verified))
        .route("/settle", post(move || async move { Json(settled) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url.parse().unwrap()
}

/// Transactions that are really on the chain, and are not this payment.
#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_settlement_that_is_another_transaction_buys_nothing() {
    let node = Node::start().await;
    let (buyer, stranger) = (Buyer::new(&node.asset), Buyer::new(&node.asset));
    node.mint(buyer.address(), FUNDS).await;
    node.mint(stranger.address(), FUNDS).await;
    let order = buyer.order(1);
    let mut to_oneself = buyer.authorization(1);
    to_oneself.to = buyer.address();
    let of_another_nonce = node.hand_in(&transfer(&buyer.order(2))).await;
    let of_another_payer = node.hand_in(&transfer(&stranger.order(1))).await;
    let of_this_nonce = node.hand_in(&transfer(&buyer.signed(to_oneself))).await;
    // It reverts: the nonce is used.
    let reverted = node.hand_in(&transfer(&order)).await;
    let network = &*node.asset.network;
    let made_up = format!("0x{}", "ee".repeat(32));
    for (name, transaction, network) in [
        ("another nonce", &*of_another_nonce, network),
        ("another payer", &of_another_payer, network),
        ("to oneself", &of_this_nonce, network),
        ("reverted", &reverted, network),
        ("made up", &made_up, network),
        ("no transaction", "", network),
        ("no hash", "0x1234", network),
        ("another network", &of_another_nonce, "eip155:84532"),
    ] {
        let facilitator = liar(transaction, network).await;
        let shop = Shop::open(&node.asset, &facilitator, &node.url, shop::nothing()).await;
        for _ in 0..4 {
            let bought = shop.buy(&order).await;
            assert!(matches!(bought.status, 402 | 502), "{name}: {bought:?}");
        }
    }
    // The same words, of a payment that was made.
    let order = buyer.order(3);
    let facilitator = liar(&node.hand_in(&transfer(&order)).await, network).await;
    let shop = Shop::open(&node.asset, &facilitator, &node.url, shop::nothing()).await;
    assert_eq!(shop.buy(&order).await.status, 200);
    assert_eq!(shop.buy(&order).await.status, 402);
}
