//! Keys that two readers of one JSON could take for different fields. The payment goes to the facilitator as the buyer wrote it,
//! and what was checked here has to be what is read there: Go's `encoding/json`, for one, takes `Value` for `value`, and the last
//! of both. The same key twice is refused by serde.

/// The keys that decide about money, wherever they stand.
const KNOWN: &[&str] = &[
    "x402Version",
    "accepted",
    "payload",
    "resource",
    "extensions",
    "scheme",
    "network",
    "signature",
    "authorization",
    "from",
    "to",
    "value",
    "validAfter",
    "validBefore",
    "nonce",
    "amount",
    "asset",
    "payTo",
    "maxTimeoutSeconds",
    "extra",
];

/// True when a key of `json`, which must be valid, is a known one in another spelling, or not plain. Inside `resource` and
/// `extensions` nothing is about money, and names are anybody's.
pub(super) fn ambiguous(json: &[u8]) -> bool {
    let (mut depth, mut foreign, mut at) = (0u32, false, 0);
    while let Some(&byte) = json.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let text = string(json.get(at..).unwrap_or_default());
                at += text.len() + 1;
                let mut rest = json.get(at..).unwrap_or_default().iter();
                let next = rest.find(|byte| !byte.is_ascii_whitespace());
                if next != Some(&b':') {
                    continue;
                }
                if depth == 1 {
                    foreign = text == b"resource" || text == b"extensions";
                }
                if (depth == 1 || !foreign) && (!is_plain(text) || is_respelled(text)) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// What stands before the closing quote.
fn string(json: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => return &json[..at],
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json
}

/// No escape, and no character that some reader folds into a letter, as the Kelvin sign.
fn is_plain(key: &[u8]) -> bool {
    key.iter().all(|byte| byte.is_ascii() && *byte != b'\\')
}

fn is_respelled(key: &[u8]) -> bool {
    let same = |known: &&&str| key.eq_ignore_ascii_case(known.as_bytes());
    KNOWN
        .iter()
        .find(same)
        .is_some_and(|known| key != known.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read(text in "[\\[{\"\\\\:,To}\\]é ]{0,40}") {
            ambiguous(text.as_bytes());
        }
    }

    #[test]
    fn one_reading() {
        for (json, expected) in [
            (
                r#"{"x402Version":2,"payload":{"value":"1"},"new":{"Names":1}}"#,
                false,
            ),
            (r#"{"payload":{"value":"1","Value":"2"}}"#, true),
            (r#"{"payload":{"VALUE" : "2"}}"#, true),
            (r#"{"Payload":{}}"#, true),
            (r#"{"payload":{"\u0056alue":"2"}}"#, true),
            (
                r#"{"payload":{"authorization":{"validBefore":"9","validbefore":"8"}}}"#,
                true,
            ),
            ("{\"payload\":{\"\u{212a}ey\":1}}", true),
            (r#"{"a":["Value","}\"",{"To":1}]}"#, true),
            (r#"{"a":"\\","Nonce":1}"#, true),
            (r#"{"a":"Value","b":"\"Value\":"}"#, false),
            // Names of others.
            (
                r#"{"resource":{"Value":1,"naïve":2},"extensions":{"x":{"To":{"\u0041":1}}}}"#,
                false,
            ),
            (r#"{"extensions":{"x":1},"Payload":{}}"#, true),
            (r#"{"extensions":{},"payload":{"To":1}}"#, true),
            (r#"{"resource":"To","Accepted":1}"#, true),
            (r#"{"payload":{"resource":{},"To":1}}"#, true),
            ("null", false),
            ("\"", false),
            ("\"\\", false),
        ] {
            assert_eq!(ambiguous(json.as_bytes()), expected, "{json}");
        }
    }
}
