//! `smoke`: what a service is asked after each deploy. Reads and validates it.

use kinds::Callers;
use serde_json::Value as Json;

use super::manifest::{ManifestFile, Table};
use super::service::Service;
use words::error::Problem;

const KEY: &str = "smoke";
const FORMS: &str = "write smoke = [\"/ready\"], with { path = \"/...\", paid = true } for what is sold, { path = \"/...\", refused = true } for what strangers may not see, and { tool = \"...\" } or { ask = \"...\" } for an agent";

/// One question, and what a good answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Smoke {
    /// A path that answers 200 when the service can do its work.
    Path(String),
    /// A path that is sold: whoever pays nothing gets 402, and never an answer.
    Paid(String),
    /// A path that a stranger is refused: 401 or 403, and never an answer.
    Refused(String),
    /// What the agent is asked in words, so that its model answers: that costs some tokens.
    Ask(String),
    /// A tool that the agent calls without arguments. It should cost nothing, and no model is asked.
    Tool(String),
}

pub(crate) fn read(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> Vec<Smoke> {
    let Some(value) = table.get(KEY) else {
        return Vec::new();
    };
    let Some(items) = value.as_array() else {
        let text = "`smoke` is not a list".to_owned();
        problems.push(table.problem(KEY, text, FORMS.to_owned()));
        return Vec::new();
    };
    let read = items.iter().map(|item| one(table, item, problems));
    read.collect::<Vec<_>>().into_iter().flatten().collect()
}

fn one(table: &Table<'_>, item: &Json, problems: &mut Vec<Problem>) -> Option<Smoke> {
    if let Some(path) = item.as_str() {
        return Some(Smoke::Path(path.to_owned()));
    }
    if let Some(object) = item.as_object() {
        let mut inner = Table::new(table.file, &format!("{}.{KEY}", table.header), object);
        let (path, tool) = (inner.text("path", problems), inner.text("tool", problems));
        let ask = inner.text("ask", problems);
        let (paid, refused) = (
            inner.flag("paid", problems),
            inner.flag("refused", problems),
        );
        inner.unknown_keys(problems);
        match (path, tool, ask, paid, refused) {
            (Some(path), None, None, true, false) => return Some(Smoke::Paid(path)),
            (Some(path), None, None, false, true) => return Some(Smoke::Refused(path)),
            (Some(path), None, None, false, false) => return Some(Smoke::Path(path)),
            (None, Some(tool), None, false, false) => return Some(Smoke::Tool(tool)),
            (None, None, Some(words), false, false) => return Some(Smoke::Ask(words)),
            _ => {}
        }
    }
    let text = format!("`{item}` in `smoke` is not something to ask");
    problems.push(table.problem(KEY, text, FORMS.to_owned()));
    None
}

/// A path can be asked where the tool reaches the service without signing, and a tool where it may call an agent.
pub(crate) fn validate(service: &Service, file: &ManifestFile, problems: &mut Vec<Problem>) {
    let kind = service.kind;
    let mut refuse = |text: String, fix: String| {
        problems.push(file.problem("package.metadata.service", KEY, text, fix));
    };
    let is_agent = kind.outputs.contains(&"runtimeArn");
    let (mut has_paths, mut has_tools) = (false, false);
    for asked in &service.smoke {
        match asked {
            Smoke::Path(path) | Smoke::Paid(path) | Smoke::Refused(path) => {
                has_paths = true;
                if !path.starts_with('/') {
                    let text = format!("`{path}` in `smoke` is not a path");
                    refuse(text, format!("write \"/{path}\""));
                }
            }
            Smoke::Tool(_) | Smoke::Ask(_) => has_tools = true,
        }
    }
    if has_paths && kind.callers != Callers::Network {
        let text = format!("a {} service has no paths to ask", kind.name);
        let fix = "remove the paths from `smoke`: an agent that calls the service can be asked for a tool";
        refuse(text, fix.to_owned());
    }
    if has_tools && !is_agent {
        let text = format!("a {} service has no tools to ask for", kind.name);
        refuse(text, "ask an agent for the tool, or name a path".to_owned());
    }
}
