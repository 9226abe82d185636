//! The real services as containers for 64-bit Arm, on a network of their own: each is healthy by its own health check and not
//! root, and a question is paid for from container to container.
//!
//! Of AWS there is only what a service asks for at its start: a stand-in, compiled here, that answers `GetSecretValue`. The
//! function's program runs in an image of this test, since a zip is none; outside of Lambda it serves plain HTTP.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::containers::{Rubbish, docker, docker_with, load, wait_until_healthy};
use crate::this_workspace::{target, this_workspace};
use crate::workspace::write;

const WALLET_KEY: &str = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

/// Any request is answered with the one secret that there is.
const SECRETS: &str = r##"
use std::io::{Read, Write};
fn main() {
    let listener = std::net::TcpListener::bind("0.0.0.0:8080").unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let count = stream.read(&mut piece).unwrap_or(0);
            request.extend_from_slice(&piece[..count]);
            let text = String::from_utf8_lossy(&request);
            let length = text.to_lowercase().split("content-length: ").nth(1)
                .and_then(|rest| rest.split('\r').next()?.parse::<usize>().ok()).unwrap_or(0);
            let whole = text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length);
            if count == 0 || whole { break; }
        }
        let body = r#"{"ARN":"arn:aws:secretsmanager:us-west-2:000000000000:secret:wallet-key","Name":"wallet-key","SecretString":"KEY"}"#;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    }
}
"##;

/// The network, and who has which address on it. Names are in `/etc/hosts`, so that no DNS of the engine is needed.
struct Network {
    name: String,
    prefix: String,
    rubbish: Rubbish,
}

/// Where mcp-server listens, in the agent's container.
const SIDECAR_PORT: u16 = 9000;
const HOSTS: [&str; 5] = [
    "facilitator",
    "x402-backend",
    "agent",
    "frontend",
    "secrets",
];

impl Network {
    fn create() -> Self {
        let number = std::process::id() % 200;
        let (name, prefix) = (
            format!("turnpike-test-{number}"),
            format!("10.213.{number}"),
        );
        docker(&[
            "network",
            "create",
            "--subnet",
            &format!("{prefix}.0/24"),
            &name,
        ]);
        let mut rubbish = Rubbish::default();
        rubbish.networks.push(name.clone());
        Self {
            name,
            prefix,
            rubbish,
        }
    }

    fn address(&self, host: &str) -> String {
        let index = HOSTS.iter().position(|known| *known == host).unwrap();
        format!("{}.{}", self.prefix, index + 10)
    }

    /// Starts a container at its own address and returns its name.
    fn start(&mut self, host: &str, image: &str, environment: &[(&str, &str)]) -> String {
        let mut words = vec![
            format!("--network={}", self.name),
            format!("--ip={}", self.address(host)),
            "--publish=127.0.0.1::8080".to_owned(),
            format!("--publish=127.0.0.1::{SIDECAR_PORT}"),
        ];
        for other in HOSTS {
            words.push(format!("--add-host={other}:{}", self.address(other)));
        }
        self.run(host, &words, image, environment)
    }

    /// Starts a container that shares another one's addresses and names: to each other they are one machine.
    fn join(
        &mut self,
        host: &str,
        other: &str,
        image: &str,
        environment: &[(&str, &str)],
    ) -> String {
        let words = [format!("--network=container:{other}")];
        self.run(host, &words, image, environment)
    }

    fn run(
        &mut self,
        host: &str,
        more: &[String],
        image: &str,
        environment: &[(&str, &str)],
    ) -> String {
        let name = format!("{}-{host}", self.name);
        let mut words: Vec<String> = ["run", "--detach", "--platform=linux/arm64", "--read-only"]
            .map(str::to_owned)
            .into();
        words.extend(["--name".to_owned(), name.clone()]);
        // On AWS payments are in a table. What an image calls a volume is writable as it stands.
        if environment.iter().any(|(name, _)| *name == "PAYMENTS_FILE") {
            words.push("--tmpfs=/data:uid=65532,gid=65532,mode=0700".to_owned());
        }
        words.extend_from_slice(more);
        for (variable, value) in environment {
            words.push(format!("--env={variable}={value}"));
        }
        words.push(image.to_owned());
        self.rubbish.containers.push(name.clone());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        docker(&words);
        name
    }
}

