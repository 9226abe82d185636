//! Resources that wait for each other are never made.

use std::collections::BTreeSet;

use template::{Kind, Node, Piece, pieces};

use super::super::model::{Stack, shown};
use super::super::report::Report;

pub(super) fn check(stack: &Stack<'_>, report: &mut Report<'_>) {
    let needs: Vec<BTreeSet<usize>> = stack
        .resources
        .iter()
        .map(|resource| {
            let mut needs = BTreeSet::new();
            for entry in resource.node.entries() {
                if entry.key == "DependsOn" {
                    needs.extend(
                        entry
                            .value
                            .one_or_many()
                            .iter()
                            .filter_map(|item| at(stack, &shown(item))),
                    );
                } else {
                    names(stack, &entry.value, &mut needs);
                }
            }
            needs
        })
        .collect();
    let mut waiting: BTreeSet<usize> = (0..needs.len()).collect();
    loop {
        let ready: Vec<usize> = waiting
            .iter()
            .copied()
            .filter(|index| needs[*index].is_disjoint(&waiting))
            .collect();
        if ready.is_empty() {
            break;
        }
        ready.iter().for_each(|index| {
            waiting.remove(index);
        });
    }
    let Some(first) = waiting.first().copied() else {
        return;
    };
    let mut path = vec![first];
    let circle = loop {
        let here = path[path.len() - 1];
        let Some(next) = needs[here]
            .iter()
            .copied()
            .find(|next| waiting.contains(next))
        else {
            return;
        };
        if let Some(start) = path.iter().position(|step| *step == next) {
            path.push(next);
            break &path[start..];
        }
        path.push(next);
    };
    let ids: Vec<&str> = circle
        .iter()
        .map(|index| stack.resources[*index].id)
        .collect();
    let text = format!(
        "resources wait for each other in a circle: {}",
        ids.join(" -> ")
    );
    let fix = "take one of these references out; a rule between two security groups goes into a resource of its own";
    report.add(
        stack.index,
        stack.resources[circle[circle.len() - 2]].line,
        text,
        fix,
    );
}

fn at(stack: &Stack<'_>, name: &str) -> Option<usize> {
    stack
        .resources
        .iter()
        .position(|resource| resource.id == name)
}

fn names(stack: &Stack<'_>, node: &Node, needs: &mut BTreeSet<usize>) {
    match &node.kind {
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter().for_each(|item| names(stack, item, needs)),
        Kind::Map(entries) => entries
            .iter()
            .for_each(|entry| names(stack, &entry.value, needs)),
        Kind::Call("Ref", argument) => needs.extend(at(stack, &shown(argument))),
        Kind::Call("GetAtt", argument) => {
            let first = argument
                .one_or_many()
                .first()
                .map(shown)
                .unwrap_or_default();
            needs.extend(at(stack, first.split('.').next().unwrap_or(&first)));
        }
        Kind::Call("Sub", argument) => {
            let text = argument
                .items()
                .first()
                .map_or_else(|| shown(argument), shown);
            for piece in pieces(&text) {
                if let Piece::Name(name) = piece {
                    needs.extend(at(stack, name.split('.').next().unwrap_or(name)));
                }
            }
            argument
                .items()
                .iter()
                .skip(1)
                .for_each(|item| names(stack, item, needs));
        }
        Kind::Call(_, argument) => names(stack, argument, needs),
    }
}
