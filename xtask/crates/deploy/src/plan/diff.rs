//! What becomes of each resource when one template takes the place of another: worked out here, without a cloud, for what
//! no change set can tell yet.

use std::collections::{BTreeMap, BTreeSet};

use cloud::{Action, Change, replaces};
use template::{Entry, Node};
use template::{names, same, same_at};

/// A template, and which of its parameters have another value than before (or one that is not known yet).
#[derive(Debug, Clone, Copy)]
pub struct Desired<'a> {
    pub template: &'a str,
    pub changed_parameters: &'a BTreeSet<String>,
}

/// The changes from `old` (none: there is no such stack) to `new`, in the order of the new template; deletions come last.
pub fn diff(old: Option<&str>, new: Desired<'_>) -> template::Result<Vec<Change>> {
    let new_root = Node::parse(new.template)?;
    let old_root = old.map(Node::parse).transpose()?;
    let before: BTreeMap<&str, &Entry> = old_root.as_ref().map(resources).unwrap_or_default();
    let after = resources(&new_root);
    let mut changes: BTreeMap<&str, Change> = BTreeMap::new();
    for (id, entry) in &after {
        let change = match before.get(id) {
            None => Some(whole(Action::Create, entry)),
            Some(was) if kind(was) != kind(entry) => Some(whole(Action::Replace, entry)),
            Some(was) => updated(was, entry, new.changed_parameters),
        };
        changes.extend(change.map(|change| (*id, change)));
    }
    follow_replacements(&after, &mut changes);
    let position = |id: &str| after.keys().position(|other| *other == id);
    let mut ordered: Vec<Change> = changes.into_values().collect();
    ordered.sort_by_key(|change| position(&change.logical_id));
    let gone = before.iter().filter(|(id, _)| !after.contains_key(*id));
    ordered.extend(gone.map(|(_, entry)| whole(Action::Delete, entry)));
    Ok(ordered)
}

/// The outputs whose values these changes may move: those that mention a resource that is made anew.
pub fn moved_outputs(text: &str, changes: &[Change]) -> template::Result<BTreeSet<String>> {
    let root = Node::parse(text)?;
    let anew: BTreeSet<&str> = changes
        .iter()
        .filter(|change| {
            matches!(
                change.action,
                Action::Create | Action::Adopt | Action::Replace | Action::MayReplace
            )
        })
        .map(|change| change.logical_id.as_str())
        .collect();
    let outputs = root.get("Outputs").map_or(&[][..], Node::entries);
    let moved = outputs.iter().filter(|output| {
        names(&output.value)
            .iter()
            .any(|name| anew.contains(name.as_str()))
    });
    Ok(moved.map(|output| output.key.clone()).collect())
}

fn resources(root: &Node) -> BTreeMap<&str, &Entry> {
    let entries = root.get("Resources").map_or(&[][..], Node::entries);
    entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry))
        .collect()
}

fn kind(entry: &Entry) -> String {
    entry
        .value
        .get("Type")
        .and_then(Node::text)
        .unwrap_or_default()
}

fn whole(action: Action, entry: &Entry) -> Change {
    Change {
        action,
        logical_id: entry.key.clone(),
        resource_type: kind(entry),
        properties: Vec::new(),
    }
}

/// What else of a resource CloudFormation calls a change. None of it makes a resource anew.
const ATTRIBUTES: &[&str] = &[
    "CreationPolicy",
    "DeletionPolicy",
    "Metadata",
    "UpdatePolicy",
    "UpdateReplacePolicy",
];

/// What of a resource differs, property by property; none when nothing does.
fn updated(was: &Entry, is: &Entry, changed: &BTreeSet<String>) -> Option<Change> {
    let properties = |entry: &Entry| -> Vec<Entry> {
        entry
            .value
            .get("Properties")
            .map_or(&[][..], Node::entries)
            .to_vec()
    };
    let (old, new) = (properties(was), properties(is));
    let differs = |property: &&Entry| {
        let before = old.iter().find(|other| other.key == property.key);
        before.is_none_or(|before| !same(&before.value, &property.value))
            || names(&property.value)
                .iter()
                .any(|name| changed.contains(name))
    };
    let mut names: Vec<String> = new
        .iter()
        .filter(differs)
        .map(|entry| entry.key.clone())
        .collect();
    let gone = old
        .iter()
        .filter(|entry| !new.iter().any(|other| other.key == entry.key));
    names.extend(gone.map(|entry| entry.key.clone()));
    let action = action(&kind(is), &names);
    let attributes = ATTRIBUTES.iter();
    let attributes = attributes.filter(|name| !same_at(&was.value, &is.value, name));
    names.extend(attributes.map(|name| (*name).to_owned()));
    (!names.is_empty()).then(|| Change {
        action,
        logical_id: is.key.clone(),
        resource_type: kind(is),
        properties: names,
    })
}

fn action(resource_type: &str, properties: &[String]) -> Action {
    match replaces(resource_type, properties) {
        true => Action::Replace,
        false => Action::Update,
    }
}

/// A resource that is made anew has a new name, so whatever mentions it changes too.
fn follow_replacements<'a>(
    after: &BTreeMap<&'a str, &Entry>,
    changes: &mut BTreeMap<&'a str, Change>,
) {
    loop {
        let anew: BTreeSet<String> = changes
            .values()
            .filter(|change| change.action == Action::Replace)
            .map(|change| change.logical_id.clone())
            .collect();
        let mut moved = false;
        for (id, entry) in after {
            let properties = entry.value.get("Properties").map_or(&[][..], Node::entries);
            let touched = properties.iter().filter(|property| {
                names(&property.value)
                    .iter()
                    .any(|name| anew.contains(name))
            });
            for property in touched {
                let change = changes
                    .entry(*id)
                    .or_insert_with(|| whole(Action::Update, entry));
                if change.action == Action::Create || change.properties.contains(&property.key) {
                    continue;
                }
                change.properties.push(property.key.clone());
                change.action = match change.action {
                    Action::Replace => Action::Replace,
                    _ => action(&change.resource_type, &change.properties),
                };
                moved = true;
            }
        }
        if !moved {
            return;
        }
    }
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
