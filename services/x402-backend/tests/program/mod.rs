//! The built program in a process of its own.

use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use url::Url;
use x402::Asset;

pub(crate) const PAY_TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";

pub(crate) fn asset(decimals: u8) -> Asset {
    Asset {
        decimals,
        ..x402::testing::development_asset()
    }
}

/// The built program, with what the platform sets.
pub(crate) fn spawn(facilitator: &str, folder: &Path, asset: &Asset, price: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_x402-backend"))
        .env_clear()
        .envs([
            ("PORT", "0"),
            ("ANSWER_WITHIN_SECONDS", "45"),
            ("FACILITATOR_URL", facilitator),
            ("CHAIN_RPC_URL", facilitator),
            ("PRICE", price),
            ("NETWORK", &asset.network),
            ("ASSET_ADDRESS", &asset.address.to_string()),
            ("ASSET_NAME", "USDC"),
            ("ASSET_VERSION", "2"),
            ("ASSET_DECIMALS", &asset.decimals.to_string()),
            ("PAY_TO", PAY_TO),
            ("WEATHER_SOURCE", "climate-normals"),
        ])
        .env("PAYMENTS_FILE", folder.join("payments"))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// The same, and where it listens.
pub(crate) async fn start(
    facilitator: &str,
    folder: &Path,
    asset: &Asset,
    price: &str,
) -> (Child, Url) {
    let mut process = spawn(facilitator, folder, asset, price);
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let url = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        if line["message"] == "listening" {
            break format!("http://{}/", line["address"].as_str().unwrap());
        }
    };
    // A pipe that nobody empties would stop it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (process, url.parse().unwrap())
}
