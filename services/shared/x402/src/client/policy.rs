//! What a wallet may be spent on.

use super::PayError;
use crate::asset::Asset;
use alloy_primitives::{Address, U256};
use url::{Origin, Url};

/// The only seller, asset and account that is ever signed for, and the price that is never passed.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Scheme, host and port of the seller.
    pub origin: Origin,
    pub asset: Asset,
    pub pay_to: Address,
    /// Atomic units per call.
    pub amount_max: U256,
}

impl Policy {
    pub(super) fn check_url(&self, url: &Url) -> Result<(), PayError> {
        same(
            "origin",
            &url.origin().ascii_serialization(),
            &self.origin.ascii_serialization(),
        )
    }

    pub(super) fn check_price(&self, price: U256) -> Result<(), PayError> {
        if price > self.amount_max {
            return Err(PayError::PriceAboveLimit {
                price,
                limit: self.amount_max,
            });
        }
        Ok(())
    }
}

pub(super) fn same(what: &'static str, offered: &str, allowed: &str) -> Result<(), PayError> {
    if offered == allowed {
        return Ok(());
    }
    Err(PayError::NotAllowed {
        what,
        // The seller chose this text.
        offered: runtime::text::clean(offered, 200),
        allowed: allowed.to_owned(),
    })
}
