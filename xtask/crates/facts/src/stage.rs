//! What the root manifest says of a stage under `[workspace.metadata.stages.<name>]`.

use std::collections::BTreeMap;

use super::service::{Link, Value};

/// One place to deploy to.
#[derive(Debug, Clone)]
pub struct Stage {
    pub name: String,
    pub cloud: CloudKind,
    pub region: String,
    /// Twelve digits; a deploy to any other account stops.
    pub account: Option<String>,
    pub vpc_cidr: String,
    pub log_retention_days: u32,
    /// Nothing is deleted without being named.
    pub protect: bool,
    /// The settings that services name with `{ stage = "..." }` or `hosted = "..."`.
    pub settings: BTreeMap<String, String>,
}

/// Who carries a deploy out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudKind {
    Local,
    Cloudformation,
}

/// A value on one stage: known now, or known once another service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved<'a> {
    Text(&'a str),
    Link(&'a Link),
}

impl Stage {
    /// What a value is on this stage; none when it names a setting that the stage does not have.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> Option<Resolved<'a>> {
        match value {
            Value::Text(text) => Some(Resolved::Text(text)),
            Value::Stage(key) | Value::OptionalStage(key) => {
                self.settings.get(key).map(|text| Resolved::Text(text))
            }
            Value::Link(link) => Some(
                match link.hosted.as_ref().and_then(|key| self.settings.get(key)) {
                    Some(hosted) => Resolved::Text(hosted),
                    None => Resolved::Link(link),
                },
            ),
        }
    }
}

/// A command as one would type it for this stage: `cargo xtask logs agent --stage dev`.
pub fn typed(stage: &Stage, words: &str) -> String {
    match stage.name.as_str() {
        "local" => format!("cargo xtask {words}"),
        name => format!("cargo xtask {words} --stage {name}"),
    }
}
