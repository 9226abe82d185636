//! Amounts of money: strict in, exact inside, readable out.

use alloy_primitives::U256;

/// Why a text is not an amount. Words for people; names no field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("`{0}` is not a decimal number such as 0.01")]
    NotDecimal(String),
    #[error("`{text}` has more than {decimals} decimal places")]
    TooPrecise { text: String, decimals: u8 },
    #[error("`{0}` is larger than any amount can be")]
    TooLarge(String),
}

/// Decimal digits of the largest U256.
const DIGITS_MAX: usize = 78;

/// Reads a number of atomic units as x402 writes it: decimal digits only, no sign, no leading zero, at most 2^256-1.
/// `None` for anything else.
pub fn parse_atomic(text: &str) -> Option<U256> {
    let bytes = text.as_bytes();
    let leading_zero = bytes.len() > 1 && bytes[0] == b'0';
    if bytes.is_empty()
        || bytes.len() > DIGITS_MAX
        || leading_zero
        || !bytes.iter().all(u8::is_ascii_digit)
    {
        return None;
    }
    // Nineteen digits always fit 64 bits, which are parsed many times faster.
    if bytes.len() <= 19 {
        return text.parse::<u64>().ok().map(U256::from);
    }
    U256::from_str_radix(text, 10).ok()
}

/// Reads an amount as a person writes it (`0.01`) as atomic units of a currency with `decimals` decimal places.
///
/// # Errors
/// When the text is not a plain decimal number, is more precise than the currency, or does not fit.
pub fn parse_decimal(text: &str, decimals: u8) -> Result<U256, AmountError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(AmountError::NotDecimal(shorten(text))),
        Some(parts) => parts,
        None => (text, ""),
    };
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || leading_zero || !digits_only(whole) || !digits_only(fraction) {
        return Err(AmountError::NotDecimal(shorten(text)));
    }
    let places = usize::from(decimals);
    if fraction.len() > places {
        return Err(AmountError::TooPrecise {
            text: shorten(text),
            decimals,
        });
    }
    if whole.len() + places > DIGITS_MAX {
        return Err(AmountError::TooLarge(shorten(text)));
    }
    let digits = format!("{whole}{fraction:0<places$}");
    U256::from_str_radix(&digits, 10).map_err(|_| AmountError::TooLarge(shorten(text)))
}

/// Writes atomic units as a person reads them: at least two decimal places, no further zeros at the end.
pub fn format_decimal(amount: U256, decimals: u8) -> String {
    let places = usize::from(decimals);
    let digits = format!("{:0>width$}", amount.to_string(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    if places == 0 {
        return whole.to_owned();
    }
    let kept = fraction.trim_end_matches('0').len().max(places.min(2));
    format!("{whole}.{}", &fraction[..kept])
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals() {
        for (text, atomic) in [
            ("0.01", Some(10_000u64)),
            ("0", Some(0)),
            ("1", Some(1_000_000)),
            ("10.50", Some(10_500_000)),
            ("0.000001", Some(1)),
            ("0.0000001", None),
            ("", None),
            (".5", None),
            ("1.", None),
            ("01.5", None),
            ("-1", None),
            ("+1", None),
            ("1e4", None),
            ("0x10", None),
            (" 1", None),
            ("1,5", None),
            ("1.2.3", None),
            ("١", None),
        ] {
            assert_eq!(
                parse_decimal(text, 6).ok(),
                atomic.map(U256::from),
                "{text:?}"
            );
        }
        assert!(matches!(
            parse_decimal(&"9".repeat(78), 6),
            Err(AmountError::TooLarge(_))
        ));
        assert!(matches!(
            parse_decimal(&"9".repeat(78), 0),
            Err(AmountError::TooLarge(_))
        ));
    }

    #[test]
    fn atomic_units() {
        let largest = U256::MAX.to_string();
        for (text, value) in [
            ("0", Some(U256::ZERO)),
            ("10000", Some(U256::from(10_000))),
            (largest.as_str(), Some(U256::MAX)),
            (
                "115792089237316195423570985008687907853269984665640564039457584007913129639936",
                None,
            ),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("0x", None),
            ("1e4", None),
            ("007", None),
            ("1.0", None),
            (
                "99999999999999999999",
                Some(U256::from(99_999_999_999_999_999_999u128)),
            ),
        ] {
            assert_eq!(parse_atomic(text), value, "{text:?}");
        }
    }

    #[test]
    fn display() {
        for (atomic, text) in [
            (10_000u64, "0.01"),
            (0, "0.00"),
            (10_000_000, "10.00"),
            (10_500, "0.0105"),
            (1, "0.000001"),
        ] {
            assert_eq!(format_decimal(U256::from(atomic), 6), text);
        }
        assert_eq!(format_decimal(U256::from(42), 0), "42");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,90}") {
            let _ = parse_atomic(&text);
            drop(parse_decimal(&text, 6));
        }

        #[test]
        fn what_is_written_reads_back(limbs in any::<[u64; 4]>(), decimals in 0u8..40) {
            let amount = U256::from_limbs(limbs);
            prop_assert_eq!(parse_atomic(&amount.to_string()), Some(amount));
            if decimals <= 6 {
                let shown = format_decimal(amount, decimals);
                // The largest amounts have 78 digits, and the reader refuses by length only beyond that.
                prop_assert_eq!(parse_decimal(&shown, decimals), Ok(amount));
            }
        }
    }
}
