//! DynamoDB's numbers: decimal, of up to 38 significant digits, from 1E-130 to 9.99...E+125.
//! https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html

use std::cmp::Ordering;
use std::fmt;

use crate::refusal::{Refusal, Result};

const DIGITS_MAX: u32 = 38;

/// `mantissa * 10^exponent`; the mantissa does not end with 0, so equal numbers are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    mantissa: i128,
    exponent: i32,
}

impl Number {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Refusal::validation(format!(
                "The parameter cannot be converted to a numeric value: {text}"
            ))
        };
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (digits, exponent) = match rest.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().map_err(|_| wrong())?),
            None => (rest, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(wrong());
        }
        let trimmed = all.trim_start_matches('0');
        let significant = trimmed.trim_end_matches('0');
        if significant.len() > DIGITS_MAX as usize {
            return Err(too_precise());
        }
        if significant.is_empty() {
            return Ok(Self {
                mantissa: 0,
                exponent: 0,
            });
        }
        let shift = i64::try_from(trimmed.len() - significant.len()).map_err(|_| wrong())?
            - i64::try_from(fraction.len()).map_err(|_| wrong())?;
        let mantissa: i128 = significant.parse().map_err(|_| wrong())?;
        let exponent = i32::try_from(i64::from(exponent) + shift).map_err(|_| wrong())?;
        Self {
            mantissa: if negative { -mantissa } else { mantissa },
            exponent,
        }
        .in_range()
    }

    fn in_range(self) -> Result<Self> {
        match self.magnitude() {
            126.. => Err(Refusal::validation(
                "Number overflow. Attempting to store a number with magnitude larger than supported range",
            )),
            ..-130 => Err(Refusal::validation(
                "Number underflow. Attempting to store a number with magnitude smaller than supported range",
            )),
            _ => Ok(self),
        }
    }

    fn digits(self) -> u32 {
        self.mantissa
            .unsigned_abs()
            .checked_ilog10()
            .map_or(1, |log| log + 1)
    }

    /// The power of ten of the first digit; of zero, 0.
    fn magnitude(self) -> i32 {
        if self.mantissa == 0 {
            0
        } else {
            self.exponent + self.digits() as i32 - 1
        }
    }

    /// The mantissa with as many digits as any has.
    fn padded(self) -> i128 {
        self.mantissa * 10_i128.pow(DIGITS_MAX - self.digits())
    }

    pub(crate) fn add(self, other: Self) -> Result<Self> {
        if self.mantissa == 0 || other.mantissa == 0 {
            return Ok(if self.mantissa == 0 { other } else { self });
        }
        let exponent = self.exponent.min(other.exponent);
        let scaled = |number: Self| {
            let power = 10_i128.checked_pow((number.exponent - exponent).unsigned_abs());
            power.and_then(|power| number.mantissa.checked_mul(power))
        };
        let sum = scaled(self)
            .zip(scaled(other))
            .and_then(|(a, b)| a.checked_add(b));
        let mut sum = Self {
            mantissa: sum.ok_or_else(too_precise)?,
            exponent,
        };
        if sum.mantissa == 0 {
            return Ok(Self {
                mantissa: 0,
                exponent: 0,
            });
        }
        while sum.mantissa % 10 == 0 {
            sum.mantissa /= 10;
            sum.exponent += 1;
        }
        if sum.digits() > DIGITS_MAX {
            Err(too_precise())
        } else {
            sum.in_range()
        }
    }

    pub(crate) fn negated(self) -> Self {
        Self {
            mantissa: -self.mantissa,
            ..self
        }
    }

    /// As a whole number of seconds, if it is one.
    pub(crate) fn as_u64(self) -> Option<u64> {
        let power = 10_i128.checked_pow(u32::try_from(self.exponent).ok()?)?;
        u64::try_from(self.mantissa.checked_mul(power)?).ok()
    }

    /// Bytes that sort as the numbers do.
    pub(crate) fn sort_bytes(self) -> Vec<u8> {
        if self.mantissa == 0 {
            return vec![1];
        }
        let magnitude = (self.magnitude() + 200).unsigned_abs() as u16;
        let positive = self.mantissa > 0;
        let mut bytes = vec![if positive { 2 } else { 0 }];
        bytes.extend(magnitude.to_be_bytes());
        bytes.extend(self.padded().unsigned_abs().to_be_bytes());
        if !positive {
            bytes[1..].iter_mut().for_each(|byte| *byte = !*byte);
        }
        bytes
    }

    pub(crate) fn size_bytes(self) -> usize {
        self.digits().div_ceil(2) as usize + 1 + usize::from(self.mantissa < 0)
    }
}

fn too_precise() -> Refusal {
    Refusal::validation("Attempting to store more than 38 significant digits in a Number")
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sort_bytes().cmp(&other.sort_bytes())
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs().to_string();
        if self.exponent >= 0 {
            return write!(
                formatter,
                "{sign}{digits}{}",
                "0".repeat(self.exponent.unsigned_abs() as usize)
            );
        }
        let places = self.exponent.unsigned_abs() as usize;
        let digits = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        write!(formatter, "{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn numbers_are_decimal_and_compare_as_such() {
        for (text, shown) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("+7", "7"),
            ("1.50", "1.5"),
            ("1e2", "100"),
            ("-.25", "-0.25"),
            ("12E-4", "0.0012"),
            (
                "99999999999999999999999999999999999999",
                "99999999999999999999999999999999999999",
            ),
            ("0000000000000000000000000000000000000000000.5", "0.5"),
        ] {
            assert_eq!(number(text).to_string(), shown, "{text}");
        }
        let sorted = [
            "-1e100", "-10", "-9.5", "-1e-100", "0", "1e-100", "0.3", "2", "10", "99", "1e100",
        ];
        for pair in sorted.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
        assert_eq!(number("1.0"), number("1"));
    }

    #[test]
    fn sums_are_exact_or_refused() {
        let sum = |a: &str, b: &str| number(a).add(number(b)).map(|sum| sum.to_string());
        assert_eq!(sum("0.1", "0.2"), Ok("0.3".to_owned()));
        assert_eq!(sum("100", "-100"), Ok("0".to_owned()));
        assert_eq!(
            sum("1e30", "1"),
            Ok("1000000000000000000000000000001".to_owned())
        );
        assert!(
            sum("1e40", "1")
                .unwrap_err()
                .message
                .contains("38 significant")
        );
        assert!(sum("1e125", "0").is_ok());
        assert!(
            sum("9e125", "9e125")
                .unwrap_err()
                .message
                .contains("overflow")
        );
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for (text, part) in [
            ("", "numeric value"),
            ("abc", "numeric value"),
            ("1 2", "numeric value"),
            ("1e", "numeric value"),
            ("NaN", "numeric value"),
            ("1e126", "overflow"),
            ("1e-131", "underflow"),
            ("123456789012345678901234567890123456789", "38 significant"),
        ] {
            let refusal = Number::parse(text).unwrap_err();
            assert!(
                refusal.message.contains(part),
                "{text}: {}",
                refusal.message
            );
        }
    }
}
