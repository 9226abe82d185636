//! In which order resources come to be: each after everything it refers to.

use std::collections::{BTreeMap, BTreeSet};

use super::intrinsics::Scope;
use template::{Kind, Node, Piece, Result, TemplateError, pieces};

/// The logical ids that a node refers to. Only the chosen side of an `!If` counts.
pub(super) fn references(node: &Node, scope: &Scope, found: &mut BTreeSet<String>) {
    match &node.kind {
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter().for_each(|item| references(item, scope, found)),
        Kind::Map(entries) => entries
            .iter()
            .for_each(|entry| references(&entry.value, scope, found)),
        Kind::Call("Ref", argument) => found.extend(argument.text()),
        Kind::Call("GetAtt", argument) => {
            let target = argument
                .text()
                .or_else(|| argument.items().first().and_then(Node::text));
            found.extend(target.and_then(|text| text.split('.').next().map(str::to_owned)));
        }
        Kind::Call("Sub", argument) => {
            let text = argument
                .text()
                .or_else(|| argument.items().first().and_then(Node::text))
                .unwrap_or_default();
            for piece in pieces(&text) {
                if let Piece::Name(name) = piece {
                    found.extend(name.split('.').next().map(str::to_owned));
                }
            }
            argument
                .items()
                .iter()
                .skip(1)
                .for_each(|item| references(item, scope, found));
        }
        Kind::Call("If", argument) => {
            let sides = argument.items();
            match sides.first().map(|condition| scope.condition(condition)) {
                Some(Ok(chosen)) => {
                    if let Some(side) = sides.get(if chosen { 1 } else { 2 }) {
                        references(side, scope, found);
                    }
                }
                // A condition that is wrong is told when the value is taken.
                _ => sides
                    .iter()
                    .skip(1)
                    .for_each(|side| references(side, scope, found)),
            }
        }
        Kind::Call(_, argument) => references(argument, scope, found),
    }
}

/// Sorts names so that each comes after those it needs; names that are free keep their order in the template.
pub(super) fn sort(
    names: &[(String, usize)],
    needs: &BTreeMap<String, BTreeSet<String>>,
) -> Result<Vec<String>> {
    let mut done = BTreeSet::new();
    let mut sorted = Vec::with_capacity(names.len());
    let mut waiting: Vec<&(String, usize)> = names.iter().collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|(name, _)| {
            let ready = needs.get(name).is_none_or(|needed| needed.is_subset(&done));
            if ready {
                done.insert(name.clone());
                sorted.push(name.clone());
            }
            !ready
        });
        if waiting.len() == before {
            let (first, line) = waiting[0];
            return Err(TemplateError::new(
                *line,
                format!(
                    "resources need each other in a circle: {}",
                    circle(first, needs, &done)
                ),
                "break the circle: one of the references has to go",
            )
            .about(&format!("resource {first}")));
        }
    }
    Ok(sorted)
}

/// Walks the unmet needs from `start` until a name comes again.
fn circle(
    start: &str,
    needs: &BTreeMap<String, BTreeSet<String>>,
    done: &BTreeSet<String>,
) -> String {
    let mut path = vec![start.to_owned()];
    loop {
        let here = path.last().cloned().unwrap_or_default();
        let Some(next) = needs
            .get(&here)
            .and_then(|needed| needed.iter().find(|name| !done.contains(*name)))
        else {
            return path.join(" -> ");
        };
        if let Some(position) = path.iter().position(|name| name == next) {
            path.push(next.clone());
            return path[position..].join(" -> ");
        }
        path.push(next.clone());
    }
}
