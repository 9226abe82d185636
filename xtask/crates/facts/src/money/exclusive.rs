//! Who is paid where.

use std::collections::BTreeMap;

use super::super::Repo;
use super::super::manifest::ManifestFile;
use super::super::service::{Service, ValueType};
use super::super::stage::Stage;
use super::{network_of, prices, typed};
use words::error::Problem;

/// No two services are paid at one address of one network, on whichever stages they are: each would take a payment to the
/// other for one to itself.
pub(crate) fn exclusive(repo: &Repo, file: &ManifestFile, problems: &mut Vec<Problem>) {
    let mut owners: BTreeMap<(String, String), (&Stage, &Service)> = BTreeMap::new();
    for stage in &repo.stages {
        for service in super::super::deployed(repo, stage) {
            for (key, network, text) in paid_at(stage, service) {
                let paid_at = (network.clone(), text.to_ascii_lowercase());
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

/// The setting, the network and the address of everything that a service is paid at.
fn paid_at<'a>(stage: &'a Stage, service: &'a Service) -> Vec<(&'a str, String, String)> {
    let network = network_of(stage, service).unwrap_or("");
    let places = typed(stage, service).flat_map(|setting| match setting.of_type {
        ValueType::Address { exclusive: true } => {
            vec![(setting.key, network.to_owned(), setting.text.to_owned())]
        }
        ValueType::Prices { .. } => prices::entries(setting.text)
            .into_iter()
            .map(|entry| (setting.key, entry.network, entry.pay_to))
            .collect(),
        _ => Vec::new(),
    });
    places.collect()
}
