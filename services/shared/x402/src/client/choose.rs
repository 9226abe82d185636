//! Finds the cheapest offer that the policy allows.

use super::PayError;
use super::policy::{Policy, same};
use crate::amount::parse_atomic;
use crate::decode;
use crate::wire::{PaymentRequired, Requirements, SCHEME_EXACT, VERSION};
use runtime::text::clean;
use serde_json::{Map, Value};
use url::Url;

/// Of what a seller has written, in an error.
const SHOWN_CHARACTERS_MAX: usize = 60;

/// An allowed offer: as we read it, and as it came, because it goes back unchanged.
pub(super) struct Offered {
    pub(super) requirements: Requirements,
    pub(super) accepted: Value,
    pub(super) resource: Value,
    pub(super) extensions: Option<Map<String, Value>>,
}

/// The cheapest offer that the policy allows, at any place in the list; of several at one price the first.
///
/// # Errors
/// What is wrong with the offer that comes nearest: one on the policy's network rather than another, and the first of those.
pub(super) fn choose(
    policy: &Policy,
    url: &Url,
    required: PaymentRequired,
) -> Result<Offered, PayError> {
    if required.x402_version != VERSION {
        return Err(PayError::Malformed(format!(
            "x402 version {} is not supported",
            required.x402_version
        )));
    }
    check_resource(url, &required.resource)?;
    let mut chosen: Option<(Requirements, Value)> = None;
    let mut nearest: Option<(bool, PayError)> = None;
    for accepted in required.accepts {
        match read(policy, &accepted) {
            Ok(requirements) => {
                let cheaper =
                    |(other, _): &(Requirements, Value)| requirements.amount < other.amount;
                if chosen.as_ref().is_none_or(cheaper) {
                    chosen = Some((requirements, accepted));
                }
            }
            Err(error) => {
                let is_ours =
                    accepted.get("network").and_then(Value::as_str) == Some(&policy.asset.network);
                if nearest
                    .as_ref()
                    .is_none_or(|(was_ours, _)| is_ours && !was_ours)
                {
                    nearest = Some((is_ours, error));
                }
            }
        }
    }
    match (chosen, nearest) {
        (Some((requirements, accepted)), _) => Ok(Offered {
            requirements,
            accepted,
            resource: required.resource,
            extensions: required.extensions,
        }),
        (None, Some((_, error))) => Err(error),
        (None, None) => Err(PayError::Malformed("it offers no way to pay".into())),
    }
}

/// The offer has to be for what was asked for. Compared as URLs, because the seller may write an escape differently; a seller
/// behind a proxy that speaks TLS for it often knows its own address with `http`.
fn check_resource(url: &Url, resource: &Value) -> Result<(), PayError> {
    let text = resource
        .get("url")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut offered = Url::parse(text).ok();
    if let Some(offered) = &mut offered
        && offered.scheme() == "http"
        && url.scheme() == "https"
    {
        // Between these two schemes it never fails.
        let _changed = offered.set_scheme("https");
    }
    if offered.as_ref() == Some(url) {
        return Ok(());
    }
    same("resource", text, url.as_str())
}

fn read(policy: &Policy, accepted: &Value) -> Result<Requirements, PayError> {
    let text = |key: &str| {
        accepted
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    // Offers of other schemes and chains look different; that is not an error.
    if text("scheme") != SCHEME_EXACT || !text("network").starts_with("eip155:") {
        return Err(PayError::Malformed(
            "there is no offer of scheme `exact` on an EVM chain".into(),
        ));
    }
    let requirements = serde_json::from_value::<Requirements>(accepted.clone())
        .map_err(|error| PayError::Malformed(fault(accepted, &error)))?;
    allowed(policy, &requirements)?;
    Ok(requirements)
}

/// Which field of an offer cannot be read, and why: serde's own words do not name it.
fn fault(accepted: &Value, error: &serde_json::Error) -> String {
    const ADDRESS: &str = "an address of 0x and 40 hexadecimal digits";
    const FIELDS: [(&str, &str); 4] = [
        ("amount", "a decimal string such as \"10000\""),
        ("asset", ADDRESS),
        ("payTo", ADDRESS),
        ("maxTimeoutSeconds", "a whole number of seconds"),
    ];
    for (name, expected) in FIELDS {
        let Some(value) = accepted.get(name) else {
            return format!("the offer has no `{name}`, which is {expected}");
        };
        let text = value.as_str().unwrap_or_default();
        let is_good = match name {
            "amount" => parse_atomic(text).is_some(),
            "maxTimeoutSeconds" => decode::whole_number(value).is_ok(),
            _ => decode::hex_bytes::<20>(text).is_some(),
        };
        if !is_good {
            let value = clean(&value.to_string(), SHOWN_CHARACTERS_MAX);
            return format!("the offer's `{name}` is {value}, and not {expected}");
        }
    }
    clean(&error.to_string(), 200)
}

fn allowed(policy: &Policy, offer: &Requirements) -> Result<(), PayError> {
    let asset = &policy.asset;
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
