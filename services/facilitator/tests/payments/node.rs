//! A real EVM node with our test token on it.

use crate::process::{Process, run, tests_folder, tool};
use serde_json::{Value, json};
use std::sync::OnceLock;
use url::Url;
use x402::{Address, Asset, U256};

/// The node's own first account: it deploys the token, and pays the gas of settlements.
pub(crate) const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const ACCOUNT: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
/// Its second account: anybody.
const STRANGER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const TOKEN: &str = x402::testing::DEVELOPMENT_ASSET_ADDRESS;
const BASE_SEPOLIA_USDC: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";

pub(crate) struct Node {
    pub(crate) url: Url,
    pub(crate) asset: Asset,
    client: reqwest::Client,
    _process: Process,
}

/// A contract's code: `create` makes it, `run` stands on the chain.
fn code(contract: &str, form: &str) -> String {
    static TOKENS: OnceLock<Value> = OnceLock::new();
    static WALLETS: OnceLock<Value> = OnceLock::new();
    let (known, file) = if contract.ends_with("Dollar") {
        (&TOKENS, "TestDollar.sol")
    } else {
        (&WALLETS, "Wallets.sol")
    };
    let known = known.get_or_init(|| {
        let contracts = tests_folder().join("contracts");
        let path = |name: &str| contracts.join(name).display().to_string();
        let modules = format!("{}/node_modules", tool("TURNPIKE_TEST_PEERS"));
        let text = run(
            &tool("TURNPIKE_TEST_NODE"),
            &[&path("compile.js"), &path(file)],
            &[("NODE_PATH", modules)],
        );
        serde_json::from_str(&text).unwrap()
    });
    format!("0x{}", known[contract][form].as_str().unwrap())
}

impl Node {
    /// A development chain.
    pub(crate) async fn start() -> Self {
        Self::with(31337, TOKEN, &[]).await
    }

    /// A development chain whose blocks say that it is earlier, by this many seconds.
    pub(crate) async fn behind(seconds: u64) -> Self {
        let first = (x402::now_seconds() - seconds).to_string();
        Self::with(31337, TOKEN, &["--timestamp", &first]).await
    }

    /// The number and the token's address of Base Sepolia, because version 1 of x402 knows real chains only.
    pub(crate) async fn as_base_sepolia() -> Self {
        Self::with(84532, BASE_SEPOLIA_USDC, &[]).await
    }

    async fn with(chain_id: u64, token: &str, more: &[&str]) -> Self {
        let chain = chain_id.to_string();
        let mut arguments = vec!["--host", "127.0.0.1", "--port", "0", "--chain-id", &chain];
        arguments.extend(more);
        let process = Process::start(&tool("TURNPIKE_TEST_ANVIL"), &arguments, &[]);
        let address = process.line_with("Listening on ");
        let node = Self {
            url: Url::parse(&format!("http://{address}/")).unwrap(),
            asset: Asset {
                network: format!("eip155:{chain_id}"),
                address: token.parse().unwrap(),
                name: "USDC".into(),
                version: "2".into(),
                decimals: 6,
            },
            client: runtime::http::client(),
            _process: process,
        };
        if token == TOKEN {
            let create = json!([{ "from": ACCOUNT, "data": code("TestDollar", "create"), "gas": "0x400000" }]);
            node.send(create).await;
        } else {
            // The chain id is part of the domain that the token reckons at each call, so the code can stand anywhere.
            node.put(node.asset.address, "TestDollar").await;
        }
        node
    }

    /// Puts a contract's code at an address, in place of what was there.
    pub(crate) async fn put(&self, address: Address, contract: &str) {
        let code = json!([address, code(contract, "run")]);
        self.call("anvil_setCode", code).await;
    }

    /// A smart wallet at an address of its own, which `owner` signs for.
    pub(crate) async fn wallet(&self, contract: &str, owner: Address) -> Address {
        let mut bytes = [0; 20];
        getrandom::fill(&mut bytes).unwrap();
        let address = Address::from(bytes);
        self.put(address, contract).await;
        let slot = json!([address, "0x0", owner.into_word()]);
        self.call("anvil_setStorageAt", slot).await;
        address
    }

    /// The account lets a contract's code act for it (EIP-7702): its own code is the contract's address behind three bytes.
    pub(crate) async fn delegate(&self, account: Address, to: Address) {
        let designator = format!("0xef0100{}", hex::encode(to));
        let code = json!([account, designator]);
        self.call("anvil_setCode", code).await;
    }

