//! Settings that money depends on: each is what the services' manifests say it has to be, on every stage that uses it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Repo;
use super::address;
use super::limits::is_url;
use super::manifest::{ManifestFile, nearest};
use super::service::{Decimals, Service, ValueType};
use super::stage::{CloudKind, Stage};
use super::values::DECIMALS_MAX;
use crate::error::Problem;

/// The chain of development nodes. Everybody knows the keys of its accounts.
const DEVELOPMENT_NETWORK: &str = "eip155:31337";

/// A setting that a service uses, with what it has to be.
struct Setting<'a> {
    service: &'a Service,
    key: &'a str,
    text: &'a str,
    of_type: &'a ValueType,
}

/// Those of a stage that are set, of one service.
fn typed<'a>(stage: &'a Stage, service: &'a Service) -> impl Iterator<Item = Setting<'a>> {
    service.values().filter_map(|(_, name, value)| {
        let key = value.setting()?;
        Some(Setting {
            service,
            key,
            text: stage.settings.get(key)?,
            of_type: service.types.get(name)?,
        })
    })
}

/// Settings that a type names are settings that some service uses.
pub(super) fn named_settings(repo: &Repo, problems: &mut Vec<Problem>) {
    let values = repo.services.iter().flat_map(Service::values);
    let known: Vec<&str> = values.filter_map(|(_, _, value)| value.setting()).collect();
    for service in &repo.services {
        for (table, name, _) in service.values() {
            let named = match service.types.get(name) {
                Some(ValueType::Amount {
                    at_most, decimals, ..
                }) => [at_most.as_ref(), decimals.setting.as_ref()],
                Some(ValueType::Network { development_needs }) => {
                    [development_needs.as_ref(), None]
                }
                _ => continue,
            };
            let named = named.into_iter().flatten();
            for key in named.filter(|key| !known.contains(&key.as_str())) {
                let file = ManifestFile::new(&repo.root, &service.manifest);
                let near = nearest(key, &known).map_or_else(
                    || "name a setting that a service uses".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let text = format!("{name} names `{key}`, which is no setting");
                let header = format!("package.metadata.service.{table}");
                problems.push(file.problem(&header, name, text, near));
            }
        }
    }
}

/// Every setting of a stage that its services say something about.
pub(super) fn settings(
    stage: &Stage,
    services: &[&Service],
    file: &ManifestFile,
    problems: &mut Vec<Problem>,
) {
    let header = format!("workspace.metadata.stages.{}", stage.name);
    for setting in services.iter().flat_map(|service| typed(stage, service)) {
        let wrong = match setting.of_type {
            ValueType::Amount {
                decimals,
                zero,
                at_most,
            } => {
                let decimals = places(stage, decimals);
                amount(&setting, decimals, *zero)
                    .or_else(|| above(stage, &setting, decimals, at_most.as_deref()?))
            }
            ValueType::Decimals => decimals(&setting),
            ValueType::Url { https } => url(stage, &setting, *https),
            ValueType::Address { .. } => address(&setting),
            ValueType::Network { development_needs } => {
                network(stage, &setting, development_needs.as_deref())
            }
        };
        if let Some((text, fix)) = wrong {
            problems.push(file.problem(&header, setting.key, text, fix));
        }
    }
}

type Wrong = Option<(String, String)>;

fn decimals(setting: &Setting<'_>) -> Wrong {
    read_places(setting.text).is_none().then(|| {
        let (key, text) = (setting.key, setting.text);
        let problem =
            format!("`{key}` is `{text}`, and an asset has 0 to {DECIMALS_MAX} decimal places");
        (
            problem,
            format!("write {key} = \"6\", or what the token's decimals() says"),
        )
    })
}

/// The decimal places of an asset on a stage. What is wrong with a setting is told where it stands.
fn places(stage: &Stage, decimals: &Decimals) -> u32 {
    let setting = decimals.setting.as_ref();
    let set = setting.and_then(|key| read_places(stage.settings.get(key)?));
    set.unwrap_or(decimals.default)
}

fn read_places(text: &str) -> Option<u32> {
    let places = text.parse::<u32>().ok();
    places.filter(|places| *places <= DECIMALS_MAX && places.to_string() == text)
}

fn amount(setting: &Setting<'_>, decimals: u32, zero: bool) -> Wrong {
    let (key, text) = (setting.key, setting.text);
    let smallest = match decimals {
        0 => "1".to_owned(),
        decimals => format!("0.{:0>width$}", 1, width = decimals as usize),
    };
    if !is_decimal(text) {
        let fix = "write a decimal number of the asset's units: \"0.01\"".to_owned();
        return Some((format!("`{key}` is `{text}`, which is no amount"), fix));
    }
    let Some(atomic) = atomic_units(text, decimals) else {
        let fraction = text
            .split_once('.')
            .map_or(0, |(_, fraction)| fraction.len());
        let (cause, fix) = match fraction > decimals as usize {
            true => (
                match decimals {
                    1 => "the asset has one decimal place".to_owned(),
                    _ => format!("the asset has {decimals} decimal places"),
                },
                format!("round it; the smallest amount is \"{smallest}\""),
            ),
            false => (
                "that is more than there is".to_owned(),
                "write a smaller number".to_owned(),
            ),
        };
        return Some((format!("`{key}` is `{text}`, and {cause}"), fix));
    };
    (atomic == 0 && !zero).then(|| {
        let text = format!(
            "`{key}` is `{text}`, and {} needs more than nothing",
            setting.service.name
        );
        (text, format!("write at least \"{smallest}\""))
    })
}

fn above(stage: &Stage, setting: &Setting<'_>, decimals: u32, limit_key: &str) -> Wrong {
    let limit = stage.settings.get(limit_key)?;
    let (key, text) = (setting.key, setting.text);
    (atomic_units(text, decimals)? > atomic_units(limit, decimals)?).then(|| {
        let problem =
            format!("`{key}` is `{text}`, and may be at most `{limit_key}`, which is `{limit}`");
        (
            problem,
            format!("lower `{key}` to \"{limit}\", or raise `{limit_key}`"),
        )
    })
}

fn url(stage: &Stage, setting: &Setting<'_>, https: bool) -> Wrong {
    let (key, text) = (setting.key, setting.text);
    if !is_url(text) {
        return Some((
            format!("`{key}` is `{text}`, which is no URL"),
            "write https://...".to_owned(),
        ));
    }
    let in_clear = https && stage.cloud != CloudKind::Local && text.starts_with("http://");
    (in_clear && !is_loopback(text)).then(|| {
        let service = &setting.service.name;
        let problem = format!(
            "`{key}` is `{text}`: whoever is on the way could answer {service} in its place"
        );
        let fix = "write https://...; plain http is for this machine alone".to_owned();
        (problem, fix)
    })
}

fn address(setting: &Setting<'_>) -> Wrong {
    let (key, text) = (setting.key, setting.text);
    let Some(digits) = address::digits(text) else {
        let fix = "write 0x and 40 hexadecimal digits".to_owned();
        return Some((format!("`{key}` is `{text}`, which is no address"), fix));
    };
    if address::is_mistyped(digits) {
        let problem =
            format!("`{key}` is `{text}`, where a digit is wrong: its capital letters do not fit");
        return Some((problem, "copy the address once more".to_owned()));
    }
    digits.chars().all(|digit| digit == '0').then(|| {
        let problem = format!("`{key}` is the zero address, whose key nobody has");
        (problem, "write an address of your own".to_owned())
    })
}

fn network(stage: &Stage, setting: &Setting<'_>, development_needs: Option<&str>) -> Wrong {
    let (key, text) = (setting.key, setting.text);
    let number = text.strip_prefix("eip155:").unwrap_or("");
    let is_number = number
        .parse::<u64>()
        .is_ok_and(|id| id.to_string() == number);
    if !is_number {
        let fix = "write eip155: and the number of the chain, such as eip155:84532".to_owned();
        return Some((
            format!("`{key}` is `{text}`, which is not the CAIP-2 name of an EVM chain"),
            fix,
        ));
    }
    let needs = development_needs.filter(|needs| !stage.settings.contains_key(*needs))?;
    (text == DEVELOPMENT_NETWORK && stage.cloud != CloudKind::Local).then(|| {
        let service = &setting.service.name;
        let problem = format!("`{key}` is {DEVELOPMENT_NETWORK}, where money is free for everybody, and {service} would stand on the internet with it");
        let fix = format!("name a real network, such as eip155:84532, or set `{needs}` to a node of that chain");
        (problem, fix)
    })
}

/// No two services are paid at one address of one network, on whichever stages they are: each would take a payment to the
/// other for one to itself.
pub(super) fn exclusive(repo: &Repo, file: &ManifestFile, problems: &mut Vec<Problem>) {
    let mut owners: BTreeMap<(String, String), (&Stage, &Service)> = BTreeMap::new();
    for stage in &repo.stages {
        for service in super::deployed(repo, stage) {
            let network = typed(stage, service)
                .find(|setting| matches!(setting.of_type, ValueType::Network { .. }))
                .map_or("", |setting| setting.text);
            let addresses = typed(stage, service).filter(|setting| {
                matches!(setting.of_type, ValueType::Address { exclusive: true })
            });
            for Setting { key, text, .. } in addresses {
                let paid_at = (network.to_owned(), text.to_ascii_lowercase());
                let Some((of, other)) = owners.get(&paid_at) else {
                    owners.insert(paid_at, (stage, service));
                    continue;
                };
                if (&of.name, &other.name) == (&stage.name, &service.name) {
                    continue;
                }
                let (name, other_stage) = (&service.name, &of.name);
                let problem = format!(
                    "{name} of {} and {} of {other_stage} are paid at one address of {network}: one payment could be sold twice",
                    stage.name, other.name
                );
                let fix = match of.name == stage.name {
                    true => format!("give {name} a setting of its own instead of `{key}`"),
                    false => {
                        format!("write another address of yours into `{key}` of one of the stages")
                    }
                };
                let header = format!("workspace.metadata.stages.{}", stage.name);
                problems.push(file.problem(&header, key, problem, fix));
            }
        }
    }
}

/// Digits, and after a point more of them; no zero to begin with.
fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && (whole.len() == 1 || !whole.starts_with('0'))
}

/// None for more decimal places than there are, and for more than 2^128-1.
fn atomic_units(text: &str, decimals: u32) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let missing = (decimals as usize).checked_sub(fraction.len())?;
    format!("{whole}{fraction}{}", "0".repeat(missing))
        .parse()
        .ok()
}

fn is_loopback(text: &str) -> bool {
    let url = url::Url::parse(text).ok();
    let host = url.as_ref().and_then(url::Url::host_str).unwrap_or("");
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
