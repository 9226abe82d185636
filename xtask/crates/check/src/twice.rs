//! What two stacks of a stage would both make: AWS has each name once.

use std::collections::BTreeMap;

use super::model::{Model, is_literal};
use super::report::Report;

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    let mut made: BTreeMap<(String, String), (String, &str)> = BTreeMap::new();
    for stack in &model.stacks {
        for resource in &stack.resources {
            let Some(known) = resource_types::find(resource.kind) else {
                continue;
            };
            let [property] = &known.schema.primary_identifier[..] else {
                continue;
            };
            let Some(name) = resource.text(property).filter(|name| is_literal(name)) else {
                continue;
            };
            let key = (resource.kind.to_owned(), name);
            match made.get(&key) {
                Some((owner, id)) if owner != stack.given.owner || *id != resource.id => {
                    let (kind, name) = &key;
                    let text = format!(
                        "{}.{property} is `{name}`, and {id} of {owner} is that {kind} already",
                        resource.id
                    );
                    let line = resource.line_of(property);
                    let fix = "put the service's name into it: <full_name/> in macros.tera does";
                    report.add(stack.index, line, text, fix);
                }
                _ => {
                    made.insert(key, (stack.given.owner.to_owned(), resource.id));
                }
            }
        }
    }
}
