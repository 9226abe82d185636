//! What differs between a stack as it was and as it should be, resource by resource.

use std::collections::BTreeMap;

use serde_json::Value;

use super::plan::Made;
use cloud::{Action, Change, replaces};

/// The changes from `before` to `after`: what is new or different in the order of its making, then what goes, last made first.
pub(crate) fn changes(before: &[Made], after: &[Made]) -> Vec<Change> {
    let old: BTreeMap<&str, &Made> = before
        .iter()
        .map(|made| (made.logical_id.as_str(), made))
        .collect();
    let mut found: Vec<Change> = after
        .iter()
        .filter_map(|made| change(old.get(made.logical_id.as_str()).copied(), made))
        .collect();
    let gone = before.iter().rev().filter(|made| {
        !after
            .iter()
            .any(|other| other.logical_id == made.logical_id)
    });
    found.extend(gone.map(|made| of(made, Action::Delete, Vec::new())));
    found
}

fn change(before: Option<&Made>, after: &Made) -> Option<Change> {
    let Some(before) = before else {
        return Some(of(after, Action::Create, Vec::new()));
    };
    if before.resource_type != after.resource_type {
        return Some(of(after, Action::Replace, vec!["Type".to_owned()]));
    }
    let properties = differing(&before.properties, &after.properties);
    if properties.is_empty() {
        // The same properties but another port: something else on this machine has taken the old one.
        return (before.port != after.port).then(|| of(after, Action::Replace, Vec::new()));
    }
    Some(of(
        after,
        if replaces(&after.resource_type, &properties) {
            Action::Replace
        } else {
            Action::Update
        },
        properties,
    ))
}

fn of(made: &Made, action: Action, properties: Vec<String>) -> Change {
    Change {
        action,
        logical_id: made.logical_id.clone(),
        resource_type: made.resource_type.clone(),
        properties,
    }
}

/// Names of the top-level properties that differ, sorted.
fn differing(before: &Value, after: &Value) -> Vec<String> {
    let empty = serde_json::Map::new();
    let (before, after) = (
        before.as_object().unwrap_or(&empty),
        after.as_object().unwrap_or(&empty),
    );
    let mut names: Vec<String> = before
        .keys()
        .chain(after.keys())
        .filter(|key| before.get(*key) != after.get(*key))
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}
