//! Settings that money depends on: each is what the services' manifests say it has to be, on every stage that uses it.

mod exclusive;
mod prices;
mod rules;
mod sales;
#[cfg(test)]
mod tests;

pub(crate) use exclusive::exclusive;
pub(crate) use rules::Wrong;
pub use sales::{Sale, Settled, sales};

use std::collections::BTreeMap;

use super::Repo;
use super::manifest::{ManifestFile, nearest};
use super::regions::foreign_profile;
use super::service::{Decimals, Service, ValueType};
use super::stage::{CloudKind, Stage};
use rules::atomic_units;
use words::error::Problem;

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

/// The network that a service is on: its own setting says it.
fn network_of<'a>(stage: &'a Stage, service: &'a Service) -> Option<&'a str> {
    typed(stage, service)
        .find(|setting| matches!(setting.of_type, ValueType::Network { .. }))
        .map(|setting| setting.text)
}

/// The services of a stage that may hold money: the cloud draws them a key, and they are on a network where money is worth
/// something. On the development chain everybody is given some.
pub fn holders<'a>(repo: &'a Repo, stage: &'a Stage) -> impl Iterator<Item = &'a Service> {
    repo.services.iter().filter(|service| {
        let network = network_of(stage, service);
        !service.secrets.is_empty() && network.is_some_and(|name| name != DEVELOPMENT_NETWORK)
    })
}

/// Settings that a type names are settings that some service uses.
pub(crate) fn named_settings(repo: &Repo, problems: &mut Vec<Problem>) {
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
                Some(ValueType::Prices { own_asset }) => [own_asset.as_ref(), None],
                _ => continue,
            };
            let named = named.into_iter().flatten();
            for key in named.filter(|key| !known.contains(&key.as_str())) {
                let file = ManifestFile::new(&repo.root, &service.manifest);
                let near = nearest(key, &known).map_or_else(
                    || "name a setting that a service uses".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let text = format!("{name} names `{key}`, which is not a setting");
                let header = format!("package.metadata.service.{table}");
                problems.push(file.problem(&header, name, text, near));
            }
        }
    }
}

/// Every setting of a stage that its services say something about.
pub(crate) fn settings(
    repo: &Repo,
    stage: &Stage,
    services: &[&Service],
    file: &ManifestFile,
    problems: &mut Vec<Problem>,
) {
    let header = format!("workspace.metadata.stages.{}", stage.name);
    for setting in services.iter().flat_map(|service| typed(stage, service)) {
        for (text, fix) in wrong(repo, stage, &setting) {
            problems.push(file.problem(&header, setting.key, text, fix));
        }
    }
}

fn wrong(repo: &Repo, stage: &Stage, setting: &Setting<'_>) -> Vec<Wrong> {
    let (text, service) = (setting.text, setting.service);
    let name = &format!("`{}`", setting.key);
    let on_aws = stage.cloud != CloudKind::Local;
    let one = match setting.of_type {
        ValueType::Amount {
            decimals,
            zero,
            at_most,
        } => {
            let decimals = places(stage, decimals);
            match zero {
                true => rules::amount(name, text, decimals),
                false => rules::price(name, text, decimals, &service.name),
            }
            .or_else(|| above(stage, setting, decimals, at_most.as_deref()?))
        }
        ValueType::Decimals => rules::decimals(name, setting.key, text),
        ValueType::Url { https, facilitator } => {
            let one = rules::url(name, text, *https && on_aws, &service.name);
            match (one, facilitator) {
                (None, true) => return sales::refused_by_facilitator(stage, setting),
                (one, _) => one,
            }
        }
        ValueType::Address { .. } => rules::address(name, text),
        ValueType::Network { development_needs } => {
            let needs = development_needs.as_deref();
            let needs = needs.filter(|needs| !stage.settings.contains_key(*needs));
            rules::network(name, text).or_else(|| development(stage, setting, needs?))
        }
        ValueType::Prices { own_asset } => {
            return prices::wrong(repo, stage, setting, own_asset.as_deref());
        }
        ValueType::Model => rules::model(name, text).or_else(|| {
            let region = stage.region.as_str();
            foreign_profile(text, region).filter(|_| on_aws)
        }),
        ValueType::Choice {
            one_of,
            refused_on_aws,
        } => {
            let none = BTreeMap::new();
            let refused = if on_aws { refused_on_aws } else { &none };
            rules::choice(setting.key, text, one_of, refused)
        }
    };
    one.into_iter().collect()
}

/// The decimal places of an asset on a stage. What is wrong with a setting is told where it stands.
fn places(stage: &Stage, decimals: &Decimals) -> u32 {
    let setting = decimals.setting.as_ref();
    let set = setting.and_then(|key| rules::read_places(stage.settings.get(key)?));
    set.unwrap_or(decimals.default)
}

fn above(stage: &Stage, setting: &Setting<'_>, decimals: u32, limit_key: &str) -> Option<Wrong> {
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

/// Play money on the internet, without the setting that it needs there.
fn development(stage: &Stage, setting: &Setting<'_>, needs: &str) -> Option<Wrong> {
    let (key, text) = (setting.key, setting.text);
    (text == DEVELOPMENT_NETWORK && stage.cloud != CloudKind::Local).then(|| {
        let service = &setting.service.name;
        let problem = format!("`{key}` is {DEVELOPMENT_NETWORK}, where money is free for everybody, and {service} would stand on the internet with it");
        let fix = format!("name a real network, such as eip155:84532, or set `{needs}` to a node of that chain");
        (problem, fix)
    })
}
