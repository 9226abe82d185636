//! Finds what used a nonce, however long ago: only blocks around the time in which that was possible are looked through.

use super::{
    AUTHORIZATION_CANCELED_TOPIC, AUTHORIZATION_USED_TOPIC, CLOCK_SKEW_SECONDS, ExpectedTransfer,
    Log, Rpc, RpcError,
};
use serde_json::json;

/// Public nodes search at most 10,000 blocks at once.
pub(super) const BLOCKS_MAX: u64 = 9_999;
/// Pieces of a longer search; an authorization that is valid for hours on a fast chain needs several.
const PIECES_MAX: u64 = 20;
/// A search by halves alone needs 64 looks.
const LOOKS_MAX: u32 = 80;

/// A block's number and time (seconds since 1970).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) number: u64,
    pub(super) at: u64,
}

impl Rpc {
    /// What the token said of a nonce, the oldest first.
    pub(super) async fn uses(&self, expected: &ExpectedTransfer) -> Result<Vec<Log>, RpcError> {
        let newest = self.newest_block().await?;
        let oldest = Block { number: 0, at: 0 };
        let from = expected.not_before.saturating_sub(CLOCK_SKEW_SECONDS);
        let to = expected.valid_before.saturating_add(CLOCK_SKEW_SECONDS);
        let first = self.last_block_before(from, oldest, newest).await?;
        let last = if to >= newest.at {
            newest
        } else {
            self.last_block_before(to, first, newest).await?
        };
        let topics = json!([
            [AUTHORIZATION_USED_TOPIC, AUTHORIZATION_CANCELED_TOPIC],
            expected.payer.into_word(),
            expected.nonce
        ]);
        let mut start = first.number;
        for _ in 0..PIECES_MAX {
            let end = start.saturating_add(BLOCKS_MAX).min(last.number);
            // The newest end stays open: a block that has come since then counts too.
            let to = if end == newest.number {
                "latest".to_owned()
            } else {
                format!("{end:#x}")
            };
            let filter = json!([{
                "address": expected.asset, "topics": topics,
                "fromBlock": format!("{start:#x}"), "toBlock": to,
            }]);
            let logs: Vec<Log> = self.call("eth_getLogs", filter).await?;
            if !logs.is_empty() || end == last.number {
                return Ok(logs);
            }
            start = end + 1;
        }
        Ok(Vec::new())
    }

    /// The last block that is older than a moment, between two that are known. Blocks come at a steady pace, so the place is
    /// reckoned first and then halved.
    async fn last_block_before(
        &self,
        moment: u64,
        mut low: Block,
        mut high: Block,
    ) -> Result<Block, RpcError> {
        if low.number == 0 && low.at == 0 && high.number > 0 {
            low = self.block(0).await?;
        }
        if moment >= high.at {
            return Ok(high);
        }
        if moment <= low.at {
            return Ok(low);
        }
        for look in 0..LOOKS_MAX {
            if high.number - low.number <= 1 {
                break;
            }
            let middle = if look % 2 == 0 {
                reckoned(moment, low, high)
            } else {
                low.number + (high.number - low.number) / 2
            };
            let block = self.block(middle).await?;
            if block.at < moment {
                low = block;
            } else {
                high = block;
            }
        }
        Ok(low)
    }
}

/// Where a moment lies between two blocks, if all of them took the same time.
fn reckoned(moment: u64, low: Block, high: Block) -> u64 {
    let (blocks, seconds) = (high.number - low.number, (high.at - low.at).max(1));
    let passed = u128::from(blocks) * u128::from(moment - low.at) / u128::from(seconds);
    let passed = u64::try_from(passed).unwrap_or(blocks);
    low.number + passed.clamp(1, blocks - 1)
}
