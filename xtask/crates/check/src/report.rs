//! What has been found, and how it is told: once, however many stacks and stages have it.

use std::collections::{BTreeMap, BTreeSet};

use template::Node;

use super::System;
use super::place;
use words::error::Problem;

/// One thing that is wrong, before the same thing elsewhere is told with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub place: String,
    pub text: String,
    pub fix: String,
    /// The stack's owner; empty when the place says it all.
    pub owner: String,
    /// The rule of an advice; none for an error.
    pub rule: Option<&'static str>,
    /// The text without the names of stage and service: the same fault of the same line says the same everywhere.
    shape: String,
}

/// Something at a line of a rendered template.
#[derive(Debug)]
struct Found {
    stack: usize,
    line: usize,
    text: String,
    fix: String,
    rule: Option<&'static str>,
}

/// Collects while the checks run.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    system: &'a System<'a>,
    found: Vec<Found>,
    elsewhere: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(system: &'a System<'a>) -> Self {
        Self {
            system,
            found: Vec::new(),
            elsewhere: Vec::new(),
        }
    }

    /// Something at a line of a rendered template.
    pub(crate) fn add(
        &mut self,
        stack: usize,
        line: usize,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.found.push(Found {
            stack,
            line,
            text: text.into(),
            fix: fix.into(),
            rule: None,
        });
    }

    /// Something that AWS takes and we would not write. The rule is one of [`crate::RULES`].
    pub(crate) fn advise(
        &mut self,
        rule: &'static str,
        stack: usize,
        line: usize,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(stack, line, text, fix);
        if let Some(found) = self.found.last_mut() {
            found.rule = Some(rule);
        }
    }

    /// Something in another file.
    pub(crate) fn add_at(
        &mut self,
        place: String,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let text = text.into();
        self.elsewhere.push(Finding {
            place,
            shape: text.clone(),
            text,
            fix: fix.into(),
            owner: String::new(),
            rule: None,
        });
    }

    /// The same in another file.
    pub(crate) fn advise_at(
        &mut self,
        rule: &'static str,
        place: String,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add_at(place, text, fix);
        if let Some(found) = self.elsewhere.last_mut() {
            found.rule = Some(rule);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.elsewhere.is_empty()
    }

    /// Every finding at the line of the template that wrote it.
    pub(crate) fn placed(self, trees: &[(usize, Node)]) -> Vec<Finding> {
        let mut findings = self.elsewhere;
        for found in self.found {
            let stack = &self.system.stacks[found.stack];
            let tree = trees.iter().find(|(other, _)| *other == found.stack);
            findings.push(Finding {
                place: place::of(self.system, stack, tree.map(|(_, tree)| tree), found.line),
                shape: shape(&found.text, &self.system.stage.name, stack.owner),
                text: found.text,
                fix: found.fix,
                rule: found.rule,
                owner: stack.owner.to_owned(),
            });
        }
        findings
    }
}

fn shape(text: &str, stage: &str, owner: &str) -> String {
    let mut shape = text.to_owned();
    for between in ['-', '/', '_'] {
        let named = format!("{between}{stage}{between}");
        shape = shape.replace(&named, "*");
    }
    shape.replace(owner, "*")
}

/// One problem for each thing that is wrong, sorted by place. The first that was found stands for those of its shape.
pub(crate) fn merged(findings: Vec<Finding>) -> Vec<Problem> {
    let mut groups: BTreeMap<(String, String), (Problem, BTreeSet<String>)> = BTreeMap::new();
    for finding in findings {
        let (_, owners) = groups
            .entry((finding.place.clone(), finding.shape))
            .or_insert_with(|| {
                let problem = Problem {
                    place: finding.place,
                    text: finding.text,
                    fix: finding.fix,
                };
                (problem, BTreeSet::new())
            });
        if !finding.owner.is_empty() {
            owners.insert(finding.owner);
        }
    }
    let told = groups.into_values().map(|(mut problem, owners)| {
        if !owners.is_empty() {
            let owners: Vec<String> = owners.into_iter().collect();
            problem.text.push_str(&format!(" ({})", owners.join(", ")));
        }
        problem
    });
    let mut problems: Vec<Problem> = told.collect();
    problems.sort_by_cached_key(|problem| {
        let (file, line) = problem
            .place
            .rsplit_once(':')
            .unwrap_or((&problem.place, ""));
        (file.to_owned(), line.parse().unwrap_or(0_usize))
    });
    problems
}
