//! What an amount, a URL, an address and a network have to be. `name` is what a problem calls it: a setting, or a member of a price.

use std::collections::BTreeMap;

use super::super::address;
use super::super::urls::{is_loopback, is_url};
use super::super::values::DECIMALS_MAX;

/// The problem, and its fix.
pub(crate) type Wrong = (String, String);

pub(super) fn amount(name: &str, text: &str, decimals: u32) -> Option<Wrong> {
    if !is_decimal(text) {
        let fix = "write a decimal number of the asset's units: \"0.01\"".to_owned();
        return Some((format!("{name} is `{text}`, which is not an amount"), fix));
    }
    if atomic_units(text, decimals).is_some() {
        return None;
    }
    let fraction = text
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    let (cause, fix) = match fraction > decimals as usize {
        true => (
            match decimals {
                1 => "the asset has one decimal place".to_owned(),
                _ => format!("the asset has {decimals} decimal places"),
            },
            format!(
                "round it; the smallest amount is \"{}\"",
                smallest(decimals)
            ),
        ),
        false => (
            "that is more than there is".to_owned(),
            "write a smaller number".to_owned(),
        ),
    };
    Some((format!("{name} is `{text}`, and {cause}"), fix))
}

pub(super) fn decimals(name: &str, key: &str, text: &str) -> Option<Wrong> {
    read_places(text).is_none().then(|| {
        let problem =
            format!("{name} is `{text}`, and an asset has 0 to {DECIMALS_MAX} decimal places");
        let fix = format!("write {key} = \"6\", or what the token's decimals() says");
        (problem, fix)
    })
}

pub(super) fn read_places(text: &str) -> Option<u32> {
    let places = text.parse::<u32>().ok();
    places.filter(|places| *places <= DECIMALS_MAX && places.to_string() == text)
}

/// An amount, and more than nothing.
pub(super) fn price(name: &str, text: &str, decimals: u32, service: &str) -> Option<Wrong> {
    amount(name, text, decimals).or_else(|| {
        (atomic_units(text, decimals)? == 0).then(|| {
            let text = format!("{name} is `{text}`, and {service} needs more than nothing");
            (text, format!("write at least \"{}\"", smallest(decimals)))
        })
    })
}

/// `private` is for URLs whose answers are money: plain http is for this machine alone.
pub(super) fn url(name: &str, text: &str, private: bool, service: &str) -> Option<Wrong> {
    if !is_url(text) {
        let problem = format!("{name} is `{text}`, which is not a URL");
        return Some((problem, "write https://...".to_owned()));
    }
    let in_clear = private && text.starts_with("http://");
    (in_clear && !is_loopback(text)).then(|| {
        let problem = format!(
            "{name} is `{text}`: whoever is on the way could answer {service} in its place"
        );
        let fix = "write https://...; plain http is for this machine alone".to_owned();
        (problem, fix)
    })
}

pub(super) fn address(name: &str, text: &str) -> Option<Wrong> {
    let Some(digits) = address::digits(text) else {
        let fix = "write 0x and 40 hexadecimal digits".to_owned();
        return Some((format!("{name} is `{text}`, which is not an address"), fix));
    };
    if address::is_mistyped(digits) {
        let problem =
            format!("{name} is `{text}`, where a digit is wrong: its capital letters do not fit");
        return Some((problem, "copy the address once more".to_owned()));
    }
    digits.chars().all(|digit| digit == '0').then(|| {
        let problem = format!("{name} is the zero address, whose key nobody has");
        (problem, "write an address of your own".to_owned())
    })
}

pub(super) fn network(name: &str, text: &str) -> Option<Wrong> {
    let number = text.strip_prefix("eip155:").unwrap_or("");
    let is_number = number
        .parse::<u64>()
        .is_ok_and(|id| id.to_string() == number);
    (!is_number).then(|| {
        let fix = "write eip155: and the number of the chain, such as eip155:84532".to_owned();
        let problem = format!("{name} is `{text}`, which is not the CAIP-2 name of an EVM chain");
        (problem, fix)
    })
}

/// The provider, a point and the model, with a version and the region group of an inference profile where it has them. An
/// ARN is refused: the role's policy is made from the id.
pub(super) fn model(name: &str, text: &str) -> Option<Wrong> {
    let is_known =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':');
    let parts = |text: &str| text.split('.').filter(|part| !part.is_empty()).count();
    let is_model = text.chars().all(is_known)
        && parts(text) >= 2
        && parts(text) == text.split('.').count()
        && !text.starts_with("arn:");
    (!is_model).then(|| {
        let problem = format!("{name} is `{text}`, which is not the id of a Bedrock model");
        let fix = "write the id of a model or of an inference profile, such as \"us.amazon.nova-2-lite-v1:0\"";
        (problem, fix.to_owned())
    })
}

/// `refused` has those of the choices that are not for this stage, each with the reason.
pub(super) fn choice(
    key: &str,
    text: &str,
    one_of: &[String],
    refused: &BTreeMap<String, String>,
) -> Option<Wrong> {
    let allowed = one_of.iter().filter(|value| !refused.contains_key(*value));
    let allowed: Vec<String> = allowed.map(|value| format!("\"{value}\"")).collect();
    let fix = format!("set {key} = {}", allowed.join(" or "));
    match refused.get(text) {
        Some(reason) => Some((format!("{key} is \"{text}\": {reason}"), fix)),
        None if one_of.iter().any(|value| value == text) => None,
        None => Some((format!("`{key}` is `{text}`, which is not a choice"), fix)),
    }
}

/// Digits, and after a point more of them; no zero to begin with.
fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && (whole.len() == 1 || !whole.starts_with('0'))
}

/// None for more decimal places than there are, and for more than 2^128-1.
pub(super) fn atomic_units(text: &str, decimals: u32) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let missing = (decimals as usize).checked_sub(fraction.len())?;
    format!("{whole}{fraction}{}", "0".repeat(missing))
        .parse()
        .ok()
}

fn smallest(decimals: u32) -> String {
    match decimals as usize {
        0 => "1".to_owned(),
        width => format!("0.{:0>width$}", 1),
    }
}
