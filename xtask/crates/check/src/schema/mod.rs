//! Each template on its own: types, properties, values, and that every name in it names something.

mod circle;
mod references;
mod values;

use template::{Node, SECTIONS};

use super::model::{Model, Resource, Stack};
use super::report::Report;
use facts::nearest;
use resource_types::Property;

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
        for resource in &stack.resources {
            check_resource(stack, resource, report);
        }
        references::check(stack, report);
        circle::check(stack, report);
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
    let Some(known) = resource_types::find(resource.kind) else {
        let types = resource_types::all().iter();
        let names: Vec<&str> = types.map(|known| known.name).collect();
        let fix = match nearest(resource.kind, &names) {
            Some(near) => format!(
                "did you mean `{near}`? A new type goes into xtask/crates/resource-types/src/types.txt"
            ),
            None => "add it to xtask/crates/resource-types/src/types.txt, with its properties"
                .to_owned(),
        };
        let line = resource
            .node
            .entries()
            .iter()
            .find(|entry| entry.key == "Type");
        let line = line.map_or(resource.line, |entry| entry.line);
        report.add(
            stack.index,
            line,
            format!("{id} has the unknown type `{}`", resource.kind),
            fix,
        );
        return;
    };
    let empty = Node {
        line: resource.line,
        kind: template::Kind::Map(Vec::new()),
    };
    let properties = resource.node.get("Properties").unwrap_or(&empty);
    let mut place = Place {
        stack,
        path: id.to_owned(),
        kind: resource.kind,
        report,
    };
    check_map(&mut place, properties, resource.line, &known.properties);
}

/// Where the check is, for its words.
struct Place<'a, 'b, 'c> {
    stack: &'a Stack<'b>,
    path: String,
    kind: &'a str,
    report: &'a mut Report<'c>,
}

impl Place<'_, '_, '_> {
    fn problem(&mut self, line: usize, text: &str, fix: impl Into<String>) {
        let text = format!("{} {text}", self.path);
        self.report.add(self.stack.index, line, text, fix);
    }

    /// Checks something that stands deeper.
    fn within(&mut self, step: &str, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push('.');
        self.path.push_str(step);
        check(self);
        self.path.truncate(length);
    }
}

/// The properties of a resource, or of something within it.
fn check_map(place: &mut Place<'_, '_, '_>, node: &Node, line: usize, known: &[Property]) {
    for entry in node.entries() {
        let Some(property) = known.iter().find(|property| property.name == entry.key) else {
            let names: Vec<&str> = known.iter().map(|property| property.name).collect();
            let fix = match nearest(&entry.key, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("{} has: {}", place.kind, names.join(", ")),
            };
            place.problem(
                entry.line,
                &format!("has the unknown property `{}`", entry.key),
                fix,
            );
            continue;
        };
        place.within(&entry.key, |place| {
            values::check(place, &entry.value, entry.line, property)
        });
    }
    for property in known.iter().filter(|property| property.required) {
        if node.get(property.name).is_none() {
            let fix = format!("add {}", property.name);
            place.problem(
                line,
                &format!("has no `{}`, which is required", property.name),
                fix,
            );
        }
    }
}
