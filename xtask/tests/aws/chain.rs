//! The services of this very repository on the emulator: deployed with the real tool, asked, paid for, changed, removed.
//!
//! Their containers are those for 64-bit Arm, and so is the function's program; AWS is the emulator's, its model the tool's own
//! offline model. The stage has a facilitator of its own, with the development ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::authorization::{assert_roles_fit, assert_tool_may};
use crate::deploy::count;
use crate::emulator::{Emulator, send};
use crate::fixture::Workspace;
use crate::state::State;
use crate::this_workspace::{target, this_workspace};

const PROJECT: &str = "turnpike";
/// Every service, and which of them are containers.
const SERVICES: [(&str, bool); 5] = [
    ("facilitator", true),
    ("x402-backend", true),
    ("mcp-server", false),
    ("agent", true),
    ("frontend", true),
];

/// Takes the place of the repository's own stage `dev`.
const STAGE: &str = r#"[workspace.metadata.stages.dev]
region = "us-west-2"
account = "000000000000"
access = "key"
price = "0.01"
price_limit = "0.05"
session_limit = "0.50"
day_limit = "2.00"
network = "eip155:31337"
asset_address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
asset_name = "USDC"
asset_version = "2"
pay_to = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
ledger_grant = "10.00"
ledger_on_aws = "yes"
weather_source = "climate-normals"
model = "turnpike.offline-model"

"#;
const ASSET: &str = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
const SELLER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
/// What the ledger gives every account to begin with, in millionths.
const GRANT: u64 = 10_000_000;
const QUESTION: &str = "What is the weather in Tokyo?";

/// What the services themselves call. Secrets of containers come from ECS.
const APIS_OF_SERVICES: [&str; 5] = [
    "bedrock-agentcore",
    "bedrock-runtime",
    "dynamodb",
    "lambda",
    "secretsmanager",
];
/// What roles grant, and what nothing in this test leads to.
const UNUSED_BY_SERVICES: [&str; 7] = [
    // Another agent may ask its model without streaming, by Converse.
    "turnpike-dev-agent-Role: bedrock:InvokeModel",
    // Settlements on a chain; the ledger of this stage needs none.
    "turnpike-dev-facilitator-TaskRole: dynamodb:DeleteItem",
    "turnpike-dev-facilitator-TaskRole: dynamodb:GetItem",
    "turnpike-dev-facilitator-TaskRole: dynamodb:PutItem",
    // Every table's statement is the same; the buyer keeps what it has written.
    "turnpike-dev-mcp-server-Role: dynamodb:DeleteItem",
    // A sale that fails is let go, and one that is asked for again is looked up.
    "turnpike-dev-x402-backend-TaskRole: dynamodb:DeleteItem",
    "turnpike-dev-x402-backend-TaskRole: dynamodb:GetItem",
];

/// How late lines of a log may be.
const LOGS_WITHIN: Duration = Duration::from_secs(30);

struct Chain {
    workspace: Workspace,
    emulator: Emulator,
    state: State,
}

/// `check` keeps the development ledger off the internet, and the emulator's containers are on this machine: in the workspace's
/// own manifest of the facilitator, which takes the place of the link to the repository's, the rule is left out.
fn keep_the_ledger(root: &Path) {
    let services = root.join("services");
    let repository = fs::canonicalize(&services).unwrap();
    fs::remove_file(&services).unwrap();
    let own = services.join("facilitator");
    fs::create_dir_all(&own).unwrap();
    let link = |from: &Path, to: &Path, but: &str| {
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            if name != but {
                symlink(from.join(&name), to.join(&name)).unwrap();
            }
        }
    };
    link(&repository, &services, "facilitator");
    link(&repository.join("facilitator"), &own, "Cargo.toml");
    let text = fs::read_to_string(repository.join("facilitator/Cargo.toml")).unwrap();
    let rule = ", development_needs = \"chain_rpc_url\"";
    assert!(text.contains(rule));
    fs::write(own.join("Cargo.toml"), text.replace(rule, "")).unwrap();
}

impl Chain {
    async fn new() -> Self {
        let workspace = Workspace::at(this_workspace(), target());
        let emulator = Emulator::with_model();
        let state = State::of_project(&emulator, PROJECT).await;
        let manifest = std::fs::read_to_string(workspace.root().join("Cargo.toml")).unwrap();
        let (before, rest) = manifest
            .split_once("[workspace.metadata.stages.dev]\n")
            .unwrap();
        let (_, after) = rest.split_once("\n[").unwrap();
        workspace.write("Cargo.toml", &format!("{before}{STAGE}[{after}"));
        keep_the_ledger(workspace.root());
        Self {
            workspace,
            emulator,
            state,
        }
    }

