//! What a route costs: its entry in the price table.

use crate::amount::format_decimal;
use crate::asset::{Asset, AssetError};
use crate::exact::SETTLE_MARGIN_SECONDS;
use crate::wire::{Requirements, SCHEME_EXACT};
use alloy_primitives::{Address, U256};
use listing::{Listing, ListingError, PRICES_MAX};
use serde_json::Map;

/// One way to pay.
#[derive(Debug, Clone)]
pub struct Price {
    pub asset: Asset,
    /// Atomic units of the asset.
    pub amount: U256,
    pub pay_to: Address,
    /// How long a buyer's authorization should be valid.
    pub max_timeout_seconds: u64,
}

impl Price {
    /// The offer as x402 version 2 writes it.
    pub fn requirements(&self) -> Requirements {
        let mut extra = Map::new();
        extra.insert("name".into(), self.asset.name.clone().into());
        extra.insert("version".into(), self.asset.version.clone().into());
        Requirements {
            scheme: SCHEME_EXACT.into(),
            network: self.asset.network.clone(),
            amount: self.amount,
            asset: self.asset.address,
            pay_to: self.pay_to,
            max_timeout_seconds: self.max_timeout_seconds,
            extra: Some(extra),
        }
    }

    /// For people: `0.01 USDC`.
    pub fn display(&self) -> String {
        let amount = format_decimal(self.amount, self.asset.decimals);
        [&amount, " ", &self.asset.name].concat()
    }
}

/// What a route sells, and what it takes for it.
#[derive(Debug, Clone)]
pub struct Sale {
    /// Any one of them buys. They are offered in this order: some buyers take the first that they can pay.
    pub prices: Vec<Price>,
    /// Of the answer: `application/json`.
    pub mime_type: String,
    /// What is sold, in words and for lists of paid APIs.
    pub listing: Listing,
}

/// Why something cannot be sold as it is described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SaleError {
    #[error(transparent)]
    Asset(#[from] AssetError),
    #[error("a sale needs 1 to {PRICES_MAX} prices and has {0}")]
    Prices(usize),
    #[error(
        "two prices are in the same asset of {0}: a buyer would take the lower one, and the other is never paid"
    )]
    SameAsset(String),
    #[error(
        "a price on {0} is zero, or is paid to the zero address; what is free needs no payment"
    )]
    Nothing(String),
    #[error(
        "payments that are valid for {0} s cannot be settled; {SETTLE_MARGIN_SECONDS} s must be left when they arrive"
    )]
    TooShort(u64),
    #[error(transparent)]
    Listing(#[from] ListingError),
}

impl Sale {
    /// One that says nothing of itself for lists.
    pub fn new(prices: impl Into<Vec<Price>>, description: &str, mime_type: &str) -> Self {
        Self {
            prices: prices.into(),
            mime_type: mime_type.to_owned(),
            listing: Listing {
                description: description.to_owned(),
                ..Listing::default()
            },
        }
    }

    pub(super) fn check(&self) -> Result<(), SaleError> {
        if !(1..=PRICES_MAX).contains(&self.prices.len()) {
            return Err(SaleError::Prices(self.prices.len()));
        }
        for (index, price) in self.prices.iter().enumerate() {
            let asset = &price.asset;
            if price.amount.is_zero() || price.pay_to.is_zero() {
                return Err(SaleError::Nothing(asset.network.clone()));
            }
            if price.max_timeout_seconds <= SETTLE_MARGIN_SECONDS {
                return Err(SaleError::TooShort(price.max_timeout_seconds));
            }
            let same = |other: &Price| {
                other.asset.network == asset.network && other.asset.address == asset.address
            };
            if self.prices[..index].iter().any(same) {
                return Err(SaleError::SameAsset(asset.network.clone()));
            }
        }
        match self.listing.problems().into_iter().next() {
            Some(problem) => Err(problem.into()),
            None => Ok(()),
        }
    }
}
