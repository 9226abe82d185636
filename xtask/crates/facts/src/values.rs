//! Reads the value of an ARG or of an environment variable: where it comes from, and what it has to be.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::manifest::{Table, nearest};
use super::service::{Decimals, Link, Value, ValueType};
use words::error::Problem;

/// Amounts are counted in 128 bits.
pub(crate) const DECIMALS_MAX: u32 = listing::DECIMALS_MAX as u32;

/// A text, `{ link = "service.output" }`, or `{ stage = "key" }`, and what it has to be.
pub(crate) fn read_value(
    table: &Table<'_>,
    name: &str,
    json: &Json,
    problems: &mut Vec<Problem>,
) -> (Option<Value>, Option<ValueType>) {
    let value = match json {
        Json::String(text) if text.trim().is_empty() => {
            let fix = format!("give {name} a value, or remove the line");
            problems.push(table.problem(name, format!("`{name}` is empty"), fix));
            None
        }
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Object(object) => {
            let mut inner = Table::new(table.file, &format!("{}.{name}", table.header), object);
            let link = inner.text("link", problems);
            let hosted = inner.text("hosted", problems);
            let stage = inner.text("stage", problems);
            let optional = inner.flag("optional", problems);
            let of_type = read_type(&mut inner, problems);
            inner.unknown_keys(problems);
            let value = match (link, stage) {
                (Some(link), None) => {
                    read_link(table, name, &link, hosted, problems).map(Value::Link)
                }
                (None, Some(key)) if hosted.is_none() && optional => {
                    Some(Value::OptionalStage(key))
                }
                (None, Some(key)) if hosted.is_none() => Some(Value::Stage(key)),
                _ => {
                    let text = format!("`{name}` says neither or both of `link` and `stage`");
                    let fix = "write one of: \"text\", { link = \"service.output\" }, { stage = \"setting\" }".to_owned();
                    problems.push(table.problem(name, text, fix));
                    None
                }
            };
            return (value, of_type);
        }
        _ => {
            let fix =
                "write one of: \"text\", { link = \"service.output\" }, { stage = \"setting\" }"
                    .to_owned();
            problems.push(table.problem(name, format!("`{name}` is not a value"), fix));
            None
        }
    };
    (value, None)
}

/// `type = "amount"` and what belongs to it.
fn read_type(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> Option<ValueType> {
    let of_type = table.text("type", problems);
    let decimals = read_decimals(table, problems);
    let zero = table.flag("zero", problems);
    let at_most = table.text("at_most", problems);
    let https = table.flag("https", problems);
    let facilitator = table.flag("facilitator", problems);
    let exclusive = table.flag("exclusive", problems);
    let development_needs = table.text("development_needs", problems);
    let own_asset = table.text("own_asset", problems);
    let one_of = table.texts("one_of", problems);
    let refused_on_aws = read_refused(table, problems);
    let said = [
        ("decimals", "amount", decimals.is_some()),
        ("zero", "amount", zero),
        ("at_most", "amount", at_most.is_some()),
        ("https", "url", https),
        ("facilitator", "url", facilitator),
        ("exclusive", "address", exclusive),
        ("development_needs", "network", development_needs.is_some()),
        ("own_asset", "prices", own_asset.is_some()),
        ("one_of", "choice", !one_of.is_empty()),
        ("refused_on_aws", "choice", !refused_on_aws.is_empty()),
    ];
    let types = [
        "amount", "url", "address", "network", "decimals", "prices", "model", "choice",
    ];
    let is_unknown = of_type
        .as_deref()
        .is_some_and(|name| !types.contains(&name));
    for (key, belongs_to, _) in said.into_iter().filter(|(_, _, is_said)| *is_said) {
        if !is_unknown && of_type.as_deref() != Some(belongs_to) {
            let text = format!("`{key}` belongs to values of type = \"{belongs_to}\"");
            let fix = format!("add type = \"{belongs_to}\", or remove `{key}`");
            problems.push(table.problem(key, text, fix));
        }
    }
    match of_type.as_deref()? {
        "amount" => {
            if decimals.is_none() {
                let text = "an amount needs the `decimals` of its asset".to_owned();
                problems.push(table.problem("type", text, "add decimals = 6".to_owned()));
            }
            Some(ValueType::Amount {
                decimals: decimals?,
                zero,
                at_most,
            })
        }
        "url" => Some(ValueType::Url { https, facilitator }),
        "address" => Some(ValueType::Address { exclusive }),
        "decimals" => Some(ValueType::Decimals),
        "network" => Some(ValueType::Network { development_needs }),
        "prices" => Some(ValueType::Prices { own_asset }),
        "model" => Some(ValueType::Model),
        "choice" => read_choice(table, one_of, refused_on_aws, problems),
        other => {
            let fix = match nearest(other, &types) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("use one of: {}", types.join(", ")),
            };
            problems.push(table.problem("type", format!("unknown type `{other}`"), fix));
            None
        }
    }
}

