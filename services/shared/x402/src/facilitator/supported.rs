//! What a facilitator says that it settles: `GET /supported`.

use super::http::SUPPORTED_TIMEOUT;
use super::{FacilitatorError, HttpFacilitator};
use crate::wire::{VERSION, VERSION_1};
use http::{HeaderMap, Method};
use runtime::text::clean;
use serde::Deserialize;
use serde_json::Value;

/// Of one name in a list, and of the list.
const NAME_CHARACTERS_MAX: usize = 60;
const KINDS_MAX: usize = 24;

/// Whether a facilitator settles one kind of payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    Supported,
    /// It says what it supports, and this is not among it: `exact on eip155:8453`, at most 24 of them.
    NotSupported(Vec<String>),
    /// It did not say.
    Unknown(FacilitatorError),
}

/// `kinds` stays raw: one that we cannot read must not hide the others. `extensions` and `signers` may lack, and are not asked.
#[derive(Deserialize)]
struct Supported {
    kinds: Vec<Value>,
}

impl HttpFacilitator {
    /// Asks whether payments of this scheme on this network (CAIP-2) are settled, in version 2 of x402. What is not in the
    /// answer is the asset: for `exact` on EVM, facilitators do not list them.
    pub async fn supports(&self, network: &str, scheme: &str) -> Support {
        let asked = self.ask(
            Method::GET,
            &self.supported,
            HeaderMap::new(),
            None,
            SUPPORTED_TIMEOUT,
        );
        match asked.await.and_then(|answer| answer.read::<Supported>()) {
            Ok(supported) => among(&supported.kinds, network, scheme),
            Err(error) => Support::Unknown(error),
        }
    }
}

fn among(kinds: &[Value], network: &str, scheme: &str) -> Support {
    let is_ours = |kind: &Value| {
        version(kind) == Some(VERSION) && kind["network"] == network && kind["scheme"] == scheme
    };
    if kinds.iter().any(is_ours) {
        return Support::Supported;
    }
    Support::NotSupported(kinds.iter().filter_map(words).take(KINDS_MAX).collect())
}

/// Lists of version 1 said no version.
fn version(kind: &Value) -> Option<u64> {
    match &kind["x402Version"] {
        Value::Null => Some(VERSION_1),
        version => version.as_u64(),
    }
}

fn words(kind: &Value) -> Option<String> {
    let name = |key: &str| Some(clean(kind[key].as_str()?, NAME_CHARACTERS_MAX));
    let (scheme, network) = (name("scheme")?, name("network")?);
    Some(match version(kind) {
        Some(VERSION) => format!("{scheme} on {network}"),
        Some(version) => format!("{scheme} on {network} (version {version})"),
        None => format!("{scheme} on {network} (of no version)"),
    })
}
