//! What has been found, and how it is told: once, however many stacks and stages have it.

use std::collections::{BTreeMap, BTreeSet};

use template::Node;

use super::System;
use super::place;
use crate::error::Problem;

/// One thing that is wrong, before the same thing elsewhere is told with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) place: String,
    pub(crate) text: String,
    pub(crate) fix: String,
    /// The stack's owner; empty when the place says it all.
    pub(crate) owner: String,
}

/// Collects while the checks run.
#[derive(Debug)]
pub(super) struct Report<'a> {
    system: &'a System<'a>,
    found: Vec<(usize, usize, String, String)>,
    elsewhere: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(super) fn new(system: &'a System<'a>) -> Self {
        Self {
            system,
            found: Vec::new(),
            elsewhere: Vec::new(),
        }
    }

    /// Something at a line of a rendered template.
    pub(super) fn add(
        &mut self,
        stack: usize,
        line: usize,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.found.push((stack, line, text.into(), fix.into()));
    }

    /// Something in another file.
    pub(super) fn add_at(
        &mut self,
        place: String,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.elsewhere.push(Finding {
            place,
            text: text.into(),
            fix: fix.into(),
            owner: String::new(),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.elsewhere.is_empty()
    }

    /// Every finding at the line of the template that wrote it.
    pub(super) fn placed(self, trees: &[(usize, Node)]) -> Vec<Finding> {
        let mut findings = self.elsewhere;
        for (index, line, text, fix) in self.found {
            let stack = &self.system.stacks[index];
            let tree = trees.iter().find(|(other, _)| *other == index);
            findings.push(Finding {
                place: place::of(self.system, stack, tree.map(|(_, tree)| tree), line),
                text,
                fix,
                owner: stack.owner.to_owned(),
            });
        }
        findings
    }
}

/// One problem for each thing that is wrong, sorted by place.
pub(super) fn merged(findings: Vec<Finding>) -> Vec<Problem> {
    let mut owners: BTreeMap<(String, String, String), BTreeSet<String>> = BTreeMap::new();
    for finding in findings {
        let key = (finding.place, finding.text, finding.fix);
        owners.entry(key).or_default().insert(finding.owner);
    }
    let mut problems: Vec<Problem> = owners
        .into_iter()
        .map(|((place, text, fix), owners)| {
            let owners: Vec<String> = owners
                .into_iter()
                .filter(|owner| !owner.is_empty())
                .collect();
            let text = match owners.is_empty() {
                true => text,
                false => format!("{text} ({})", owners.join(", ")),
            };
            Problem { place, text, fix }
        })
        .collect();
    problems.sort_by_cached_key(|problem| {
        let (file, line) = problem
            .place
            .rsplit_once(':')
            .unwrap_or((&problem.place, ""));
        (file.to_owned(), line.parse().unwrap_or(0_usize))
    });
    problems
}
