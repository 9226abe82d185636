//! Prices beside a service's own: a JSON array in one setting. The service reads it by the same form, and stricter rules are kept
//! here.

use listing::{OtherPrice, PRICES_MAX};
use serde_json::Value as Json;

use super::super::Repo;
use super::super::stage::{CloudKind, Stage};
use super::super::values::DECIMALS_MAX;
use super::rules::{self, Wrong};
use super::{DEVELOPMENT_NETWORK, Setting, network_of, sales};

const FORM: &str = r#"{"price": "0.01", "network": "eip155:8453", "asset": "0x...", "name": "USD Coin", "version": "2", "decimals": 6, "payTo": "0x..."}"#;

/// None of them when they cannot be read, which is a problem of its own.
pub(super) fn entries(text: &str) -> Vec<OtherPrice> {
    serde_json::from_str(text).unwrap_or_default()
}

/// Everything that is wrong with all of them.
pub(super) fn wrong(
    repo: &Repo,
    stage: &Stage,
    setting: &Setting<'_>,
    own_asset: Option<&str>,
) -> Vec<Wrong> {
    let key = setting.key;
    let entries: Vec<OtherPrice> = match serde_json::from_str(setting.text) {
        Ok(entries) => entries,
        Err(error) => return unreadable(key, setting.text, &error),
    };
    let mut wrong = Vec::new();
    let all = entries.len() + usize::from(own_asset.is_some());
    if all > PRICES_MAX {
        wrong.push((
            format!("`{key}` makes {all} prices with the stage's own, and hosted facilitators take {PRICES_MAX}"),
            format!("remove {}", all - PRICES_MAX),
        ));
    }
    let own = own_asset.and_then(|own_asset| {
        let network = network_of(stage, setting.service)?;
        Some((network, stage.settings.get(own_asset)?, own_asset))
    });
    for (index, entry) in entries.iter().enumerate() {
        let number = index + 1;
        wrong.extend(of_entry(stage, setting, number, entry));
        let same = |network: &str, asset: &str| {
            network == entry.network && asset.eq_ignore_ascii_case(&entry.asset)
        };
        let mut before = entries[..index].iter();
        let first = before.position(|other| same(&other.network, &other.asset));
        let other = match (own, first) {
            (Some((network, asset, own_asset)), _) if same(network, asset) => {
                Some(format!("`{own_asset}`"))
            }
            (_, Some(first)) => Some(format!("price {}", first + 1)),
            _ => None,
        };
        if let Some(other) = other {
            wrong.push((
                format!("price {number} of `{key}` is in the asset of {other}: a buyer takes the lower one, and the other is never paid"),
                "keep one of them".to_owned(),
            ));
        }
        let refused = sales::refused_price(repo, stage, setting.service, own_asset, &entry.network);
        wrong.extend(refused.map(|(why, fix)| {
            let text = format!(
                "price {number} of `{key}` is on {}, and {why}",
                entry.network
            );
            (text, fix)
        }));
    }
    wrong
}

/// Which entry cannot be read, and why.
pub(super) fn unreadable(key: &str, text: &str, error: &serde_json::Error) -> Vec<Wrong> {
    let entries: Vec<Json> = serde_json::from_str(text).unwrap_or_default();
    let mut wrong = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        if let Err(error) = serde_json::from_value::<OtherPrice>(entry) {
            let text = format!("price {} of `{key}` cannot be read: {error}", index + 1);
            wrong.push((text, format!("write {FORM}")));
        }
    }
    if wrong.is_empty() {
        let text = format!("`{key}` is not a JSON array of prices: {error}");
        wrong.push((text, format!("write [{FORM}] between single quotes")));
    }
    wrong
}

fn of_entry(stage: &Stage, setting: &Setting<'_>, number: usize, entry: &OtherPrice) -> Vec<Wrong> {
    let (key, service) = (setting.key, &setting.service.name);
    let on_aws = stage.cloud != CloudKind::Local;
    let name = |member: &str| format!("`{member}` of price {number} of `{key}`");
    let mut wrong: Vec<Wrong> = Vec::new();
    let decimals = u32::from(entry.decimals);
    if decimals > DECIMALS_MAX {
        let text = format!(
            "{} is {}, and no asset has more than {DECIMALS_MAX} decimal places",
            name("decimals"),
            entry.decimals
        );
        wrong.push((
            text,
            "ask the token's contract for its decimals()".to_owned(),
        ));
    } else {
        wrong.extend(rules::price(
            &name("price"),
            &entry.price,
            decimals,
            service,
        ));
    }
    wrong.extend(rules::network(&name("network"), &entry.network));
    if entry.network == DEVELOPMENT_NETWORK && on_aws && entry.chain_rpc_url.is_none() {
        wrong.push((
            format!("{} is {DEVELOPMENT_NETWORK}, where money is free for everybody, and {service} would stand on the internet with it", name("network")),
            "name a real network, or give the price the `chainRpcUrl` of a node of that chain".to_owned(),
        ));
    }
    wrong.extend(rules::address(&name("asset"), &entry.asset));
    for (member, text) in [("name", &entry.name), ("version", &entry.version)] {
        if text.is_empty() {
            let fix = format!("write the {member} of the token's EIP-712 domain");
            wrong.push((format!("{} is empty", name(member)), fix));
        }
    }
    wrong.extend(rules::address(&name("payTo"), &entry.pay_to));
    let node = entry.chain_rpc_url.as_deref();
    wrong.extend(node.and_then(|url| rules::url(&name("chainRpcUrl"), url, on_aws, service)));
    wrong
}