    /// The stdout of a verb about the stage.
    #[track_caller]
    fn succeed(&self, words: &[&str]) -> String {
        let words = [words, &["--stage", "dev"]].concat();
        self.workspace.succeed(&self.emulator, &words)
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Json {
        let said = self.succeed(&[words, &["--json"]].concat());
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    #[track_caller]
    fn lines(&self, words: &[&str]) -> Vec<Json> {
        let said = self.succeed(&[words, &["--json"]].concat());
        said.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// What an account has on the stage's ledger, asked as any chain is asked.
    async fn balance(&self, account: &str) -> u64 {
        let data = format!("0x70a08231{:0>64}", account.trim_start_matches("0x"));
        let call = json!([{ "to": ASSET, "data": data }, "latest"]);
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": call });
        let url = self.state.output("facilitator", "Url").await;
        let answer = send("POST", &url, &body.to_string()).unwrap().json();
        let digits = answer["result"].as_str().unwrap();
        u64::from_str_radix(digits.trim_start_matches("0x"), 16).unwrap()
    }

    /// The wallet and the ledger agree that this much was paid, in so many payments.
    async fn assert_paid(&self, millionths: u64, payments: u64) {
        let wallet = self.json(&["wallet"]);
        assert_eq!(wallet["spent"], millionths.to_string(), "{wallet}");
        assert_eq!(wallet["payments"], payments, "{wallet}");
        let buyer = wallet["address"].as_str().unwrap();
        assert_eq!(self.balance(buyer).await, GRANT - millionths, "{wallet}");
        assert_eq!(self.balance(SELLER).await, GRANT + millionths, "{wallet}");
    }

    /// The containers that run, as `name: id`.
    fn containers(&self) -> BTreeSet<String> {
        let running = self.emulator.running();
        let shown = running
            .iter()
            .map(|container| format!("{}: {}", container["Labels"], container["Id"]));
        shown.collect()
    }
}

#[tokio::test]
#[ignore = "compiles all services for 64-bit Arm, needs an emulator of AWS: cargo xtask test images"]
async fn the_services_are_deployed_paid_repriced_and_removed() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let chain = Chain::new().await;
    comes_up(&chain).await;
    answers_and_pays(&chain).await;
    answers_the_page(&chain).await;
    logs_are_tied(&chain);
    costs_more(&chain).await;
    permissions_fit(&chain);
    leaves_nothing(&chain).await;
}

async fn comes_up(chain: &Chain) {
    let events = chain.lines(&["deploy", "--yes"]);
    let last = events.last().unwrap();
    assert_eq!(
        (&last["event"], &last["changed"]),
        (&json!("done"), &json!(true)),
        "{last}"
    );
    let asked: Vec<&Json> = events
        .iter()
        .filter(|event| event["event"] == "smoke")
        .collect();
    assert!(
        asked.len() >= 3 && asked.iter().all(|event| event["passed"] == true),
        "{asked:?}"
    );
    let stacks = chain.state.stacks().await;
    assert_eq!(stacks.len(), SERVICES.len() + 2, "{stacks:?}");
    let stands = |(status, _): &(String, Vec<String>)| status == "CREATE_COMPLETE";
    assert!(stacks.values().all(stands), "{stacks:?}");

    let ecr = aws_sdk_ecr::Client::new(&chain.state.config);
    for (service, _) in SERVICES.iter().filter(|(_, is_container)| *is_container) {
        let images = ecr
            .list_images()
            .repository_name(format!("{PROJECT}/dev/{service}"));
        let images = images.send().await.unwrap();
        assert_eq!(images.image_ids().len(), 1, "{service}: {images:?}");
    }
    let running = chain.emulator.running();
    assert_eq!(running.len(), 4, "{running:?}");
    for container in &running {
        assert_eq!(chain.emulator.engine.architecture(container), "arm64");
    }
}

async fn answers_and_pays(chain: &Chain) {
    chain.assert_paid(0, 0).await;
    let said = chain.succeed(&["invoke", QUESTION]);
    assert!(said.contains("Tokyo") && said.contains('°'), "{said}");
    chain.assert_paid(10_000, 1).await;
    let answer = chain.json(&["invoke", QUESTION]);
    assert_eq!(answer["payments"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(answer["payments"][0]["amount"], "10000", "{answer}");
    chain.assert_paid(20_000, 2).await;
}

/// As a browser does it: signed in with the stage's key, by the load balancer.
async fn answers_the_page(chain: &Chain) {
    let page = chain.state.output("frontend", "Url").await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let ask = || {
        client
            .post(format!("{page}/api/chat"))
            .header("origin", &page)
            .json(&json!({ "prompt": QUESTION }))
    };
    let refused = ask().send().await.unwrap();
    assert_eq!(refused.status(), 401);

    let secrets = aws_sdk_secretsmanager::Client::new(&chain.state.config);
    let name = format!("{PROJECT}/dev/frontend/access-key");
    let key = secrets.get_secret_value().secret_id(name).send().await;
    let key = key.unwrap().secret_string.unwrap();
    let typed: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    let welcome = client
        .post(format!("{page}/sign-in"))
        .header("origin", &page)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("key={typed}"));
    let welcome = welcome.send().await.unwrap();
    assert_eq!(welcome.status(), 303, "{welcome:?}");
    let cookie = welcome.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();

    let answer = ask().header("cookie", cookie).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{answer:?}");
    let events = answer.text().await.unwrap();
    let told: Vec<Json> = events
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    let paid: Vec<&Json> = told
        .iter()
        .filter(|told| told["type"] == "payment")
        .collect();
    assert_eq!(paid.len(), 1, "{events}");
    assert_eq!(paid[0]["receipt"]["displayAmount"], "0.01", "{events}");
    assert_eq!(told.last().unwrap()["type"], "done", "{events}");
    chain.assert_paid(30_000, 3).await;
}

/// The id of the page's question finds its lines in the logs of all five services.
fn logs_are_tied(chain: &Chain) {
    let owners = |lines: &[Json]| -> BTreeSet<String> {
        let owners = lines.iter().map(|line| line["owner"].as_str().unwrap());
        owners.map(str::to_owned).collect()
    };
    let began = Instant::now();
    loop {
        let lines = chain.lines(&["logs"]);
        let mut traces: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
        for line in &lines {
            if let Some(trace) = line["traceId"].as_str() {
                traces.entry(trace).or_default().push(line.clone());
            }
        }
        let widest = traces.iter().max_by_key(|(_, lines)| owners(lines).len());
        if let Some((trace, tied)) = widest
            && owners(tied).len() == SERVICES.len()
        {
            let found = chain.lines(&["logs", "--trace", trace]);
            assert_eq!(owners(&found).len(), SERVICES.len(), "{found:?}");
            return;
        }
        assert!(
            began.elapsed() < LOGS_WITHIN,
            "lines of {:?}, and no question's of all: {widest:?}",
            owners(&lines)
        );
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// A new price is the seller's affair: its stack changes, its container is another, nothing is built or sent for anybody else.
async fn costs_more(chain: &Chain) {
    chain.workspace.replace(
        "Cargo.toml",
        "price = \"0.01\"\nprice_limit = \"0.05\"\nsession_limit = \"0.50\"",
        "price = \"0.02\"\nprice_limit = \"0.05\"\nsession_limit = \"0.50\"",
    );
    let (before, standing) = (chain.containers(), chain.state.stacks().await);
    drop(chain.emulator.take_calls());
    let events = chain.lines(&["deploy", "--yes"]);
    let started: Vec<&str> = events
        .iter()
        .filter(|event| event["event"] == "started")
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    assert_eq!(started, ["turnpike-dev-x402-backend"], "{events:?}");
    let calls = chain.emulator.take_calls();
    assert_eq!(count(&calls, "ExecuteChangeSet"), 1, "{calls:?}");
    assert_eq!(count(&calls, "registry:P"), 0, "{calls:?}");
    assert_eq!(
        calls
            .iter()
            .filter(|call| call.call.starts_with("s3:PUT /") && call.call.contains("/code"))
            .count(),
        0,
        "{calls:?}"
    );
    let after = chain.containers();
    let gone: Vec<&String> = before.difference(&after).collect();
    let new: Vec<&String> = after.difference(&before).collect();
    let is_the_sellers =
        |containers: &[&String]| matches!(containers, [only] if only.contains("x402-backend"));
    assert!(
        is_the_sellers(&gone) && is_the_sellers(&new),
        "{gone:?} {new:?}"
    );
    let changed = chain.state.stacks().await;
    let others = changed
        .iter()
        .filter(|(name, _)| !name.ends_with("x402-backend"));
    assert!(
        others.clone().all(|(name, stack)| standing[name] == *stack),
        "{changed:?}"
    );

    let answer = chain.json(&["invoke", QUESTION]);
    assert_eq!(answer["payments"][0]["amount"], "20000", "{answer}");
    chain.assert_paid(50_000, 4).await;
}

/// What the services ask is what their roles allow, and whoever has the policies of a deploy may do what the tool has done so far.
fn permissions_fit(chain: &Chain) {
    let requests = chain.emulator.requests();
    let by_services: BTreeSet<&str> = requests
        .iter()
        .filter(|made| {
            made.principal
                .as_ref()
                .is_some_and(|by| by.contains(":role/"))
        })
        .map(|made| made.service.as_str())
        .collect();
    assert_eq!(
        by_services,
        BTreeSet::from(APIS_OF_SERVICES),
        "what services call"
    );
    assert_roles_fit(&chain.emulator, &UNUSED_BY_SERVICES);
    drop(assert_tool_may(
        &chain.emulator,
        &chain.workspace,
        "deploy",
        &requests,
    ));
}

async fn leaves_nothing(chain: &Chain) {
    let owned = chain.state.belongings().await;
    for kind in [
        "bucket",
        "repository",
        "log group",
        "secret",
        "table",
        "cluster",
        "runtime",
    ] {
        assert!(
            owned.iter().any(|thing| thing.starts_with(kind)),
            "{kind}: {owned:?}"
        );
    }
    let events = chain.lines(&["destroy", "--yes"]);
    let last = events.last().unwrap();
    assert_eq!(last["event"], "done", "{last}");
    assert_eq!(chain.state.stacks().await.len(), 0);
    assert_eq!(chain.state.belongings().await, [] as [String; 0]);
    assert_eq!(chain.emulator.running(), [] as [Json; 0]);
}
