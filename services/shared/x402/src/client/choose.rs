//! Finds the offer that the policy allows.

use super::PayError;
use super::policy::{Policy, same};
use crate::wire::{PaymentRequired, Requirements, SCHEME_EXACT, VERSION};
use serde_json::{Map, Value};
use url::Url;

/// An allowed offer: as we read it, and as it came, because it goes back unchanged.
pub(super) struct Offered {
    pub(super) requirements: Requirements,
    pub(super) accepted: Value,
    pub(super) resource: Value,
    pub(super) extensions: Option<Map<String, Value>>,
}

/// The first offer that the policy allows.
///
/// # Errors
/// What is wrong with the offer that comes nearest: the last one that could be read.
pub(super) fn choose(
    policy: &Policy,
    url: &Url,
    required: PaymentRequired,
) -> Result<Offered, PayError> {
    if required.x402_version != VERSION {
        return Err(PayError::Malformed(format!(
            "x402 version {} is not spoken here",
            required.x402_version
        )));
    }
    let resource = required
        .resource
        .get("url")
        .and_then(Value::as_str)
        .unwrap_or_default();
    // Compared as URLs: the seller may write an escape differently.
    if Url::parse(resource).ok().as_ref() != Some(url) {
        same("resource", resource, url.as_str())?;
    }
    let mut refused =
        PayError::Malformed("there is no offer of scheme `exact` on an EVM chain".into());
    for accepted in required.accepts {
        // Other schemes and chains look different; that is no fault.
        let Ok(requirements) = serde_json::from_value::<Requirements>(accepted.clone()) else {
            continue;
        };
        match allowed(policy, &requirements) {
            Ok(()) => {
                let (resource, extensions) = (required.resource, required.extensions);
                return Ok(Offered {
                    requirements,
                    accepted,
                    resource,
                    extensions,
                });
            }
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn allowed(policy: &Policy, offer: &Requirements) -> Result<(), PayError> {
    let asset = &policy.asset;
    same("scheme", &offer.scheme, SCHEME_EXACT)?;
    same("network", &offer.network, &asset.network)?;
    same(
        "asset",
        &offer.asset.to_checksum(None),
        &asset.address.to_checksum(None),
    )?;
    same(
        "asset name",
        offer.extra_text("name").unwrap_or_default(),
        &asset.name,
    )?;
    same(
        "asset version",
        offer.extra_text("version").unwrap_or_default(),
        &asset.version,
    )?;
    same(
        "recipient",
        &offer.pay_to.to_checksum(None),
        &policy.pay_to.to_checksum(None),
    )?;
    same(
        "transfer method",
        offer.extra_text("assetTransferMethod").unwrap_or("eip3009"),
        "eip3009",
    )?;
    if offer.max_timeout_seconds <= crate::exact::SETTLE_MARGIN_SECONDS {
        return Err(PayError::Malformed(
            "the offer leaves no time to settle".into(),
        ));
    }
    Ok(())
}
