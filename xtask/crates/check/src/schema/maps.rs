//! The entries of a map: unknown ones, missing ones, and those that do not go together.

use template::{Entry, Kind, Node};

use super::scalars;
use super::values::Walk;
use facts::nearest;
use resource_types::{Addition, Schema};

/// More names than this are not listed in a message.
const NAMES_MAX: usize = 24;

impl Walk<'_, '_> {
    pub(super) fn map(
        &mut self,
        node: &Node,
        line: usize,
        schema: &'static Schema,
        inner: &'static [Addition],
    ) {
        for entry in node.entries() {
            self.entry(node, entry, schema, inner);
        }
        let given = |name: &str| node.get(name).is_some();
        let by_rows = inner.iter().filter(|addition| addition.is_required);
        let required = schema.required.iter().map(String::as_str);
        let mut required: Vec<&str> = required
            .chain(by_rows.map(|addition| addition.name))
            .collect();
        required.dedup();
        // What Fn::Transform or ForEach brings is not to be seen here.
        let is_whole = !node
            .entries()
            .iter()
            .any(|entry| entry.key.starts_with("Fn::"));
        for name in required.into_iter().filter(|name| is_whole && !given(name)) {
            let text = format!("has no `{name}`, which is required");
            self.problem(line, &text, format!("add {name}"));
        }
        for (name, others) in &schema.dependent_required {
            for other in others.iter().filter(|other| given(name) && !given(other)) {
                let text = format!("has `{name}` without `{other}`");
                self.problem(line, &text, format!("add {other}, or remove {name}"));
            }
        }
        for (name, others) in &schema.dependent_excluded {
            for other in others
                .iter()
                .filter(|other| given(name) && given(other) && *name < **other)
            {
                let text = format!("has both `{name}` and `{other}`");
                self.problem(line, &text, "remove one of them: AWS takes one");
            }
        }
        self.one_of_these(node, line, &schema.required_xor, true);
        self.one_of_these(node, line, &schema.required_or, false);
        let count = node.entries().len() as u64;
        if is_whole && schema.max_properties.is_some_and(|most| count > most) {
            let most = schema.max_properties.unwrap_or_default();
            self.problem(
                line,
                &format!("has {count} entries"),
                format!("AWS takes {most} at most"),
            );
        }
    }

    fn one_of_these(&mut self, node: &Node, line: usize, names: &[String], only_one: bool) {
        let maybe = |name: &&String| match node.get(name).map(|node| &node.kind) {
            None => false,
            Some(Kind::Call("If", argument)) => !argument.items().iter().any(is_no_value),
            Some(_) => true,
        };
        let given: Vec<&String> = names.iter().filter(maybe).collect();
        let any = names.iter().any(|name| node.get(name).is_some());
        if !names.is_empty()
            && !any
            && !node
                .entries()
                .iter()
                .any(|entry| entry.key.starts_with("Fn::"))
        {
            let text = format!("has none of {}", names.join(", "));
            self.problem(
                line,
                &text,
                format!("add one of them: {}", names.join(" or ")),
            );
        } else if only_one && given.len() > 1 {
            let text = format!("has both `{}` and `{}`", given[0], given[1]);
            self.problem(line, &text, "remove one of them: AWS takes one");
        }
    }

    fn entry(
        &mut self,
        node: &Node,
        entry: &Entry,
        schema: &'static Schema,
        inner: &'static [Addition],
    ) {
        if entry.key.starts_with("Fn::") {
            return;
        }
        let addition = inner.iter().find(|addition| {
            addition.name == entry.key
                && addition
                    .unless
                    .is_none_or(|other| node.get(other).is_none())
        });
        let below = addition.map_or(&[][..], |addition| &addition.inner);
        let by_pattern = || {
            let mut patterns = schema.pattern_properties.iter();
            let fits = |pattern: &str| scalars::fits(pattern, &entry.key).unwrap_or(true);
            patterns
                .find(|(pattern, _)| fits(pattern))
                .map(|(_, schema)| schema)
        };
        let own = schema.properties.get(&entry.key);
        let found = own
            .or_else(by_pattern)
            .or(schema.additional_properties.as_deref());
        if let Some(found) = found {
            let outside = (self.is_item, self.is_named_freely);
            (self.is_item, self.is_named_freely) = (false, own.is_none());
            self.within(&entry.key, |walk| {
                walk.value(&entry.value, entry.line, found, addition, below);
            });
            (self.is_item, self.is_named_freely) = outside;
            return;
        }
        if schema.properties.is_empty() {
            return;
        }
        let names: Vec<&str> = schema.properties.keys().map(String::as_str).collect();
        let fix = match nearest(&entry.key, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.len() <= NAMES_MAX => {
                format!("{} has: {}", self.known.name, names.join(", "))
            }
            None => format!("look it up in {}", reference_page(self.known.name)),
        };
        let text = format!("has the unknown property `{}`", entry.key);
        self.problem(entry.line, &text, fix);
    }
}

fn is_no_value(node: &Node) -> bool {
    matches!(&node.kind, Kind::Call("Ref", argument) if argument.as_str() == Some("AWS::NoValue"))
}

/// AWS's page about a type.
fn reference_page(name: &str) -> String {
    let name = name.to_lowercase().replacen("aws::", "", 1);
    format!(
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-{}.html",
        name.replace("::", "-")
    )
}
