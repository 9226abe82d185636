//! The preview as people read it: one table over all stacks.

use super::{Preview, StackAction, StackPreview, is_loss};
use crate::plan::{Cause, InputChange};
use cloud::{Action, Change};
use words::output::Output;

/// How many properties are named before the rest is counted.
const PROPERTIES_SHOWN: usize = 6;

const IMAGE: &str = " -> the image is built again";

/// Shows every stack with what happens to each of its resources; what is lost stands out.
pub fn show(out: &Output, preview: &Preview) {
    for line in lines(preview, &|code, text| out.paint_data(code, text)) {
        out.data(&line);
    }
}

/// The table's lines; `paint` colours a text by an SGR code.
fn lines(preview: &Preview, paint: &dyn Fn(&str, &str) -> String) -> Vec<String> {
    let stacks = preview.stacks.iter();
    let mut lines: Vec<String> = stacks.flat_map(|stack| of_stack(stack, paint)).collect();
    lines.push(summary(preview));
    lines
}

/// The same for a deploy that is about to do it: of a stack that is new, only how much is in it.
pub(crate) fn in_short(preview: &Preview, paint: &dyn Fn(&str, &str) -> String) -> Vec<String> {
    let stacks = preview.stacks.iter().flat_map(|stack| match stack.action {
        StackAction::Create => vec![format!(
            "{} ({} resources)",
            first_line(stack, paint),
            stack.changes.len()
        )],
        _ => of_stack(stack, paint),
    });
    let mut lines: Vec<String> = stacks.collect();
    lines.push(summary(preview));
    lines
}

fn of_stack(stack: &StackPreview, paint: &dyn Fn(&str, &str) -> String) -> Vec<String> {
    let mut lines = vec![first_line(stack, paint)];
    for input in &stack.input_changes {
        lines.push(format!("      {}", paint("2", &other_source(input))));
    }
    for cause in &stack.causes {
        lines.push(format!("      {}", paint("2", &because(cause))));
    }
    lines.extend(stack.takes.iter().map(|thing| format!("      {thing}")));
    for change in &stack.changes {
        lines.push(resource(change, paint));
    }
    lines
}

fn first_line(stack: &StackPreview, paint: &dyn Fn(&str, &str) -> String) -> String {
    let (mark, word, code) = heading(stack.action);
    let note = stack
        .note
        .as_ref()
        .map_or(String::new(), |note| format!(" ({note})"));
    let heading = paint(code, &format!("{mark} {word:<9}"));
    format!("{heading} {}{note}", stack.name)
}

fn heading(action: StackAction) -> (char, &'static str, &'static str) {
    match action {
        StackAction::Nothing => ('=', "unchanged", "2"),
        StackAction::Create => ('+', "create", "32"),
        StackAction::Update => ('~', "update", "33"),
        StackAction::Recreate => ('!', "recreate", "1;31"),
        StackAction::Recover => ('!', "recover", "1;33"),
        StackAction::Delete => ('-', "delete", "1;31"),
    }
}

/// `PRICE: 0.01 -> 0.02 -> the image is built again`
fn other_source(input: &InputChange) -> String {
    let words = |side: &Option<String>| side.clone().unwrap_or_else(|| "(none)".to_owned());
    let effect = if input.image { IMAGE } else { "" };
    format!(
        "{}: {} -> {}{effect}",
        input.name,
        words(&input.from),
        words(&input.to)
    )
}

/// `after mcp-server: MCP_SERVER_URL (Url) may change -> image built again`
fn because(cause: &Cause) -> String {
    let effect = if cause.image { IMAGE } else { "" };
    format!(
        "after {}: {} is its {}{effect}",
        cause.owner, cause.name, cause.key
    )
}

fn resource(change: &Change, paint: &dyn Fn(&str, &str) -> String) -> String {
    let (mark, word, code) = match change.action {
        Action::Create => ('+', "", "32"),
        Action::Adopt => ('+', " kept from before", "32"),
        Action::Update => ('~', "", "33"),
        Action::Replace if is_loss(change) => ('±', " REPLACED", "1;31"),
        Action::Replace => ('~', " new version", "33"),
        Action::MayReplace if is_loss(change) => ('±', " MAY BE REPLACED", "1;31"),
        Action::MayReplace => ('~', "", "33"),
        Action::Delete => ('-', " DELETED", "1;31"),
    };
    let shown: Vec<&str> = change
        .properties
        .iter()
        .take(PROPERTIES_SHOWN)
        .map(String::as_str)
        .collect();
    let more = match change.properties.len().saturating_sub(PROPERTIES_SHOWN) {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let properties = match shown.is_empty() {
        true => String::new(),
        false => format!(": {}{more}", shown.join(", ")),
    };
    let kind = paint("2", &change.resource_type);
    format!(
        "    {} {}{} {kind}{properties}",
        paint(code, &mark.to_string()),
        change.logical_id,
        paint(code, word)
    )
}

fn summary(preview: &Preview) -> String {
    let count = |wanted: Action| {
        let changes = preview.stacks.iter().flat_map(|stack| &stack.changes);
        changes.filter(|change| change.action == wanted).count()
    };
    let stacks = preview
        .stacks
        .iter()
        .filter(|stack| stack.action != StackAction::Nothing);
    let guesses = preview
        .stacks
        .iter()
        .any(|stack| !stack.exact && !stack.changes.is_empty());
    let remark = match guesses && preview.against.is_none() {
        true => "; what the cloud has not said yet was worked out from the templates",
        false => "",
    };
    match (stacks.count(), &preview.against) {
        (0, Some(against)) => {
            format!("nothing to do beyond {against}, where images and zips are not compared")
        }
        (0, None) => "nothing to do: every stack is as it should be".to_owned(),
        (stacks, _) => format!(
            "{stacks} of {} stacks change: {} resources created, {} updated, {} replaced, {} deleted{remark}",
            preview.stacks.len(),
            count(Action::Create),
            count(Action::Update),
            count(Action::Replace),
            count(Action::Delete),
        ),
    }
}
