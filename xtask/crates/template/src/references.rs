//! Which names a piece of a template mentions.

use std::collections::BTreeSet;

use crate::{Kind, Node, Piece, pieces};

/// Every parameter and resource that a node names, on whichever side of a condition.
pub fn names(node: &Node) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(node, &mut found);
    found
}

fn collect(node: &Node, found: &mut BTreeSet<String>) {
    let first_part = |text: &str| text.split('.').next().unwrap_or(text).to_owned();
    match &node.kind {
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter().for_each(|item| collect(item, found)),
        Kind::Map(entries) => entries
            .iter()
            .for_each(|entry| collect(&entry.value, found)),
        Kind::Call("Ref" | "Condition", argument) => found.extend(argument.text()),
        Kind::Call("GetAtt", argument) => {
            let target = argument
                .text()
                .or_else(|| argument.items().first().and_then(Node::text));
            found.extend(target.map(|text| first_part(&text)));
        }
        Kind::Call("Sub", argument) => {
            let text = argument
                .text()
                .or_else(|| argument.items().first().and_then(Node::text))
                .unwrap_or_default();
            found.extend(pieces(&text).iter().filter_map(|piece| match piece {
                Piece::Name(name) => Some(first_part(name)),
                Piece::Text(_) => None,
            }));
            let rest = argument.items().iter().skip(1);
            rest.for_each(|item| collect(item, found));
        }
        Kind::Call(_, argument) => collect(argument, found),
    }
}

/// True when two nodes say the same under a key, or both nothing.
pub fn same_at(one: &Node, other: &Node, key: &str) -> bool {
    match (one.get(key), other.get(key)) {
        (Some(one), Some(other)) => same(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// True when two nodes say the same; lines and the order of keys do not matter.
pub fn same(one: &Node, other: &Node) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Scalar(one), Kind::Scalar(other)) => one == other,
        (Kind::List(one), Kind::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Kind::Map(one), Kind::Map(others)) => {
            one.len() == others.len()
                && one.iter().all(|entry| {
                    others
                        .iter()
                        .any(|other| other.key == entry.key && same(&entry.value, &other.value))
                })
        }
        (Kind::Call(one, first), Kind::Call(other, second)) => one == other && same(first, second),
        _ => false,
    }
}
