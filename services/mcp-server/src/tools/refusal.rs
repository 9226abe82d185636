//! Why nothing was bought, as sentences that a model can act on. "Nothing was paid" stands only where nothing was signed, or
//! where the chain or the end of an authorization says so.

use x402::amount::format_decimal;
use x402::client::{PayError, chargeable_until, utc_minute};
use x402::{Asset, U256};

/// Logs the error and words it: what happened to the money, and what to do. Foreign words in it are cut and clean.
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
            "Nothing was paid: {} have been spent in this {which}, and the price of {} would exceed its limit of {}. {}",
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
        PayError::NotPaid { .. } => {
            format!("Nothing was paid, according to the chain: {error}.")
        }
        PayError::PaidUnanswered { receipt, problem } => format!(
            "{} {} were paid, according to the chain (transaction {}), and nothing was delivered: {problem}. Buying it again pays again.",
            receipt.display_amount, receipt.currency, receipt.transaction,
        ),
        PayError::OutcomeUnknown {
            amount,
            valid_before,
            problem,
            ..
        } => {
            let time = utc_minute(chargeable_until(*valid_before));
            let poor = if problem.contains("insufficient") {
                " The seller may mean that the wallet does not hold enough."
            } else {
                ""
            };
            format!(
                "{} may still be charged until {time}: {problem}.{poor} Until then the amount counts as spent. Do not buy the \
                 same again before {time}; after it, get_wallet shows whether it was charged.",
                money(*amount),
            )
        }
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
            PayError::NotPaid {
                problem: "the seller answered 402 Payment Required (insufficient_funds)".into(),
            },
            PayError::PaidUnanswered {
                receipt: Box::new(x402::Receipt {
                    display_amount: "0.01".into(),
                    currency: "USDC".into(),
                    transaction: "0x12".into(),
                    ..x402::Receipt::default()
                }),
                problem: "it took too long".into(),
            },
            PayError::OutcomeUnknown {
                nonce: x402::B256::ZERO,
                amount: U256::from(10_000),
                valid_before: 50_700 - 60,
                problem: "the seller answered 402 Payment Required (insufficient_funds)".into(),
                answer: None,
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
            Nothing was paid: 1.995 USDC have been spent in this day, and the price of 0.01 USDC would exceed its limit of 2.00 USDC. Days begin at midnight UTC; only the operator can raise the limit.
            Nothing was paid: the payments cannot be looked up: the table is too busy. Try again in a moment.
            Nothing was paid: the network `eip155:1` is not allowed: the policy allows `eip155:31337`. Trying again does not help; the operator has to look at it.
            Nothing was paid, according to the chain: the payment was not made: the seller answered 402 Payment Required (insufficient_funds).
            0.01 USDC were paid, according to the chain (transaction 0x12), and nothing was delivered: it took too long. Buying it again pays again.
            0.01 USDC may still be charged until 14:05 UTC: the seller answered 402 Payment Required (insufficient_funds). The seller may mean that the wallet does not hold enough. Until then the amount counts as spent. Do not buy the same again before 14:05 UTC; after it, get_wallet shows whether it was charged.
            Nothing was paid: the weather service asked for no payment and answered with HTTP status 404 Not Found.
            Nothing was paid: the seller could not be reached: connection refused. Try again in a moment.
            Nothing was paid: the seller's offer cannot be read: no offer."#]].assert_eq(&sentences.join("\n"));
    }
}
