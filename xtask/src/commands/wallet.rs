use std::process::ExitCode;

use clap::Args;
use serde_json::{Value as Json, json};

use super::invoke;
use facts::Context;
use words::error::Failure;
use words::text::clean;

/// Show what the agent can spend and has spent, and how to fund it
#[derive(Debug, Args)]
#[command(after_help = concat!("Asks the agent's own tool, so it shows what the agent sees. Nothing is signed.\nSource: ", file!()))]
pub(crate) struct Wallet {
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Wallet {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        let mut wallet = of_agent(invoke::read(context, stage, &question()).await?)?;
        if self.json {
            wallet["stage"] = json!(stage.name);
            wallet["funding"] = json!(funding(&wallet));
            context.out.json(&wallet);
        } else {
            for (name, text) in lines(&wallet) {
                let text = clean(&text, 500);
                context.out.data(&format!("{name:<9} {text}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What the agent is asked.
pub(super) fn question() -> Json {
    json!({ "tool": "get_wallet", "arguments": {} })
}

/// A wallet, if the answer is one.
///
/// # Errors
/// The agent or the service with the wallet says why not.
pub(super) fn of_agent(answer: Json) -> Result<Json, Failure> {
    if answer["address"].is_string() {
        return Ok(answer);
    }
    let said = answer
        .pointer("/error/message")
        .or_else(|| answer.get("error"));
    let said = said.and_then(Json::as_str).unwrap_or("it gave no reason");
    let said = clean(said, 500);
    let hint = "what happened: cargo xtask logs mcp-server --since 5m";
    Err(Failure::new(
        format!("the agent cannot show its wallet: {said}"),
        hint,
    ))
}

/// What a person reads, line by line. What an older service does not say is left out.
fn lines(wallet: &Json) -> Vec<(&'static str, String)> {
    let text = |pointer: &str| wallet.pointer(pointer).and_then(Json::as_str);
    let shown = |pointer: &str| text(pointer).unwrap_or("?");
    let currency = shown("/currency");
    let mut lines = vec![
        ("address", shown("/address").to_owned()),
        ("network", network(shown("/network"))),
        (
            "balance",
            format!("{} {currency}", shown("/displayBalance")),
        ),
    ];
    let payments = wallet["payments"].as_u64().unwrap_or_default();
    let spent = shown("/displaySpent");
    let since = text("/spentSince").map_or(String::new(), |since| {
        let shown = since.get(..16).unwrap_or(since).replace('T', " ");
        format!(" since {shown} UTC: the chain's node looks no further back")
    });
    let spent = format!("{spent} {currency}, payments: {payments}{since}");
    lines.push(("spent", spent));
    if let Some(today) = text("/displaySpentToday") {
        lines.push(("today", format!("{today} {currency}")));
    }
    lines.extend(open(wallet).map(|open| ("open", open)));
    let limits: Vec<String> = [
        ("displayPerCall", "a call"),
        ("displayPerSession", "a session"),
        ("displayPerDay", "a day"),
    ]
    .into_iter()
    .filter_map(|(key, what)| Some(format!("{} {what}", text(&format!("/limits/{key}"))?)))
    .collect();
    lines.push(("limits", limits.join(", ")));
    for receipt in wallet["receipts"].as_array().into_iter().flatten() {
        let part = |key: &str| receipt[key].as_str().unwrap_or("?");
        let paid = format!("{} {}", part("displayAmount"), part("currency"));
        let known = match part("evidence") {
            "seller" => "  (according to the seller)",
            "refuted" => "  (the seller says so, and the chain has no such payment)",
            _ => "",
        };
        lines.push((
            "receipt",
            format!(
                "{paid}  {}  {}{known}",
                part("resource"),
                part("transaction")
            ),
        ));
    }
    lines.push(("fund", funding(wallet)));
    lines
}

/// What was signed for and is not decided yet.
fn open(wallet: &Json) -> Option<String> {
    if wallet["open"].as_str()?.trim_matches('0').is_empty() {
        return None;
    }
    let text = |key: &str| wallet[key].as_str().unwrap_or("?");
    let (amount, currency) = (text("displayOpen"), text("currency"));
    let until = text("openUntil");
    let time = until.get(11..16).unwrap_or(until);
    Some(format!(
        "{amount} {currency} may still be charged until {time} UTC; what was not charged comes back then"
    ))
}

fn network(name: &str) -> String {
    let known = match name {
        "eip155:31337" => " (a development chain, no real money)",
        "eip155:84532" => " (Base Sepolia, a test network, no real money)",
        "eip155:8453" => " (Base, real money)",
        _ => "",
    };
    format!("{name}{known}")
}

/// How money gets into the wallet. It needs no ether: whoever settles pays for gas.
fn funding(wallet: &Json) -> String {
    let text = |key: &str| wallet[key].as_str().unwrap_or("?");
    let (address, currency, asset) = (text("address"), text("currency"), text("asset"));
    match text("network") {
        "eip155:31337" => {
            "the development ledger grants every new account `ledger_grant`; destroy and deploy make a new one".to_owned()
        }
        "eip155:84532" => {
            format!("ask https://faucet.circle.com for {currency} on Base Sepolia, for {address}")
        }
        "eip155:8453" => format!(
            "send {currency} ({asset}) on Base to {address}, no more than the agent may lose"
        ),
        other => format!("send {currency} ({asset}) on {other} to {address}, no more than the agent may lose"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn shown(wallet: &Json) -> String {
        let lines = lines(wallet);
        let lines = lines.iter().map(|(name, text)| format!("{name}: {text}\n"));
        lines.collect()
    }

    #[test]
    fn all_that_a_wallet_says() {
        let wallet = json!({
            "address": "0xAbc", "network": "eip155:84532", "asset": "0xdef", "currency": "USDC",
            "balance": "9990000", "displayBalance": "9.99", "displaySpent": "0.01", "payments": 1,
            "displaySpentToday": "0.03", "open": "20000", "displayOpen": "0.02", "openUntil": "2026-11-30T14:05:00Z",
            "limits": { "displayPerCall": "0.05", "displayPerSession": "0.50", "displayPerDay": "1.00" },
            "receipts": [{
                "displayAmount": "0.01", "currency": "USDC", "transaction": "0x12",
                "resource": "http://shop.example/weather?city=Oslo", "evidence": "seller",
            }],
        });
        expect![[r#"
            address: 0xAbc
            network: eip155:84532 (Base Sepolia, a test network, no real money)
            balance: 9.99 USDC
            spent: 0.01 USDC, payments: 1
            today: 0.03 USDC
            open: 0.02 USDC may still be charged until 14:05 UTC; what was not charged comes back then
            limits: 0.05 a call, 0.50 a session, 1.00 a day
            receipt: 0.01 USDC  http://shop.example/weather?city=Oslo  0x12  (according to the seller)
            fund: ask https://faucet.circle.com for USDC on Base Sepolia, for 0xAbc
        "#]]
        .assert_eq(&shown(&wallet));
    }

    #[test]
    fn less_is_shown_as_less() {
        let wallet = json!({
            "address": "0xAbc", "network": "eip155:10", "asset": "0xdef", "currency": "USDC",
            "displayBalance": "0.00", "displaySpent": "0.00", "payments": 0, "spentSince": "2026-11-30T14:05:00Z", "limits": { "displayPerCall": "0.05" },
        });
        expect![[r#"
            address: 0xAbc
            network: eip155:10
            balance: 0.00 USDC
            spent: 0.00 USDC, payments: 0 since 2026-11-30 14:05 UTC: the chain's node looks no further back
            limits: 0.05 a call
            fund: send USDC (0xdef) on eip155:10 to 0xAbc, no more than the agent may lose
        "#]]
        .assert_eq(&shown(&wallet));
    }
}
