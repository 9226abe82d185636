//! What a service of its kind cannot do without is there.

use super::model::Model;
use super::report::Report;

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    for (stack, service) in model.of_services() {
        for resource_type in service.kind.resources {
            if stack.first(resource_type).is_none() {
                report.add(
                    stack.index,
                    stack.resources.first().map_or(1, |first| first.line),
                    format!("there is no {resource_type}"),
                    format!(
                        "add one: a service of the kind {} has it",
                        service.kind.name
                    ),
                );
            }
        }
    }
}
