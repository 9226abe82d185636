//! Other implementations of x402, an EVM node and a Solidity compiler, for the suite `payments`.

use std::path::Path;

use anyhow::Context;
use xshell::{Shell, cmd};

use super::test_tools::{node_with, python_with};

/// The versions that the results in docs/ were seen with.
const NODE_PACKAGES: [&str; 14] = [
    "node@22.23.3",
    "@foundry-rs/anvil@1.7.1",
    "solc@0.8.37",
    "@x402/core@2.27.0",
    "@x402/evm@2.27.0",
    "@x402/express@2.27.0",
    "@x402/fetch@2.27.0",
    "@x402/axios@2.11.0",
    "@x402/extensions@2.27.0",
    "x402-fetch@1.2.0",
    "express@5.3.0",
    "viem@2.57.20",
    "esbuild@0.28.2",
    "ajv@8.20.0",
];
const PYTHON_PACKAGE: &str = "x402[evm,requests]==2.25.0";
const CRATES: &str = "services/facilitator/tests/peers/crates/Cargo.toml";

/// Installs and builds what is missing, and says where it is.
pub(super) fn prepare(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let peers = node_with(folder, "payments", &NODE_PACKAGES)?;
    let python = python_with(folder, "payments-python", &[PYTHON_PACKAGE])?;
    let anvil = peers.join(format!(
        "node_modules/@foundry-rs/anvil-{}/bin/anvil",
        platform()?
    ));
    anyhow::ensure!(anvil.is_file(), "npm installed no {}", anvil.display());
    let node = peers.join("node_modules/node/bin/node");
    let variables = [
        ("TURNPIKE_TEST_ANVIL", anvil),
        ("TURNPIKE_TEST_NODE", node),
        ("TURNPIKE_TEST_PEERS", peers),
        ("TURNPIKE_TEST_X402_CRATES", crates(folder)?),
        ("TURNPIKE_TEST_X402_PYTHON", python.join("python")),
    ];
    let shown =
        |(name, path): (&str, std::path::PathBuf)| (name.to_owned(), path.display().to_string());
    Ok(variables.into_iter().map(shown).collect())
}

/// The node's name for this machine.
fn platform() -> anyhow::Result<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("linux-amd64"),
        ("linux", "aarch64") => Ok("linux-arm64"),
        ("macos", "x86_64") => Ok("darwin-amd64"),
        ("macos", "aarch64") => Ok("darwin-arm64"),
        (system, machine) => anyhow::bail!("there is no anvil for {system} on {machine}"),
    }
}

/// The Rust crates stand outside the workspace: nobody else should have to compile them.
fn crates(folder: &Path) -> anyhow::Result<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let manifest = root.context("xtask lies in the repository")?.join(CRATES);
    let target = folder.join("crates");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let shell = Shell::new()?;
    cmd!(
        shell,
        "{cargo} build --quiet --locked --manifest-path {manifest} --target-dir {target}"
    )
    .quiet()
    .run()?;
    Ok(target.join("debug"))
}
