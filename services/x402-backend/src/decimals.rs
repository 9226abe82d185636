//! Whether amounts mean to the tokens what they mean to us: with other decimals a price is wrong by powers of ten.

use crate::config::Config;
use std::time::Duration;
use x402::U256;
use x402::chain::Rpc;

/// For all tokens together.
const ASK_WITHIN: Duration = Duration::from_secs(10);

/// Asks the tokens of the price table, on the chains that can be asked. A chain that does not answer stops nothing.
///
/// # Errors
/// When a token has other decimals than the settings say.
pub(crate) async fn check(config: &Config, client: &reqwest::Client) -> Result<(), runtime::Error> {
    let asked = tokio::time::timeout(ASK_WITHIN, ask(config, client)).await;
    asked.unwrap_or_else(|_elapsed| {
        tracing::warn!("the tokens were not asked for their decimals: their chains are too slow");
        Ok(())
    })
}

async fn ask(config: &Config, client: &reqwest::Client) -> Result<(), runtime::Error> {
    for price in config.prices() {
        let asset = price.asset;
        let Some(url) = config.chain_of(&asset.network) else {
            continue;
        };
        let chain = Rpc::new(client.clone(), url.clone());
        let (token, network, ours) = (asset.address, &asset.network, asset.decimals);
        match chain.decimals_of(token).await {
            Ok(decimals) if decimals == U256::from(ours) => {}
            Ok(decimals) => {
                return Err(format!(
                    "the token {token} of {network} has {decimals} decimal places, and the settings say {ours}: set ASSET_DECIMALS \
                     (the stage's asset_decimals) to \"{decimals}\", or `decimals` in MORE_PRICES"
                )
                .into());
            }
            Err(error) => {
                tracing::warn!(%error, %token, network, "a token does not say how many decimal places it has");
            }
        }
    }
    Ok(())
}
