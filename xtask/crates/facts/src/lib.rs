//! The facts: services, links and stages, from one `cargo metadata` call, checked before anything uses them.

mod address;
mod context;
mod existing;
mod hosted;
mod json_lines;
mod limits;
mod listing;
mod load;
mod manifest;
mod money;
mod read;
mod regions;
mod secrets;
mod service;
mod smoke;
mod sources;
mod stage;
mod times;
mod urls;
mod validate;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use context::Context;
pub use existing::secret_name;
pub use load::{IMAGE_TARGET, load};
pub use manifest::nearest;
pub use money::{Sale, Settled, holders as money_holders, sales};
pub use regions::host_suffix;
pub use secrets::looks_secret;
pub use service::{Alphabet, Link, Service, Value};
pub use smoke::Smoke;
pub use sources::{Dockerfile, Sources, Template, dockerfile, dockerfile_path, sources};
pub use stage::{CloudKind, Resolved, Stage, typed};
pub use urls::stays_here;

/// Everything that the manifests say.
#[derive(Debug, Clone)]
pub struct Repo {
    /// The folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
    /// The first part of every name in a cloud: `turnpike`.
    pub project: String,
    /// By name.
    pub services: Vec<Service>,
    /// By name.
    pub stages: Vec<Stage>,
    /// The advice of `check` that is not wanted, by the name of its rule.
    pub allowed: BTreeMap<String, Allowed>,
    /// Packages of the workspace, each with one that it needs for its tests or for other targets, and not in an image.
    pub outside_images: BTreeSet<(String, String)>,
}

/// Why a rule's advice is not followed, and where that is said.
#[derive(Debug, Clone)]
pub struct Allowed {
    pub reason: String,
    /// `Cargo.toml:190`.
    pub place: String,
}

impl Repo {
    /// True when what a package of the workspace needs is not a part of an image.
    pub fn stays_out(&self, package: &str, dependency: &str) -> bool {
        self.outside_images
            .contains(&(package.to_owned(), dependency.to_owned()))
    }

    /// Every service, in the order of their names.
    pub fn service_names(&self) -> Vec<&str> {
        let names = self.services.iter().map(|service| service.name.as_str());
        names.collect()
    }

    /// The service with this name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        let found = self
            .services
            .binary_search_by(|service| service.name.as_str().cmp(name));
        found.ok().map(|index| &self.services[index])
    }
}

/// The services that a stage runs: all that are not optional, and all that a link of one of these reaches.
pub fn deployed<'a>(repo: &'a Repo, stage: &Stage) -> Vec<&'a Service> {
    let wanted = repo.services.iter().filter(|service| !service.optional);
    let mut names: BTreeSet<&str> = wanted
        .clone()
        .map(|service| service.name.as_str())
        .collect();
    let mut unread: Vec<&Service> = wanted.collect();
    while let Some(service) = unread.pop() {
        for (_, _, value) in service.values() {
            if let Some(Resolved::Link(link)) = stage.resolve(value)
                && let Some(callee) = repo.service(&link.service)
                && names.insert(&callee.name)
            {
                unread.push(callee);
            }
        }
    }
    repo.services
        .iter()
        .filter(|service| names.contains(service.name.as_str()))
        .collect()
}

#[cfg(test)]
mod tests;
