//! What stays and what goes: names of stacks, logs, and things that cannot be made again.

use super::model::{Model, Stack};
use super::report::Report;
use resource_types::ResourceType;

/// The numbers of days that CloudWatch Logs takes.
const RETENTION_DAYS: [&str; 22] = [
    "1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365", "400", "545", "731",
    "1096", "1827", "2192", "2557", "2922", "3288", "3653",
];

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    for stack in &model.stacks {
        let name = stack.given.name;
        let fits = name.len() <= 128
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
        if !fits {
            report.add_at("Cargo.toml".to_owned(), format!("`{name}` is not a name for a stack"), "use letters, digits and hyphens, a letter first and at most 128, in the names of project, stage and service");
        }
        for resource in stack.resources.iter().filter(|resource| {
            resource_types::find(resource.kind).is_some_and(ResourceType::is_stateful)
        }) {
            policies(model, stack, resource, report);
        }
        for group in stack.of_type("AWS::Logs::LogGroup") {
            let possible = stack.possible(&group, "RetentionInDays");
            let fits = |days: &Option<String>| {
                days.as_deref()
                    .is_none_or(|days| RETENTION_DAYS.contains(&days))
            };
            let line = group.line_of("RetentionInDays");
            if possible.is_empty() {
                report.advise(
                    "log-retention",
                    stack.index,
                    line,
                    format!("{} keeps its logs for ever", group.id),
                    "add RetentionInDays: {{ stage.log_retention_days | yaml }}",
                );
            } else if !possible.iter().all(fits) {
                let days = group.text("RetentionInDays").unwrap_or_default();
                report.add(
                    stack.index,
                    line,
                    format!("{} keeps its logs {days} days", group.id),
                    format!(
                        "write RetentionInDays: one of {}",
                        RETENTION_DAYS.join(", ")
                    ),
                );
            }
        }
    }
}

fn policies(
    model: &Model<'_>,
    stack: &Stack<'_>,
    resource: &super::model::Resource<'_>,
    report: &mut Report<'_>,
) {
    let (deletion, replacement) = match model.stage.protect {
        true => ("RetainExceptOnCreate", "Retain"),
        false => ("Delete", "Delete"),
    };
    for (key, wanted) in [
        ("DeletionPolicy", deletion),
        ("UpdateReplacePolicy", replacement),
    ] {
        let entry = resource
            .node
            .entries()
            .iter()
            .find(|entry| entry.key == key);
        let found = entry.and_then(|entry| entry.value.as_str());
        // What says nothing is deleted: CloudFormation's default.
        let is_wanted = match model.stage.protect {
            true => found == Some(wanted) || found == Some("Retain"),
            false => found.is_none_or(|found| found == wanted),
        };
        if is_wanted {
            continue;
        }
        if !model.stage.protect {
            let text = format!(
                "{} would stay when its stage is destroyed: its {key} is {}",
                resource.id,
                found.unwrap_or("missing")
            );
            report.advise(
                "data-left-behind",
                stack.index,
                entry.map_or(resource.line, |entry| entry.line),
                text,
                format!("write {key}: {wanted} on such a stage, as <keep/> in macros.tera does"),
            );
            continue;
        }
        let text = format!(
            "{} would be lost with its stack on a protected stage: its {key} is {}",
            resource.id,
            found.unwrap_or("missing")
        );
        report.add(
            stack.index,
            entry.map_or(resource.line, |entry| entry.line),
            text,
            format!("write {key}: {wanted} on such a stage, as <keep/> in macros.tera does"),
        );
    }
}
