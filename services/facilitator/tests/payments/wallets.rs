//! Smart wallets: where an account has code, the code decides what it has signed, and its key no longer does.

use crate::chain::{FUNDS, reason_of};
use crate::market::{Buyer, PRICE, SELLER, chain, settings};
use crate::node::Node;
use crate::shop::{self, Shop};
use alloy_primitives::B256;
use facilitator::chain::Chain;
use serde_json::json;
use std::time::Duration;
use tempfile::TempDir;
use x402::exact::{Domain, digest};
use x402::wire::FacilitatorRequest;
use x402::{Address, reason};

/// The most gas that a settlement may take: 500,000 by estimate, and a quarter more.
const GAS_MAX: u64 = 625_000;

struct Scene {
    node: Node,
    settler: Chain,
    /// Signs for the wallet.
    owner: Buyer,
    wallet: Address,
    _folder: TempDir,
}

impl Scene {
    async fn new(contract: &str) -> Self {
        let node = Node::start().await;
        let folder = tempfile::tempdir().unwrap();
        let settler = chain(&node.asset, &node.url, folder.path()).await;
        let owner = Buyer::new(&node.asset);
        let wallet = node.wallet(contract, owner.address()).await;
        node.mint(wallet, FUNDS).await;
        Self {
            node,
            settler,
            owner,
            wallet,
            _folder: folder,
        }
    }

    /// A payment of the wallet: the owner's signature, and `more` bytes that mean something to the wallet alone.
    fn order(&self, number: u8, more: usize) -> FacilitatorRequest {
        let mut authorization = self.owner.authorization(number);
        authorization.from = self.wallet;
        let domain = Domain::of(&self.node.asset).unwrap();
        let signature = self.owner.sign_digest(digest(&authorization, domain));
        let mut order = self.owner.signed(authorization);
        let signature = [&signature[..], &vec![0xab; more]].concat();
        order.payment_payload.payload.signature = format!("0x{}", hex::encode(signature));
        order
    }

    async fn shop(&self) -> Shop {
        let facilitator = shop::facilitator(self.settler.clone()).await;
        Shop::open(
            &self.node.asset,
            &facilitator,
            &self.node.url,
            shop::nothing(),
        )
        .await
    }

    /// Verified or not, nothing moves, no gas is spent, and our seller answers nothing.
    async fn assert_refused(&self, order: &FacilitatorRequest, wanted: &str) {
        let before = self.node.transactions().await;
        let settled = self.settler.settle(order, None).await;
        assert_eq!(reason_of(&settled), wanted, "{settled:?}");
        let bought = self.shop().await.buy(order).await;
        assert_eq!(bought.status, 402, "{bought:?}");
        assert_eq!(self.node.transactions().await, before);
        assert_eq!(self.node.balance(self.wallet).await, FUNDS);
        assert_eq!(self.node.balance(SELLER).await, 0);
    }