/// `refused_on_aws = { open = "a public page would be a public wallet" }`: values, each with the reason.
fn read_refused(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> BTreeMap<String, String> {
    let key = "refused_on_aws";
    let Some(entries) = table.table(key, problems) else {
        return BTreeMap::new();
    };
    let mut inner = Table::new(table.file, &format!("{}.{key}", table.header), entries);
    let mut refused = BTreeMap::new();
    for value in entries.keys() {
        let reason = inner.text(value, problems);
        refused.extend(reason.map(|reason| (value.clone(), reason)));
    }
    refused
}

/// On AWS, too, something is left to choose.
fn read_choice(
    table: &Table<'_>,
    one_of: Vec<String>,
    refused_on_aws: BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Option<ValueType> {
    if one_of
        .iter()
        .all(|value| refused_on_aws.contains_key(value))
    {
        let text = "a choice needs values in `one_of` that are not refused on AWS".to_owned();
        let fix = "add one_of = [\"...\", \"...\"]".to_owned();
        problems.push(table.problem("type", text, fix));
        return None;
    }
    for value in refused_on_aws
        .keys()
        .filter(|value| !one_of.contains(value))
    {
        let text = format!("`refused_on_aws` names `{value}`, which is not in `one_of`");
        let fix = format!("use one of: {}", one_of.join(", "));
        problems.push(table.problem("refused_on_aws", text, fix));
    }
    Some(ValueType::Choice {
        one_of,
        refused_on_aws,
    })
}

/// `decimals = 6`, or `decimals = { stage = "asset_decimals", default = 6 }`.
fn read_decimals(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> Option<Decimals> {
    let key = "decimals";
    let (setting, default) = match table.get(key)? {
        Json::Object(object) => {
            let mut inner = Table::new(table.file, &format!("{}.{key}", table.header), object);
            let setting = inner.text("stage", problems);
            if setting.is_none() || inner.get("default").is_none() {
                let text =
                    "`decimals` does not say which setting it follows, and what holds without it";
                let fix = "write decimals = { stage = \"asset_decimals\", default = 6 }";
                problems.push(table.problem(key, text.to_owned(), fix.to_owned()));
            }
            let default = inner.number("default", 6, problems);
            inner.unknown_keys(problems);
            (setting, default)
        }
        _ => (None, table.number(key, 6, problems)),
    };
    if default > DECIMALS_MAX {
        let text = format!("no asset has more than {DECIMALS_MAX} decimal places");
        problems.push(table.problem(key, text, "write decimals = 6".to_owned()));
    }
    let default = default.min(DECIMALS_MAX);
    Some(Decimals { setting, default })
}

fn read_link(
    table: &Table<'_>,
    name: &str,
    link: &str,
    hosted: Option<String>,
    problems: &mut Vec<Problem>,
) -> Option<Link> {
    match link.split_once('.') {
        Some((service, output)) if !service.is_empty() && !output.is_empty() => Some(Link {
            service: service.to_owned(),
            output: output.to_owned(),
            hosted,
        }),
        _ => {
            let fix =
                "write link = \"service.output\", for example \"x402-backend.url\"".to_owned();
            problems.push(table.problem(name, format!("`{link}` is not a link"), fix));
            None
        }
    }
}
