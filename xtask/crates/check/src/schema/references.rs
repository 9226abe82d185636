//! Every name that a template uses is declared in it, and every parameter that it declares is used.

use std::collections::BTreeSet;

use template::{Kind, Node, Piece, pieces};

use super::super::model::{Stack, shown};
use super::super::report::Report;
use super::meant;

const PSEUDO: [&str; 8] = [
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

struct Walk<'a, 'b, 'c> {
    stack: &'a Stack<'b>,
    report: &'a mut Report<'c>,
    used: BTreeSet<String>,
    /// What the walk is in, for its words.
    subject: String,
}

pub(super) fn check(stack: &Stack<'_>, report: &mut Report<'_>) {
    let mut walk = Walk {
        stack,
        report,
        used: BTreeSet::new(),
        subject: String::new(),
    };
    for resource in &stack.resources {
        resource.id.clone_into(&mut walk.subject);
        for entry in resource.node.entries() {
            match entry.key.as_str() {
                "DependsOn" => walk.depends_on(&entry.value),
                "Condition" => walk.condition(&entry.value),
                _ => walk.visit(&entry.value),
            }
        }
    }
    for section in ["Outputs", "Conditions"] {
        for entry in stack.section(section) {
            entry.key.clone_into(&mut walk.subject);
            walk.visit(&entry.value);
            if section == "Outputs" && entry.value.get("Value").is_none() {
                let text = format!("the output {} has no Value", entry.key);
                walk.report.add(
                    stack.index,
                    entry.line,
                    text,
                    "add Value: what other stacks and people are told",
                );
            }
        }
    }
    let used = walk.used;
    for entry in stack.section("Parameters") {
        if !used.contains(&entry.key) {
            let text = format!(
                "the parameter {} is declared, and nothing uses it",
                entry.key
            );
            report.add(
                stack.index,
                entry.line,
                text,
                format!("use it (!Ref {}), or remove it", entry.key),
            );
        }
        if stack.resource(&entry.key).is_some() {
            let text = format!("{} is the name of a parameter and of a resource", entry.key);
            report.add(stack.index, entry.line, text, "rename one of them");
        }
    }
}

impl Walk<'_, '_, '_> {
    /// Looks at every call below a node.
    fn visit(&mut self, node: &Node) {
        match &node.kind {
            Kind::Scalar(value) => {
                // A variable of IAM looks the same, and means itself.
                if let Some(text) = value.as_str()
                    && let Some(start) = text.find("${")
                    && !text[start..].starts_with("${aws:")
                {
                    let text = format!(
                        "{} holds `{text}`, and nothing replaces what stands in ${{}} there",
                        self.subject
                    );
                    self.report
                        .add(self.stack.index, node.line, text, "write !Sub before it");
                }
            }
            Kind::List(items) => items.iter().for_each(|item| self.visit(item)),
            Kind::Map(entries) => entries.iter().for_each(|entry| self.visit(&entry.value)),
            Kind::Call("Ref", argument) => self.reference(&shown(argument), node.line),
            Kind::Call("GetAtt", argument) => {
                let parts: Vec<String> = argument.one_or_many().iter().map(shown).collect();
                let name = parts.join(".");
                match name.split_once('.') {
                    Some((id, attribute)) => self.attribute(id, attribute, node.line),
                    None => self.attribute(&name, "", node.line),
                }
            }
            Kind::Call("Sub", argument) => self.substitution(argument, node.line),
            Kind::Call("Condition", argument) => self.condition(argument),
            Kind::Call("If", argument) => {
                if let Some(condition) = argument.items().first() {
                    self.condition(condition);
                }
                let branches = argument.items().iter().skip(1);
                branches.for_each(|branch| self.visit(branch));
            }
            Kind::Call(_, argument) => self.visit(argument),
        }
    }

    fn substitution(&mut self, argument: &Node, line: usize) {
        let text = argument
            .items()
            .first()
            .map_or_else(|| shown(argument), shown);
        let locals = argument.items().get(1);
        if let Some(locals) = locals {
            self.visit(locals);
        }
        for piece in pieces(&text) {
            let Piece::Name(name) = piece else { continue };
            if locals.is_some_and(|locals| locals.get(name).is_some()) {
                continue;
            }
            match name.split_once('.') {
                Some((id, attribute)) => self.attribute(id, attribute, line),
                None => self.reference(name, line),
            }
        }
    }

    fn reference(&mut self, name: &str, line: usize) {
        self.used.insert(name.to_owned());
        let declared = self
            .stack
            .section("Parameters")
            .iter()
            .any(|entry| entry.key == name);
        if declared || PSEUDO.contains(&name) || self.stack.resource(name).is_some() {
            return;
        }
        let text = format!(
            "{} refers to `{name}`, which is neither a parameter nor a resource of the template",
            self.subject
        );
        let mut known: Vec<&str> = self
            .stack
            .section("Parameters")
            .iter()
            .map(|entry| entry.key.as_str())
            .collect();
        known.extend(self.stack.resource_ids());
        self.report
            .add(self.stack.index, line, text, meant(name, &known));
    }

    fn attribute(&mut self, id: &str, attribute: &str, line: usize) {
        let Some(resource) = self.stack.resource(id) else {
            let text = format!(
                "{} asks `{id}` for {attribute}, and there is no such resource",
                self.subject
            );
            let known = self.stack.resource_ids();
            self.report
                .add(self.stack.index, line, text, meant(id, &known));
            return;
        };
        let Some(known) = resource_types::find(resource.kind) else {
            return;
        };
        if !known.has_attribute(attribute) {
            let text = format!(
                "{} asks {id} for `{attribute}`, which a {} does not have",
                self.subject, resource.kind
            );
            let attributes: Vec<&str> = known.attributes().collect();
            let fix = match attributes.is_empty() {
                true => format!("it has no attributes: write !Ref {id}"),
                false => meant(attribute, &attributes),
            };
            self.report.add(self.stack.index, line, text, fix);
        }
    }

    fn depends_on(&mut self, node: &Node) {
        for item in node.one_or_many() {
            let name = shown(item);
            if self.stack.resource(&name).is_none() {
                let text = format!(
                    "{} depends on `{name}`, which is not a resource of the template",
                    self.subject
                );
                let known = self.stack.resource_ids();
                self.report
                    .add(self.stack.index, item.line, text, meant(&name, &known));
            }
        }
    }

    fn condition(&mut self, node: &Node) {
        let name = shown(node);
        let known: Vec<&str> = self
            .stack
            .section("Conditions")
            .iter()
            .map(|entry| entry.key.as_str())
            .collect();
        if !known.contains(&name.as_str()) {
            let text = format!(
                "{} has the condition `{name}`, which is not declared",
                self.subject
            );
            self.report
                .add(self.stack.index, node.line, text, meant(&name, &known));
        }
    }
}
