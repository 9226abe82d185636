//! `get_wallet`: what the chain says about the wallet, and what its budget leaves.

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x402::amount::format_decimal;
use x402::chain::TransfersSent;

use super::weather::Payment;
use super::{ToolContext, refusal};

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WalletReport {
    address: String,
    /// The chain, as a CAIP-2 name.
    network: String,
    /// The currency's contract.
    asset: String,
    currency: String,
    /// In the currency's smallest units.
    balance: String,
    /// In whole units: `9.99`.
    display_balance: String,
    /// What the wallet has paid so far, in the currency's smallest units.
    spent: String,
    /// The same in whole units.
    display_spent: String,
    /// How many payments that was.
    payments: u64,
    /// From when on both are counted, where the chain's node searches no further back: `2026-11-30T14:05:00Z`. Missing when they
    /// are counted from the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    spent_since: Option<String>,
    /// What was set aside or paid today, in UTC, in the currency's smallest units. It counts against the limit of the day.
    spent_today: String,
    /// The same in whole units.
    display_spent_today: String,
    /// The part of it that was signed for and may still be charged, in the currency's smallest units. What was not charged by
    /// `openUntil` comes back.
    open: String,
    /// The same in whole units.
    display_open: String,
    /// When that is decided at the latest: `2026-11-30T14:05:00Z`. Missing when nothing is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_until: Option<String>,
    limits: Limits,
    /// The latest payments of which there is a receipt, the newest first.
    receipts: Vec<Payment>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Limits {
    /// The most that the wallet pays for one answer, in the currency's smallest units.
    per_call: String,
    /// The same in whole units.
    display_per_call: String,
    /// The most for all answers of one session, in the currency's smallest units.
    per_session: String,
    /// The same in whole units.
    display_per_session: String,
    /// The most for all answers of one day, in UTC, in the currency's smallest units.
    per_day: String,
    /// The same in whole units.
    display_per_day: String,
}

/// Seconds since 1970 as RFC 3339 writes them, rounded up to a whole minute; `None` beyond the year 9999.
fn moment(seconds: u64) -> Option<String> {
    let seconds = i64::try_from(seconds.div_ceil(60) * 60).ok()?;
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    moment.format(&Rfc3339).ok()
}

/// Errors are sentences for the model.
pub(super) async fn look(context: &ToolContext, session: &str) -> Result<WalletReport, String> {
    let open = context.open().await?;
    let policy = context.wallet.policy();
    let (asset, owner) = (&policy.asset, open.wallet.address());
    let chain = x402::chain::Rpc::new(open.http.clone(), context.wallet.chain_rpc_url().clone());
    let (balance, transfers) = tokio::try_join!(
        chain.balance_of(asset.address, owner),
        chain.transfers_sent(asset.address, owner)
    )
    .map_err(|error| {
        tracing::warn!(%error, "the chain does not answer");
        format!("The wallet's chain cannot be queried now: {error}. Try again in a moment.")
    })?;
    let account = open
        .client
        .account(session)
        .await
        .map_err(|error| refusal::explain(asset, &error))?;
    let budget = open.client.limits();
    let TransfersSent {
        sum: spent,
        count: payments,
        since,
    } = transfers;
    let display = |amount| format_decimal(amount, asset.decimals);
    Ok(WalletReport {
        address: owner.to_string(),
        network: asset.network.clone(),
        asset: asset.address.to_string(),
        currency: asset.name.clone(),
        display_balance: display(balance),
        balance: balance.to_string(),
        display_spent: display(spent),
        spent: spent.to_string(),
        payments,
        spent_since: since.and_then(moment),
        display_spent_today: display(account.spent_today),
        spent_today: account.spent_today.to_string(),
        display_open: display(account.open),
        open: account.open.to_string(),
        open_until: account.open_until.and_then(moment),
        receipts: account
            .receipts
            .into_iter()
            .rev()
            .map(Payment::from)
            .collect(),
        limits: Limits {
            per_session: budget.session_max.to_string(),
            display_per_session: display(budget.session_max),
            per_day: budget.day_max.to_string(),
            display_per_day: display(budget.day_max),
            per_call: policy.amount_max.to_string(),
            display_per_call: display(policy.amount_max),
        },
    })
}
