//! What a deploy tells while it works: lines for a person, or one JSON event per line.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cloud::Change;
use crate::output::Output;

/// What happened, for a person or as one line of JSON.
#[derive(Debug, Serialize)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Event<'a> {
    Build {
        services: &'a [&'a str],
    },
    Built {
        seconds: f64,
    },
    Stack {
        name: &'a str,
        result: &'static str,
        changes: &'a [Change],
        seconds: f64,
    },
    Removed {
        name: &'a str,
    },
    Done {
        changed: bool,
        seconds: f64,
        outputs: &'a Outputs,
    },
}

/// The outputs of every stack, by owner.
pub(crate) type Outputs = BTreeMap<String, BTreeMap<String, String>>;

/// How a deploy tells what it does.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    pub(crate) out: Output,
    pub(crate) json: bool,
}

impl Reporter {
    pub(crate) fn report(&self, event: &Event<'_>) {
        if self.json {
            return self.out.json(event);
        }
        match event {
            Event::Build { services } => self.out.step("build", &services.join(", ")),
            Event::Built { seconds } => self.out.note(&format!("built in {seconds:.1} s")),
            Event::Stack {
                name,
                result,
                changes,
                seconds,
            } => {
                self.out.step(
                    result,
                    &format!(
                        "{name} {}",
                        self.out.paint("2", &format!("({seconds:.1} s)"))
                    ),
                );
                if *result == "updated" {
                    for change in *changes {
                        let properties = change.properties.join(", ");
                        let action = format!("{:?}", change.action).to_lowercase();
                        self.out
                            .note(&format!("{action} {} {properties}", change.logical_id));
                    }
                }
            }
            Event::Removed { name } => self.out.step("removed", name),
            Event::Done { changed: false, .. } => self
                .out
                .step("done", "nothing to do: everything is as it should be"),
            Event::Done { seconds, .. } => self.out.step(
                "done",
                &format!("every service is healthy ({seconds:.1} s)"),
            ),
        }
    }
}
