//! Why a payment was not made, as a sentence that a model can act on.

use x402::amount::format_decimal;
use x402::client::PayError;
use x402::{Asset, U256};

/// Logs the error and words it: what happened to the money first, then what to do.
pub(super) fn explain(asset: &Asset, error: &PayError) -> String {
    tracing::warn!(%error, "not bought");
    let money = |amount: U256| format!("{} {}", format_decimal(amount, asset.decimals), asset.name);
    match error {
        PayError::PriceAboveLimit { price, limit } => format!(
            "Nothing was paid: the price of {} is above the wallet's limit of {} for one call. Only the operator can raise it.",
            money(*price),
            money(*limit),
        ),
        PayError::LimitReached {
            which,
            price,
            spent,
            limit,
        } => format!(
            "Nothing was paid: {} were spent in this {which}, and the price of {} would pass its limit of {}. {}",
            money(*spent),
            money(*price),
            money(*limit),
            match *which {
                "day" => "Days begin at midnight UTC; only the operator can raise the limit.",
                _ => "Only the operator can raise the limit.",
            },
        ),
        PayError::Store(_) => format!("Nothing was paid: {error}. Try again in a moment."),
        PayError::NotAllowed { .. } => {
            format!(
                "Nothing was paid: {error}. Trying again does not help; the operator has to look at it."
            )
        }
        PayError::Refused { reason } if reason.contains("insufficient") => {
            "Nothing was paid: the wallet does not hold enough. get_wallet shows its balance."
                .to_owned()
        }
        PayError::Refused { .. } => format!("Nothing was paid: {error}."),
        PayError::OutcomeUnknown { .. } => format!(
            "It is not known whether this was paid: {error}. Before buying it again, see with get_wallet in two minutes \
             whether the wallet has spent more.",
        ),
        PayError::NotForSale { status } => {
            format!(
                "Nothing was paid: the weather service asked for no payment and answered with HTTP status {status}."
            )
        }
        PayError::Http(_) => format!("Nothing was paid: {error}. Try again in a moment."),
        PayError::Malformed(_) => format!("Nothing was paid: {error}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn sentences() {
        let asset = Asset {
            network: "eip155:31337".into(),
            address: x402::Address::ZERO,
            name: "USDC".into(),
            version: "2".into(),
            decimals: 6,
        };
        let errors = [
            PayError::PriceAboveLimit {
                price: U256::from(60_000),
                limit: U256::from(50_000),
            },
            PayError::LimitReached {
                which: "day",
                price: U256::from(10_000),
                spent: U256::from(1_995_000),
                limit: U256::from(2_000_000),
            },
            PayError::Store(x402::store::StoreError("the table is too busy".into())),
            PayError::NotAllowed {
                what: "network",
                offered: "eip155:1".into(),
                allowed: "eip155:31337".into(),
            },
            PayError::Refused {
                reason: "insufficient_funds".into(),
            },
            PayError::Refused {
                reason: "invalid_exact_evm_payload_signature".into(),
            },
            PayError::NotForSale {
                status: axum::http::StatusCode::NOT_FOUND,
            },
            PayError::Http("connection refused".into()),
            PayError::Malformed("no offer".into()),
        ];
        let sentences: Vec<_> = errors.iter().map(|error| explain(&asset, error)).collect();
        expect![[r#"
            Nothing was paid: the price of 0.06 USDC is above the wallet's limit of 0.05 USDC for one call. Only the operator can raise it.
            Nothing was paid: 1.995 USDC were spent in this day, and the price of 0.01 USDC would pass its limit of 2.00 USDC. Days begin at midnight UTC; only the operator can raise the limit.
            Nothing was paid: the payments cannot be looked up: the table is too busy. Try again in a moment.
            Nothing was paid: the network `eip155:1` is not allowed: the policy allows `eip155:31337`. Trying again does not help; the operator has to look at it.
            Nothing was paid: the wallet does not hold enough. get_wallet shows its balance.
            Nothing was paid: the seller refused the payment: invalid_exact_evm_payload_signature.
            Nothing was paid: the weather service asked for no payment and answered with HTTP status 404 Not Found.
            Nothing was paid: the seller could not be reached: connection refused. Try again in a moment.
            Nothing was paid: the seller's offer cannot be read: no offer."#]].assert_eq(&sentences.join("\n"));
    }
}
