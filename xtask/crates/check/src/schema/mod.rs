//! Each template on its own: types, properties, values, and that every name in it names something.

mod characters;
mod circle;
mod forms;
mod maps;
mod references;
mod scalars;
mod sources;
mod texts;
mod values;

use template::{Node, SECTIONS};

use super::model::{Model, Resource, Stack};
use super::report::Report;
use facts::nearest;

/// What may stand beside `Type` and `Properties`.
const KEYS: [&str; 9] = [
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "UpdatePolicy",
    "CreationPolicy",
    "Metadata",
];

const POLICIES: [&str; 4] = ["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"];

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    for stack in &model.stacks {
        for entry in stack.root.entries() {
            if !SECTIONS.contains(&entry.key.as_str()) {
                let text = format!("a template has no section `{}`", entry.key);
                report.add(stack.index, entry.line, text, meant(&entry.key, &SECTIONS));
            }
        }
        if stack.resources.is_empty() {
            report.add(
                stack.index,
                1,
                "the template has no Resources",
                "add one: a stack cannot be empty",
            );
        }
        let resources = stack.resources.iter();
        // A loop of AWS::LanguageExtensions: what it makes is not to be seen here.
        for resource in resources.filter(|resource| !resource.id.starts_with("Fn::ForEach")) {
            check_resource(stack, resource, report);
        }
        if model.stage.cloud == facts::CloudKind::Local {
            here(stack, report);
        }
        references::check(stack, report);
        circle::check(stack, report);
    }
}

/// What the local cloud cannot do is refused before it has begun with anything.
fn here(stack: &Stack<'_>, report: &mut Report<'_>) {
    let fix = "remove it, or deploy to a stage on AWS: on this machine there is no CloudFormation";
    let sections = stack.root.entries().iter();
    for entry in sections.filter(|entry| entry.key == "Transform") {
        let text = "the template has a Transform, which the local cloud does not run";
        report.add(stack.index, entry.line, text, fix);
    }
    for resource in &stack.resources {
        if resource_types::makes_others(resource.kind) {
            let text = format!(
                "{} is a {}, which the local cloud does not run",
                resource.id, resource.kind
            );
            report.add(stack.index, resource.line, text, fix);
        }
    }
}

/// A proposal for a mistyped word, or the words that there are.
fn meant(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "remove it".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

fn check_resource(stack: &Stack<'_>, resource: &Resource<'_>, report: &mut Report<'_>) {
    let id = resource.id;
    if !id.chars().all(|letter| letter.is_ascii_alphanumeric()) || id.len() > 255 {
        let text = format!("`{id}` is not a logical id");
        report.add(
            stack.index,
            resource.line,
            text,
            "use letters and digits only, at most 255",
        );
    }
    for entry in resource.node.entries() {
        if !KEYS.contains(&entry.key.as_str()) {
            let text = format!("{id} has `{}` beside its Properties", entry.key);
            report.add(stack.index, entry.line, text, meant(&entry.key, &KEYS));
        }
        if entry.key.ends_with("Policy")
            && ["DeletionPolicy", "UpdateReplacePolicy"].contains(&entry.key.as_str())
        {
            let policy = entry.value.as_str().unwrap_or("");
            let allowed = if entry.key == "DeletionPolicy" {
                &POLICIES[..]
            } else {
                &["Delete", "Retain", "Snapshot"]
            };
            if !allowed.contains(&policy) {
                let text = format!("{id}.{} is `{policy}`", entry.key);
                report.add(stack.index, entry.line, text, meant(policy, allowed));
            }
        }
    }
    let properties = resource.node.get("Properties");
    if is_free(resource.kind) {
        return;
    }
    let Some(known) = resource_types::find(resource.kind) else {
        return unknown_type(stack, resource, report);
    };
    let empty = Node {
        line: resource.line,
        kind: template::Kind::Map(Vec::new()),
    };
    let mut walk = values::Walk::new(stack, known, id);
    walk.properties(properties.unwrap_or(&empty), resource.line);
    for problem in walk.found {
        report.add(stack.index, problem.line, problem.text, problem.fix);
    }
}

/// What a template makes by a program of its own, or of a module: nobody else knows its properties.
fn is_free(kind: &str) -> bool {
    kind.starts_with("Custom::")
        || kind == "AWS::CloudFormation::CustomResource"
        || kind.ends_with("::MODULE")
}

fn unknown_type(stack: &Stack<'_>, resource: &Resource<'_>, report: &mut Report<'_>) {
    let entries = resource.node.entries();
    let line = entries.iter().find(|entry| entry.key == "Type");
    let line = line.map_or(resource.line, |entry| entry.line);
    if line == resource.line && resource.kind.is_empty() {
        let text = format!("{} has no Type", resource.id);
        return report.add(stack.index, line, text, "add one: Type: AWS::...");
    }
    let service = resource
        .kind
        .rsplit_once("::")
        .map_or("", |(service, _)| service);
    let mut names = resource_types::types_of(service);
    if names.is_empty() {
        let services: Vec<&str> = resource_types::services().collect();
        let near = nearest(service, &services).unwrap_or("");
        names = resource_types::types_of(near);
    }
    let fix = match nearest(resource.kind, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "write one that CloudFormation has; the schemas here are those of {}",
            resource_types::source()
        ),
    };
    let text = format!("{} has the unknown type `{}`", resource.id, resource.kind);
    report.add(stack.index, line, text, fix);
}
