//! Other implementations of x402 buy from us, and we buy from them. What decides is the balance afterwards, not the answer.

use crate::crash;
use crate::node::Node;
use crate::process::{Process, free_port, run, tests_folder, tool};
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;
use url::Url;
use x402::chain::Rpc;
use x402::client::{PayingClient, Policy};
use x402::wallet::Wallet;
use x402::{Address, Asset, U256};

const PRICE: u64 = 10_000;
const GRANT: u64 = 10_000_000;
const PAY_TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
/// The node's second account: the ledger grants it money, and on the node it is given some.
pub(crate) const KEY: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

/// A facilitator, and where its money can be looked at.
pub(crate) struct Bank {
    asset: Asset,
    facilitator: Url,
    rpc: Url,
    node: Option<Node>,
    process: Process,
    _folder: TempDir,
}

impl Bank {
    /// The development ledger.
    pub(crate) fn ledger() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let asset = x402::testing::development_asset();
        let file = folder.path().join("ledger.ndjson").display().to_string();
        let mut pairs = money(&asset);
        pairs.extend([
            ("PORT", port.to_string()),
            ("LEDGER_FILE", file),
            ("LEDGER_GRANT", grant()),
        ]);
        let process = Process::start(&program("facilitator"), &[], &pairs);
        process.line_with("listening");
        let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
        Self {
            asset,
            facilitator: url.clone(),
            rpc: url,
            node: None,
            process,
            _folder: folder,
        }
    }

    /// A real EVM node, and the facilitator that settles on it.
    pub(crate) async fn chain(node: Node) -> Self {
        let folder = tempfile::tempdir().unwrap();
        node.mint(wallet().address(), GRANT).await;
        node.mint(PAY_TO.parse().unwrap(), GRANT).await;
        let service = crash::start(&node, &node.url, folder.path()).await;
        Self {
            asset: node.asset.clone(),
            facilitator: service.url,
            rpc: node.url.clone(),
            node: Some(node),
            process: service.process,
            _folder: folder,
        }
    }

    pub(crate) fn asset(&self) -> &Asset {
        &self.asset
    }

    pub(crate) fn facilitator(&self) -> &Url {
        &self.facilitator
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// What buyer and seller have.
    async fn balances(&self) -> (u64, u64) {
        let rpc = Rpc::new(runtime::http::client(), self.rpc.clone());
        let balance = async |owner: Address| {
            let balance = rpc.balance_of(self.asset.address, owner).await.unwrap();
            balance.to::<u64>()
        };
        let seller = PAY_TO.parse().unwrap();
        (balance(wallet().address()).await, balance(seller).await)
    }

    pub(crate) async fn assert_paid(&self, times: u64) {
        let paid = (GRANT - times * PRICE, GRANT + times * PRICE);
        assert_eq!(self.balances().await, paid);
        if let Some(node) = &self.node {
            assert_eq!(node.transfers(wallet().address()).await, times);
        }
    }

    /// Our own seller; its program is built by the suite.
    pub(crate) fn shop(&self) -> (Process, Url) {
        self.shop_with(&[])
    }

    /// The same, with other settings.
    pub(crate) fn shop_with(&self, settings: &[(&'static str, &str)]) -> (Process, Url) {
        let port = free_port();
        let mut pairs = money(&self.asset);
        pairs.extend([
            ("PORT", port.to_string()),
            ("FACILITATOR_URL", self.facilitator.to_string()),
            ("CHAIN_RPC_URL", self.rpc.to_string()),
            ("PRICE", "0.01".into()),
            ("PAY_TO", PAY_TO.into()),
            ("WEATHER_SOURCE", "climate-normals".into()),
        ]);
        // Of two with one name the later counts.
        pairs.extend(
            settings
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let process = Process::start(&program("x402-backend"), &[], &pairs);
        process.line_with("listening");
        let url = format!("http://127.0.0.1:{port}/weather?city=Tokyo");
        (process, Url::parse(&url).unwrap())
    }

    /// What a peer's script is told.
    pub(crate) fn told(&self, url: &Url) -> Vec<(&'static str, String)> {
        vec![
            ("URL", url.to_string()),
            ("KEY", KEY.into()),
            ("NETWORK", self.asset.network.clone()),
            ("CHAIN", self.asset.chain_id().unwrap().to_string()),
            ("ASSET", self.asset.address.to_string()),
            ("PAY_TO", PAY_TO.into()),
            (
                "FACILITATOR_URL",
                self.facilitator.as_str().trim_end_matches('/').into(),
            ),
        ]
    }

    /// Our client buys, and is refused what its policy does not allow.
    async fn we_buy(&self, url: &str) {
        let url = Url::parse(&format!("{url}/weather?city=Tokyo")).unwrap();
        let paid = self.client(&url, PRICE).get(url.clone()).await.unwrap();
        assert_eq!(paid.status.as_u16(), 200);
        let body: Value = serde_json::from_slice(&paid.body).unwrap();
        assert_eq!(body["temperatureCelsius"], 21);
        let receipt = paid.receipt.unwrap();
        assert_eq!(receipt.amount, PRICE.to_string());
        assert_eq!(receipt.transaction.len(), 66, "{receipt:?}");
        self.assert_paid(1).await;
        let dear = self.client(&url, PRICE - 1).get(url.clone()).await;
        assert!(dear.is_err(), "{dear:?}");
        self.assert_paid(1).await;
    }

    fn client(&self, url: &Url, limit: u64) -> PayingClient {
        let policy = Policy {
            origin: url.origin(),
            asset: self.asset.clone(),
            pay_to: PAY_TO.parse().unwrap(),
            amount_max: U256::from(limit),
        };
        PayingClient::new(runtime::http::client(), wallet(), policy).unwrap()
    }
}

/// A service's program: the one that the suite has built, or for measurements that in TURNPIKE_TEST_PROGRAMS.
fn program(name: &str) -> String {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_facilitator")).with_file_name(name);
    let chosen =
        std::env::var("TURNPIKE_TEST_PROGRAMS").map(|folder| PathBuf::from(folder).join(name));
    chosen.unwrap_or(built).display().to_string()
}

/// In whole tokens; measurements need more than the usual ten.
fn grant() -> String {
    match std::env::var("TURNPIKE_TEST_PROGRAMS") {
        Ok(_) => "1000000.00".into(),
        Err(_) => "10.00".into(),
    }
}

fn money(asset: &Asset) -> Vec<(&'static str, String)> {
    vec![
        ("NETWORK", asset.network.clone()),
        ("ASSET_ADDRESS", asset.address.to_string()),
        ("ASSET_NAME", asset.name.clone()),
        ("ASSET_VERSION", asset.version.clone()),
    ]
}

pub(crate) fn wallet() -> Wallet {
    Wallet::from_hex(KEY).unwrap()
}

/// A script of ours beside the peer's package: modules are looked for in the folders above a script, so it is copied there.
pub(crate) fn script(name: &str) -> String {
    let source = tests_folder().join("peers").join(name);
    let folder = PathBuf::from(tool("TURNPIKE_TEST_PEERS")).join("scripts");
    std::fs::create_dir_all(&folder).unwrap();
    let copy = folder.join(name);
    std::fs::copy(source, &copy).unwrap();
    copy.display().to_string()
}

fn crate_program(name: &str) -> String {
    format!("{}/{name}", tool("TURNPIKE_TEST_X402_CRATES"))
}

#[track_caller]
pub(crate) fn assert_bought(stdout: &str) -> Value {
    let line = stdout.lines().last().unwrap_or_default();
    let answer: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{stdout}"));
    assert_eq!(answer["status"], 200, "{answer}");
    assert_eq!(answer["body"]["city"], "Tokyo", "{answer}");
    answer
}

#[track_caller]
pub(crate) fn assert_receipt(answer: &Value, network: &str) {
    assert_eq!(answer["receipt"]["success"], true, "{answer}");
    assert_eq!(answer["receipt"]["network"], network, "{answer}");
}

#[tokio::test]
#[ignore = "needs @x402/fetch: cargo xtask test payments"]
async fn x402_fetch_version_2_buys_from_us() {
    let bank = Bank::ledger();
    let (_shop, url) = bank.shop();
    let node = tool("TURNPIKE_TEST_NODE");
    let answer = assert_bought(&run(&node, &[&script("buyer-v2.mjs")], &bank.told(&url)));
    assert_receipt(&answer, "eip155:31337");
    bank.assert_paid(1).await;
}

#[tokio::test]
#[ignore = "needs x402-fetch and anvil: cargo xtask test payments"]
async fn x402_fetch_version_1_buys_from_us_on_a_chain() {
    let bank = Bank::chain(Node::as_base_sepolia().await).await;
    let (_shop, url) = bank.shop();
    let node = tool("TURNPIKE_TEST_NODE");
    let answer = assert_bought(&run(&node, &[&script("buyer-v1.mjs")], &bank.told(&url)));
    assert_receipt(&answer, "base-sepolia");
    bank.assert_paid(1).await;
}

#[tokio::test]
#[ignore = "needs x402-reqwest: cargo xtask test payments"]
async fn x402_reqwest_buys_from_us() {
    let bank = Bank::ledger();
    let (_shop, url) = bank.shop();
    assert_bought(&run(&crate_program("peer-buyer"), &[], &bank.told(&url)));
    bank.assert_paid(1).await;
}

#[tokio::test]
#[ignore = "needs x402 of PyPI: cargo xtask test payments"]
async fn x402_of_python_buys_from_us() {
    let bank = Bank::ledger();
    let (_shop, url) = bank.shop();
    let python = tool("TURNPIKE_TEST_X402_PYTHON");
    let answer = assert_bought(&run(&python, &[&script("buyer.py")], &bank.told(&url)));
    assert_receipt(&answer, "eip155:31337");
    bank.assert_paid(1).await;
}

#[tokio::test]
#[ignore = "needs @x402/express and anvil: cargo xtask test payments"]
async fn we_buy_from_x402_express_on_a_chain() {
    let bank = Bank::chain(Node::start().await).await;
    let told = bank.told(&bank.facilitator);
    let seller = Process::start(&tool("TURNPIKE_TEST_NODE"), &[&script("seller.mjs")], &told);
    bank.we_buy(&seller.line_with("listening on ")).await;
}

#[tokio::test]
#[ignore = "needs x402-axum: cargo xtask test payments"]
async fn we_buy_from_x402_axum() {
    let bank = Bank::ledger();
    let told = bank.told(&bank.facilitator);
    let seller = Process::start(&crate_program("peer-seller"), &[], &told);
    bank.we_buy(&seller.line_with("listening on ")).await;
}