/// Builds the services as they are shipped, and returns the path of each one's artifact.
fn artifacts(out: &Path) -> BTreeMap<String, PathBuf> {
    let arguments = [
        "build",
        "--json",
        "--stage=local",
        "--set=FACILITATOR_URL=http://facilitator:8080",
        "--set=MCP_SERVER_URL=http://localhost:9000",
        "--set=AGENTCORE_RUNTIME_ARN=arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/agent-0123456789",
        "--set=AGENTCORE_QUALIFIER=live",
        "--out",
    ];
    let arguments = arguments
        .iter()
        .map(std::ffi::OsString::from)
        .chain([out.as_os_str().to_owned()]);
    let command = duct::cmd(env!("CARGO_BIN_EXE_xtask"), arguments)
        .dir(this_workspace())
        .env("CARGO_TARGET_DIR", target())
        .stdout_capture();
    let rows: Vec<Json> = serde_json::from_slice(&command.run().unwrap().stdout).unwrap();
    let text = |row: &Json, key: &str| row[key].as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| (text(row, "service"), text(row, "path").into()))
        .collect()
}

/// An image with one program in it, in the form that `docker save` writes.
#[track_caller]
fn image_of(program: &Path, name: &str) -> String {
    let mut layer = tar::Builder::new(Vec::new());
    layer.append_path_with_name(program, name).unwrap();
    let layer = layer.into_inner().unwrap();
    let tag = format!("turnpike-test/{name}:latest");
    let config = json!({
        "architecture": "arm64", "os": "linux",
        "config": { "User": "65532:65532", "Entrypoint": [format!("/{name}")], "Env": [] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", hex::encode(Sha256::digest(&layer)))] },
    });
    let list = json!([{ "Config": "config.json", "RepoTags": [&tag], "Layers": ["layer.tar"] }]);
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in [
        ("config.json", config.to_string().into_bytes()),
        ("layer.tar", layer),
        ("manifest.json", list.to_string().into_bytes()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, path, bytes.as_slice())
            .unwrap();
    }
    let output = docker_with(&["load"], archive.into_inner().unwrap());
    assert!(output.status.success(), "{output:?}");
    tag
}

fn function_image(zip: &Path, folder: &Path) -> String {
    let mut archive = zip::ZipArchive::new(fs::File::open(zip).unwrap()).unwrap();
    let mut program = Vec::new();
    archive
        .by_name("bootstrap")
        .unwrap()
        .read_to_end(&mut program)
        .unwrap();
    let path = folder.join("bootstrap");
    write_program(&path, &program);
    image_of(&path, "bootstrap")
}

fn write_program(path: &Path, program: &[u8]) {
    fs::write(path, program).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o555)).unwrap();
}

fn stand_in_image(folder: &Path) -> String {
    write(folder, "secrets.rs", &SECRETS.replace("KEY", WALLET_KEY));
    let arguments = "--edition=2021 --target=aarch64-unknown-linux-musl -Clinker=rust-lld -Copt-level=1 -o secrets secrets.rs";
    duct::cmd("rustc", arguments.split(' '))
        .dir(folder)
        .run()
        .unwrap();
    image_of(&folder.join("secrets"), "secrets")
}

/// The settings of the local stage that several services share.
const MONEY: [(&str, &str); 5] = [
    ("NETWORK", "eip155:31337"),
    (
        "ASSET_ADDRESS",
        "0x5FbDB2315678afecb367f032d93F642f64180aa3",
    ),
    ("ASSET_NAME", "USDC"),
    ("ASSET_VERSION", "2"),
    ("PAY_TO", "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"),
];
const AWS: [(&str, &str); 4] = [
    ("AWS_REGION", "us-west-2"),
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_ENDPOINT_URL", "http://secrets:8080"),
];

/// Posts JSON to a service, with the headers that AgentCore and MCP want.
fn ask(address: &str, path: &str, accept: &str, body: &Json) -> Json {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = client
            .post(format!("http://{address}{path}"))
            .json(body)
            .header("accept", accept)
            .header("mcp-protocol-version", "2025-11-25")
            .header(
                "x-amzn-bedrock-agentcore-runtime-session-id",
                "a-session-that-is-longer-than-33-characters",
            );
        let answer = asked.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    })
}

