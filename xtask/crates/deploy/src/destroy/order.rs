//! Pure: what has to have gone before a stack can go.

use std::collections::{BTreeMap, BTreeSet};

use facts::{Repo, Stage};

/// What all the others are deployed from: it goes when nothing else is left.
const ARTIFACTS: &str = "artifacts";

/// For each of these stacks, by owner, the owners that must have gone before: those that need it. What the facts no longer
/// name goes first: it was deployed by other facts, and may need anything.
pub(super) fn before(
    repo: &Repo,
    stage: &Stage,
    owners: &[&str],
) -> BTreeMap<String, BTreeSet<String>> {
    let stacks = stacks::stacks(repo, stage);
    let needs: BTreeMap<&str, &[String]> = stacks
        .iter()
        .map(|stack| (stack.owner.as_str(), stack.after.as_slice()))
        .collect();
    let must_go_first = |owner: &str, other: &str| match (needs.get(owner), needs.get(other)) {
        _ if owner == other => false,
        (Some(_), Some(needed)) => owner == ARTIFACTS || needed.iter().any(|name| name == owner),
        (Some(_), None) => true,
        (None, _) => false,
    };
    owners
        .iter()
        .map(|owner| {
            let first = owners.iter().filter(|other| must_go_first(owner, other));
            (
                (*owner).to_owned(),
                first.map(|other| (*other).to_owned()).collect(),
            )
        })
        .collect()
}
