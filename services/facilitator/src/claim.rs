//! Whose settlement it is. Sellers that share a recipient cannot tell from the chain which of them a transfer has paid: the
//! first one that asks for a settlement names it with a key, and only that key is told "it is yours" again.

use serde::{Deserialize, Serialize};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// As long as the index fields of other payment services allow.
const KEY_BYTES_MAX: usize = 255;

/// The value of `Idempotency-Key`: names one sale. Whoever knows it is told that the settlement succeeded, so it is in no log.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

/// The time it takes does not say how much of a guessed key is right.
impl PartialEq for IdempotencyKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for IdempotencyKey {}

impl IdempotencyKey {
    /// `None` for anything but 1 to 255 visible ASCII characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=KEY_BYTES_MAX).contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdempotencyKey(..)")
    }
}

/// Who asks about a settlement that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// The sale that began it: it may hear "success" as often as it asks.
    Same,
    /// Neither has a key, so nobody can tell: it hears that the nonce is used, and by which transaction.
    Unnamed,
    /// Another sale: it hears that the nonce is used, and no transaction that it could take for its own.
    Other,
}

/// `began` is the key of the request that began the settlement.
pub(crate) fn asker(began: Option<&IdempotencyKey>, asks: Option<&IdempotencyKey>) -> Asker {
    match (began, asks) {
        (None, None) => Asker::Unnamed,
        (Some(began), Some(asks)) if began == asks => Asker::Same,
        _ => Asker::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for (text, good) in [
            ("8e03978e-40d5-43e8-bc93-6894a57f9324", true),
            ("\"quoted\"", true),
            ("", false),
            ("two words", false),
            ("schlüssel", false),
            ("line\nfeed", false),
        ] {
            assert_eq!(IdempotencyKey::parse(text).is_some(), good, "{text}");
        }
        assert!(IdempotencyKey::parse(&"a".repeat(KEY_BYTES_MAX)).is_some());
        assert!(IdempotencyKey::parse(&"a".repeat(KEY_BYTES_MAX + 1)).is_none());
        let key = IdempotencyKey::parse("secret").unwrap();
        assert!(!format!("{key:?}").contains("secret"));
    }

    #[test]
    fn who_asks() {
        let (one, other) = (IdempotencyKey::parse("1"), IdempotencyKey::parse("2"));
        for (began, asks, expected) in [
            (&None, &None, Asker::Unnamed),
            (&one, &one, Asker::Same),
            (&one, &other, Asker::Other),
            (&one, &None, Asker::Other),
            (&None, &one, Asker::Other),
        ] {
            assert_eq!(asker(began.as_ref(), asks.as_ref()), expected);
        }
    }
}
