//! What a facilitator says of the extensions of a payment, such as whether it lists what was sold (`bazaar`).
//! <https://github.com/x402-foundation/x402/blob/main/specs/extensions/bazaar.md>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use runtime::text::clean;
use serde_json::{Map, Value};

/// Base64 of JSON: `{"bazaar": {"status": "rejected", "rejectedReason": "..."}}`.
const EXTENSION_RESPONSES: HeaderName = HeaderName::from_static("extension-responses");
const HEADER_BYTES_MAX: usize = 8 * 1024;
const EXTENSIONS_MAX: usize = 8;
const TEXT_CHARACTERS_MAX: usize = 200;

/// What became of one extension.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) extension: String,
    pub(super) status: String,
    pub(super) reason: Option<String>,
}

/// Logs what the answer says. It is for the seller alone, and goes no further.
pub(super) fn log(headers: &HeaderMap) {
    let Some(value) = headers.get(EXTENSION_RESPONSES) else {
        return;
    };
    let Some(outcomes) = read(value.as_bytes()) else {
        tracing::warn!("the facilitator's EXTENSION-RESPONSES cannot be read");
        return;
    };
    for outcome in outcomes {
        let Outcome {
            extension,
            status,
            reason,
        } = outcome;
        if status == "rejected" {
            tracing::warn!(extension, reason, "the facilitator rejects an extension");
        } else {
            tracing::info!(extension, status, reason, "extension at the facilitator");
        }
    }
}

pub(super) fn read(header: &[u8]) -> Option<Vec<Outcome>> {
    if header.len() > HEADER_BYTES_MAX {
        return None;
    }
    let bytes = STANDARD.decode(header).ok()?;
    let extensions: Map<String, Value> = serde_json::from_slice(&bytes).ok()?;
    let outcomes = extensions
        .iter()
        .take(EXTENSIONS_MAX)
        .map(|(name, outcome)| {
            let text = |key: &str| {
                let text = outcome[key].as_str()?;
                Some(clean(text, TEXT_CHARACTERS_MAX))
            };
            Outcome {
                extension: clean(name, TEXT_CHARACTERS_MAX),
                status: text("status").unwrap_or_else(|| "unknown".to_owned()),
                reason: text("rejectedReason"),
            }
        });
    Some(outcomes.collect())
}
