//! Who settles what a service sells, and whether he does.

use super::super::Repo;
use super::super::hosted;
use super::super::manifest::ManifestFile;
use super::super::service::{Service, Value, ValueType};
use super::super::stage::{Resolved, Stage};
use super::rules::Wrong;
use super::{Setting, network_of, prices, typed};

/// A service that is paid on a stage.
#[derive(Debug)]
pub struct Sale<'a> {
    pub service: &'a Service,
    /// Where its manifest and the stage begin: `services/shop/Cargo.toml:8`.
    pub manifest: String,
    pub stage: String,
    /// The CAIP-2 names of the networks that it is paid on.
    pub networks: Vec<String>,
    pub settled: Option<Settled<'a>>,
}

/// Who settles its payments.
#[derive(Debug)]
pub enum Settled<'a> {
    /// A service of this repository, and the setting that would name a hosted one instead.
    Here(&'a str, Option<&'a str>),
    Hosted(&'a str),
}

impl Settled<'_> {
    /// Networks of a sale that the facilitator did not name when it was last looked, with where it names them.
    pub fn unlisted(&self, networks: &[String]) -> Option<String> {
        match self {
            Self::Here(..) => None,
            Self::Hosted(url) => hosted::unlisted(url, networks),
        }
    }
}

/// Everything that is sold on a stage.
pub fn sales<'a>(repo: &'a Repo, stage: &'a Stage) -> Vec<Sale<'a>> {
    let services = super::super::deployed(repo, stage).into_iter();
    let selling = services.filter(|service| service.sells());
    let root = ManifestFile::new(&repo.root, &repo.root.join("Cargo.toml"));
    let sale = |service: &'a Service| Sale {
        service,
        manifest: ManifestFile::new(&repo.root, &service.manifest)
            .place("package.metadata.service", "listing"),
        stage: root.place("workspace.metadata.stages", &stage.name),
        networks: networks(stage, service),
        settled: settled(stage, service),
    };
    selling.map(sale).collect()
}

fn networks(stage: &Stage, service: &Service) -> Vec<String> {
    let own = network_of(stage, service).map(str::to_owned);
    let more = typed(stage, service)
        .filter(|setting| matches!(setting.of_type, ValueType::Prices { .. }))
        .flat_map(|setting| prices::entries(setting.text));
    own.into_iter()
        .chain(more.map(|entry| entry.network))
        .collect()
}

fn settled<'a>(stage: &'a Stage, service: &'a Service) -> Option<Settled<'a>> {
    let is_facilitator = |name: &String| {
        matches!(
            service.types.get(name),
            Some(ValueType::Url {
                facilitator: true,
                ..
            })
        )
    };
    let mut values = service.values();
    let (_, _, value) = values.find(|(_, name, _)| is_facilitator(name))?;
    Some(match stage.resolve(value)? {
        Resolved::Text(url) => Settled::Hosted(url),
        Resolved::Link(link) => Settled::Here(&link.service, link.hosted.as_deref()),
    })
}

/// What a hosted facilitator would refuse of a service: at the setting that names the facilitator.
pub(super) fn refused_by_facilitator(stage: &Stage, setting: &Setting<'_>) -> Vec<Wrong> {
    let (key, service) = (setting.key, setting.service);
    let name = format!("`{key}`");
    let mut wrong: Vec<Wrong> = hosted::elsewhere(&name, setting.text).into_iter().collect();
    let network = network_of(stage, service);
    if let Some((why, fix)) = network.and_then(|network| hosted::refusal(setting.text, network)) {
        let network = network.unwrap_or_default();
        let problem = format!("{} is paid on {network}, and {why}", service.name);
        wrong.push((problem, fix));
    }
    let secrets = || service.existing_secrets.values();
    let has_key = secrets().any(|secret| stage.settings.contains_key(&secret.setting));
    if !has_key && let Some(why) = hosted::needs_key(setting.text) {
        let fix = match secrets().next() {
            Some(secret) => format!(
                "set `{}` to the ARN of a secret with the key (docs/payments.md, \"Hosted\")",
                secret.setting
            ),
            None => format!("give {} a secret that a person has made", service.name),
        };
        wrong.push((format!("{name} names {why}"), fix));
    }
    wrong
}

/// Why a price beside the own one would never be settled.
pub(super) fn refused_price(
    repo: &Repo,
    stage: &Stage,
    service: &Service,
    own_asset: Option<&str>,
    network: &str,
) -> Option<Wrong> {
    match settled(stage, service)? {
        Settled::Hosted(url) => hosted::refusal(url, network),
        Settled::Here(name, hosted) => {
            let facilitator = repo.service(name)?;
            let own_asset = own_asset?;
            let knows = |(_, _, value): (_, _, &Value)| value.setting() == Some(own_asset);
            facilitator.values().any(knows).then(|| {
                let instead = hosted.map_or_else(String::new, |key| {
                    format!("set `{key}` to a hosted facilitator that does, or ")
                });
                let why = format!("{name} settles in the asset of `{own_asset}` alone");
                (why, format!("{instead}remove the price"))
            })
        }
    }
}
