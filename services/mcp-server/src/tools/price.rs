//! `get_price`: the weather service's offer, without taking it.

use schemars::JsonSchema;
use serde::Serialize;
use x402::amount::format_decimal;

use super::{ToolContext, refusal, weather};

/// The seller names a price only for a question that it can answer. The price is the same for every city.
const SAMPLE_CITY: &str = "Tokyo";

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PriceReport {
    /// URL of what is for sale.
    resource: String,
    /// In the currency's smallest units.
    amount: String,
    /// In whole units: `0.01`.
    display_amount: String,
    currency: String,
    /// The chain, as a CAIP-2 name.
    network: String,
    pay_to: String,
    /// The most that the wallet pays for one answer, in whole units.
    limit: String,
    within_limit: bool,
}

/// Errors are sentences for the model.
pub(super) async fn ask(context: &ToolContext) -> Result<PriceReport, String> {
    let policy = context.wallet.policy();
    let url = weather::url(&context.weather_url, SAMPLE_CITY);
    let quote = context.open().await?.client.quote(url).await;
    let quote = quote.map_err(|error| refusal::explain(&policy.asset, &error))?;
    let decimals = policy.asset.decimals;
    Ok(PriceReport {
        resource: context.weather_url.to_string(),
        amount: quote.amount.to_string(),
        display_amount: format_decimal(quote.amount, decimals),
        currency: policy.asset.name.clone(),
        network: policy.asset.network.clone(),
        pay_to: policy.pay_to.to_string(),
        limit: format_decimal(policy.amount_max, decimals),
        within_limit: quote.amount <= policy.amount_max,
    })
}