    /// The gas that the settlement account's last transaction took, and its state.
    pub(crate) async fn last_settlement(&self) -> (u64, bool) {
        let block = self
            .call("eth_getBlockByNumber", json!(["latest", true]))
            .await;
        let transactions = block["transactions"].as_array().unwrap().clone();
        let account = ACCOUNT.to_lowercase();
        let ours = transactions
            .iter()
            .find(|one| one["from"] == *account)
            .unwrap();
        let receipt = self
            .call("eth_getTransactionReceipt", json!([ours["hash"]]))
            .await;
        let gas: U256 = serde_json::from_value(receipt["gasUsed"].clone()).unwrap();
        (gas.to::<u64>(), receipt["status"] == "0x1")
    }

    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.client.post(self.url.clone()).json(&body).send().await;
        let mut answer: Value = answer.unwrap().json().await.unwrap();
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].take()
    }

    pub(crate) async fn mint(&self, to: Address, value: u64) {
        let data = format!("0x40c10f19{:0>64}{value:064x}", hex::encode(to));
        let call = json!([{ "from": ACCOUNT, "to": self.asset.address, "data": data }]);
        self.send(call).await;
    }

    /// Returns when the transaction is in a block.
    async fn send(&self, call: Value) {
        let hash = self.call("eth_sendTransaction", call).await;
        while self
            .call("eth_getTransactionReceipt", json!([hash]))
            .await
            .is_null()
        {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Somebody calls the token, and offers more for it than our facilitator does.
    pub(crate) async fn send_to_token(&self, data: &str) -> Value {
        self.send_to(self.asset.address, data).await
    }

    pub(crate) async fn send_to(&self, contract: Address, data: &str) -> Value {
        let call = json!([{
            "from": STRANGER, "to": contract, "data": data, "gas": "0x40000",
            "maxFeePerGas": "0x174876e800", "maxPriorityFeePerGas": "0x2540be400",
        }]);
        self.call("eth_sendTransaction", call).await
    }

    /// The same, until it is in a block. Returns the transaction's hash.
    pub(crate) async fn hand_in(&self, data: &str) -> String {
        let hash = self.send_to_token(data).await;
        loop {
            let receipt = self.call("eth_getTransactionReceipt", json!([hash])).await;
            if !receipt.is_null() {
                return hash.as_str().unwrap().to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn balance(&self, owner: Address) -> u64 {
        let rpc = x402::chain::Rpc::new(self.client.clone(), self.url.clone());
        let balance = rpc.balance_of(self.asset.address, owner).await.unwrap();
        balance.to::<u64>()
    }

    /// How many transfers of `owner` the chain has.
    pub(crate) async fn transfers(&self, owner: Address) -> u64 {
        let rpc = x402::chain::Rpc::new(self.client.clone(), self.url.clone());
        rpc.transfers_sent(self.asset.address, owner)
            .await
            .unwrap()
            .count
    }

    /// How many transactions the settlement account has in blocks.
    pub(crate) async fn transactions(&self) -> u64 {
        let count = self.call("eth_getTransactionCount", json!([ACCOUNT, "latest"]));
        let count: U256 = serde_json::from_value(count.await).unwrap();
        count.to::<u64>()
    }

    pub(crate) async fn stop_mining(&self) {
        self.call("evm_setAutomine", json!([false])).await;
    }

    /// What the settlement account has for gas.
    pub(crate) async fn set_wei(&self, wei: u128) {
        let params = json!([ACCOUNT, format!("{wei:#x}")]);
        self.call("anvil_setBalance", params).await;
    }

    /// From the next block on.
    pub(crate) async fn set_base_fee(&self, wei: u64) {
        let params = json!([format!("{wei:#x}")]);
        self.call("anvil_setNextBlockBaseFeePerGas", params).await;
        self.mine().await;
    }

    pub(crate) async fn start_mining(&self) {
        self.call("evm_setAutomine", json!([true])).await;
    }

    pub(crate) async fn mine(&self) {
        self.call("evm_mine", json!([])).await;
    }

    /// What the newest block says of the time.
    pub(crate) async fn seconds(&self) -> u64 {
        let block = self
            .call("eth_getBlockByNumber", json!(["latest", false]))
            .await;
        let at: U256 = serde_json::from_value(block["timestamp"].clone()).unwrap();
        at.to::<u64>()
    }

    /// So many blocks, and so many seconds between two of them.
    pub(crate) async fn mine_many(&self, blocks: u64, seconds: u64) {
        let params = json!([format!("{blocks:#x}"), format!("{seconds:#x}")]);
        self.call("anvil_mine", params).await;
    }

    /// A block of this moment.
    pub(crate) async fn mine_at(&self, seconds: u64) {
        self.call("evm_mine", json!([seconds])).await;
    }

    /// Waits until this many transactions wait for a block.
    pub(crate) async fn waiting(&self, wanted: u64) {
        for _ in 0..600 {
            let status = self.call("txpool_status", json!([])).await;
            let pending: U256 = serde_json::from_value(status["pending"].clone()).unwrap();
            if pending == U256::from(wanted) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{wanted} transactions should wait");
    }
}
