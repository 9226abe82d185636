//! The order of a deploy, from links alone.

use std::collections::BTreeMap;

use facts::{Repo, Resolved, Service, Stage};

/// The services of a stage, each after everything it links to; equals in alphabetical order.
///
/// Cycles are refused when the facts are loaded, so every service finds its place.
pub(crate) fn order<'a>(repo: &'a Repo, stage: &Stage) -> Vec<&'a Service> {
    let services = facts::deployed(repo, stage);
    let mut callers: BTreeMap<&str, Vec<&Service>> = BTreeMap::new();
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    for service in &services {
        let callees = callees(service, stage);
        missing.insert(&service.name, callees.len());
        for callee in callees {
            callers.entry(callee).or_default().push(service);
        }
    }
    let mut ready: Vec<&Service> = services;
    ready.retain(|service| missing[service.name.as_str()] == 0);
    let mut ordered: Vec<&Service> = Vec::with_capacity(missing.len());
    while !ready.is_empty() {
        let mut next = Vec::new();
        for caller in ready
            .iter()
            .flat_map(|placed| callers.remove(placed.name.as_str()))
            .flatten()
        {
            let Some(count) = missing.get_mut(caller.name.as_str()) else {
                continue;
            };
            *count -= 1;
            if *count == 0 {
                next.push(caller);
            }
        }
        next.sort_by(|left, right| left.name.cmp(&right.name));
        ordered.extend(std::mem::replace(&mut ready, next));
    }
    ordered
}

/// The services that one service needs on a stage, each once.
pub(crate) fn callees<'a>(service: &'a Service, stage: &'a Stage) -> Vec<&'a str> {
    let mut names: Vec<&str> = service
        .values()
        .filter_map(|(_, _, value)| match stage.resolve(value) {
            Some(Resolved::Link(link)) => Some(link.service.as_str()),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