#[test]
#[ignore = "compiles all services for 64-bit Arm, needs a Docker engine: cargo xtask test images"]
fn the_containers_are_healthy_and_a_question_is_paid_between_them() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .unwrap_or_default();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let built = artifacts(&folder.join("artifacts"));
    let mut network = Network::create();
    let secrets = stand_in_image(folder);
    let function = function_image(&built["mcp-server"], folder);
    network
        .rubbish
        .images
        .extend([secrets.clone(), function.clone()]);
    let mut loaded = BTreeMap::new();
    for service in ["facilitator", "x402-backend", "agent", "frontend"] {
        let image = load(&built[service]);
        network.rubbish.images.push(image.clone());
        loaded.insert(service, image);
    }

    network.start("secrets", &secrets, &[]);
    let with = |more: &[(&'static str, &'static str)]| [&MONEY[..], &AWS[..], more].concat();
    let own = [
        ("facilitator", with(&[("LEDGER_GRANT", "10.00")])),
        (
            "x402-backend",
            with(&[
                ("PRICE", "0.01"),
                ("WEATHER_SOURCE", "climate-normals"),
                ("CHAIN_RPC_URL", "http://facilitator:8080"),
                ("PAYMENTS_FILE", "/data/payments"),
            ]),
        ),
        ("agent", with(&[("BEDROCK_MODEL_ID", "none")])),
        ("frontend", with(&[("ACCESS", "open")])),
    ];
    let own =
        own.map(|(service, environment)| network.start(service, &loaded[service], &environment));
    let payer = with(&[
        ("HOST", "0.0.0.0"),
        ("PORT", "9000"),
        ("RESOURCE_SERVER_URL", "http://x402-backend:8080"),
        ("ENDPOINT_PATH", "/weather"),
        ("PRICE_LIMIT", "0.05"),
        ("SESSION_LIMIT", "0.50"),
        ("DAY_LIMIT", "2.00"),
        ("PAYMENTS_FILE", "/data/payments"),
        ("CHAIN_RPC_URL", "http://facilitator:8080"),
        (
            "WALLET_KEY_SECRET_ARN",
            "arn:aws:secretsmanager:us-west-2:000000000000:secret:wallet-key",
        ),
    ]);
    // What is not a function answers programs of its own machine only.
    let [_, _, agent, _] = &own;
    network.join("mcp-server", agent, &function, &payer);
    for container in &own {
        wait_until_healthy(container);
        let pid = docker(&["inspect", "--format", "{{.State.Pid}}", container]);
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let user = status
            .lines()
            .find_map(|line| line.strip_prefix("Uid:"))
            .unwrap();
        assert!(
            user.split_whitespace().all(|id| id == "65532"),
            "{container} runs as {user}"
        );
    }

    pays(agent);
}

/// The agent asks for the price through the tool and the seller; then the tool pays the seller, and the facilitator settles.
/// Only a model may spend through the agent, and there is none here.
#[track_caller]
fn pays(agent: &str) {
    let asked = json!({ "tool": "get_price", "arguments": {} });
    let price = ask(
        &address(agent, 8080),
        "/invocations",
        "application/json",
        &asked,
    );
    assert_eq!(price["displayAmount"], "0.01", "{price}");
    let weather = call(agent, "get_weather", &json!({ "city": "Tokyo" }));
    let payment = &weather["payment"];
    assert_eq!(payment["amount"], "10000", "{weather}");
    let wallet = call(agent, "get_wallet", &json!({}));
    assert_eq!(wallet["spent"], "10000", "{wallet}");
    assert_eq!(payment["payer"], wallet["address"], "{wallet}");
}

/// What a tool of the MCP server beside the agent answers.
#[track_caller]
fn call(agent: &str, tool: &str, arguments: &Json) -> Json {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": arguments } });
    let both = "application/json, text/event-stream";
    let mut answer = ask(&address(agent, SIDECAR_PORT), "/mcp", both, &request);
    let result = answer["result"].take();
    assert_eq!(result["isError"], Json::Bool(false), "{result}");
    result["structuredContent"].clone()
}

/// Where the container's port is on this machine.
fn address(container: &str, port: u16) -> String {
    let port = docker(&["port", container, &format!("{port}/tcp")]);
    port.lines().next().unwrap().to_owned()
}
