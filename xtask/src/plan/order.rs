//! The order of a deploy, from links alone.

use crate::repo::{Repo, Resolved, Service, Stage};

/// The services of a stage, each after everything it links to; equals in alphabetical order.
///
/// Cycles are refused when the facts are loaded, so every service finds its place.
pub(crate) fn order<'a>(repo: &'a Repo, stage: &Stage) -> Vec<&'a Service> {
    let mut waiting = crate::repo::deployed(repo, stage);
    let mut ordered: Vec<&Service> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let placed = |name: &str| ordered.iter().any(|service| service.name == name);
        let (ready, later): (Vec<_>, Vec<_>) = waiting
            .iter()
            .partition(|service| callees(service, stage).iter().all(|callee| placed(callee)));
        if ready.is_empty() {
            break;
        }
        ordered.extend(ready);
        waiting = later;
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