    async fn verified(&self, order: &FacilitatorRequest) -> String {
        let verified = self.settler.verify(order).await;
        verified.invalid_reason.unwrap_or_default()
    }
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_smart_wallet_settles_once() {
    let scene = Scene::new("OwnedWallet").await;
    // As long as a key's signature, and longer.
    for (number, more) in [(1, 0), (2, 35), (3, 700)] {
        let order = scene.order(number, more);
        assert_eq!(scene.verified(&order).await, "");
        let first = scene.settler.settle(&order, None).await;
        assert!(first.success, "{more} {first:?}");
        assert_eq!(scene.verified(&order).await, reason::NONCE_USED);
        let again = scene.settler.settle(&order, None).await;
        assert_eq!(reason_of(&again), reason::NONCE_USED);
        let paid = u64::from(number) * PRICE;
        assert_eq!(scene.node.balance(SELLER).await, paid);
        assert_eq!(scene.node.balance(scene.wallet).await, FUNDS - paid);
    }
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_smart_wallet_buys_from_our_seller() {
    let scene = Scene::new("OwnedWallet").await;
    let shop = scene.shop().await;
    for (number, more) in [(1, 0), (2, 35)] {
        let bought = shop.buy(&scene.order(number, more)).await;
        assert_eq!(bought.status, 200, "{bought:?}");
    }
    assert_eq!(scene.node.balance(SELLER).await, 2 * PRICE);
    // Somebody else signs for it.
    let mut forged = scene.order(3, 0);
    let stranger = Buyer::new(&scene.node.asset);
    let signature = stranger.sign_digest(B256::repeat_byte(1));
    forged.payment_payload.payload.signature = format!("0x{}", hex::encode(signature));
    assert_eq!(shop.buy(&forged).await.status, 402);
    assert_eq!(scene.node.balance(SELLER).await, 2 * PRICE);
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn what_is_no_wallets_signature_costs_nothing() {
    let scene = Scene::new("OwnedWallet").await;
    let mut long = scene.order(1, 0);
    long.payment_payload.payload.signature = format!("0x{}", "ab".repeat(4097));
    let mut torn = scene.order(1, 0);
    torn.payment_payload.payload.signature = format!("0x1234{}", "6492".repeat(16));
    let mut other = scene.order(1, 35);
    other.payment_payload.payload.authorization.nonce.0[0] ^= 1;
    for (order, wanted) in [
        (long, reason::SIGNATURE),
        (torn, reason::SIGNATURE),
        (other, reason::SIGNATURE),
    ] {
        assert_eq!(scene.verified(&order).await, wanted);
        scene.assert_refused(&order, wanted).await;
    }
    let burning = Scene::new("BurningWallet").await;
    let order = burning.order(1, 0);
    assert_eq!(burning.verified(&order).await, reason::SIGNATURE);
    burning.assert_refused(&order, reason::SIGNATURE).await;
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn an_older_token_knows_no_wallets() {
    let scene = Scene::new("OwnedWallet").await;
    scene.node.put(scene.node.asset.address, "OldDollar").await;
    let order = scene.order(1, 0);
    assert_eq!(scene.verified(&order).await, reason::SIMULATION_FAILED);
    scene
        .assert_refused(&order, reason::SIMULATION_FAILED)
        .await;
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_wallet_that_says_yes_to_questions_only_costs_nothing() {
    let scene = Scene::new("LyingWallet").await;
    let order = scene.order(1, 35);
    assert_eq!(scene.verified(&order).await, "", "it lies");
    scene
        .assert_refused(&order, reason::SIMULATION_FAILED)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_wallet_that_changes_its_mind_costs_bounded_gas() {
    let scene = Scene::new("OwnedWallet").await;
    let order = scene.order(1, 35);
    scene.node.stop_mining().await;
    let settling = {
        let (settler, order) = (scene.settler.clone(), order.clone());
        tokio::spawn(async move { settler.settle(&order, None).await })
    };
    scene.node.waiting(1).await;
    let close = "0x43d726d6";
    scene.node.send_to(scene.wallet, close).await;
    scene.node.waiting(2).await;
    scene.node.mine().await;
    let settled = settling.await.unwrap();
    assert_eq!(
        reason_of(&settled),
        reason::TRANSACTION_FAILED,
        "{settled:?}"
    );
    let (gas, succeeded) = scene.node.last_settlement().await;
    assert!(!succeeded && gas <= GAS_MAX, "{gas}");
    scene.node.start_mining().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Having cost gas for nothing once, it is not served again, whatever it says now.
    let owner = scene.owner.address().into_word();
    let open = json!([scene.wallet, "0x0", owner]);
    scene.node.call("anvil_setStorageAt", open).await;
    for order in [order, scene.order(2, 35)] {
        assert_eq!(scene.verified(&order).await, reason::WALLET_REVERTED);
        scene.assert_refused(&order, reason::WALLET_REVERTED).await;
    }
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn where_an_account_has_delegated_its_key_counts_for_nothing() {
    let mut scene = Scene::new("RefusingWallet").await;
    let refusing = scene.wallet;
    // The account of a key, which signs for itself.
    scene.wallet = scene.owner.address();
    scene.node.mint(scene.wallet, FUNDS).await;
    let order = scene.order(1, 0);
    assert_eq!(scene.verified(&order).await, "");
    scene.node.delegate(scene.wallet, refusing).await;
    // What was verified a moment ago is asked of the token again.
    scene
        .assert_refused(&order, reason::SIMULATION_FAILED)
        .await;
    let order = scene.order(2, 0);
    assert_eq!(scene.verified(&order).await, reason::SIGNATURE);
    scene.assert_refused(&order, reason::SIGNATURE).await;
    // On an older token as well, which would take the key.
    scene.node.put(scene.node.asset.address, "OldDollar").await;
    scene.assert_refused(&order, reason::SIGNATURE).await;
}

const FACTORY: Address = Address::repeat_byte(0xfa);
const MULTICALL: &str = "0xcA11bde05977b3631167028862bE2a173976CA11";

/// A wallet that is not deployed yet, of an owner who has a factory's word for its address.
async fn undeployed(factories_allowed: Vec<Address>) -> Scene {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&node.url, folder.path());
    settings.factories_allowed = factories_allowed;
    let settler = Chain::open(node.asset.clone(), settings).await.unwrap();
    let owner = Buyer::new(&node.asset);
    node.put(FACTORY, "WalletFactory").await;
    node.put(MULTICALL.parse().unwrap(), "Multicall3").await;
    let who = hex::encode(owner.address().into_word());
    let selector = &alloy_primitives::keccak256("addressOf(address)")[..4];
    let data = format!("0x{}{who}", hex::encode(selector));
    let asked = json!([{ "to": FACTORY, "data": data }, "latest"]);
    let word: B256 = serde_json::from_value(node.call("eth_call", asked).await).unwrap();
    let wallet = Address::from_word(word);
    node.mint(wallet, FUNDS).await;
    Scene {
        node,
        settler,
        owner,
        wallet,
        _folder: folder,
    }
}

impl Scene {
    /// The same payment with the wallet's deployment around its signature: `abi.encode(factory, data, signature)`.
    fn wrapped(&self, number: u8) -> FacilitatorRequest {
        let mut order = self.order(number, 0);
        let signature = &mut order.payment_payload.payload.signature;
        let inner = signature.trim_start_matches("0x").to_owned();
        let selector = hex::encode(&alloy_primitives::keccak256("make(address)")[..4]);
        let owner = hex::encode(self.owner.address().into_word());
        let factory = hex::encode(FACTORY.into_word());
        let word = |number: usize| format!("{number:064x}");
        let (data, suffix) = (format!("{selector}{owner}"), "6492".repeat(16));
        *signature = format!(
            "0x{factory}{}{}{}{data:0<128}{}{inner:0<192}{suffix}",
            word(96),
            word(192),
            word(36),
            word(65),
        );
        order
    }

    async fn is_deployed(&self) -> bool {
        let code = self
            .node
            .call("eth_getCode", json!([self.wallet, "latest"]));
        code.await != "0x"
    }
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn a_wallet_is_deployed_by_an_allowed_factory_with_its_first_payment() {
    let scene = undeployed(vec![FACTORY]).await;
    let before = scene.node.transactions().await;
    let order = scene.wrapped(1);
    assert_eq!(scene.verified(&order).await, "");
    let first = scene.settler.settle(&order, None).await;
    assert!(first.success, "{first:?}");
    assert!(scene.is_deployed().await);
    // Deployed, it still may send its deployment along, or not.
    for order in [scene.wrapped(2), scene.order(3, 0)] {
        assert_eq!(scene.verified(&order).await, "");
        assert!(scene.settler.settle(&order, None).await.success);
    }
    assert_eq!(scene.node.transactions().await, before + 3);
    assert_eq!(scene.node.balance(SELLER).await, 3 * PRICE);
    assert_eq!(scene.node.balance(scene.wallet).await, FUNDS - 3 * PRICE);
}

#[tokio::test]
#[ignore = "needs anvil: cargo xtask test payments"]
async fn nothing_is_deployed_for_a_payment_that_does_not_settle() {
    // Nobody has allowed the factory.
    let scene = undeployed(Vec::new()).await;
    let order = scene.wrapped(1);
    assert_eq!(scene.verified(&order).await, reason::FACTORY_NOT_ALLOWED);
    scene
        .assert_refused(&order, reason::FACTORY_NOT_ALLOWED)
        .await;

    // It is, and somebody else has signed.
    let scene = undeployed(vec![FACTORY]).await;
    let mut forged = scene.wrapped(1);
    let nonce = &mut forged.payment_payload.payload.authorization.nonce;
    nonce.0[0] ^= 1;
    assert_eq!(scene.verified(&forged).await, reason::SIMULATION_FAILED);
    scene
        .assert_refused(&forged, reason::SIMULATION_FAILED)
        .await;

    // A chain without Multicall3, on which a call of nothing succeeds.
    scene
        .node
        .call("anvil_setCode", json!([MULTICALL, "0x"]))
        .await;
    let order = scene.wrapped(1);
    scene
        .assert_refused(&order, reason::FACTORY_NOT_ALLOWED)
        .await;
    assert!(!scene.is_deployed().await);
}
