//! What a deploy tells while it works: lines for a person, or one JSON event per line.

mod live;

use serde::Serialize;

use crate::{Change, Outputs};
use live::Live;
pub use live::{Place, Watching};
use words::output::Output;

/// What happened, for a person or as one line of JSON.
#[derive(Debug, Serialize)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Event<'a> {
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
    /// What is about to be done, on a stage on AWS.
    Planned {
        plan: &'a serde_json::Value,
    },
    /// An image or a zip went up.
    Sent {
        service: &'a str,
        digest: &'a str,
        bytes: u64,
        seconds: f64,
    },
    /// CloudFormation has begun with a stack.
    Started {
        name: &'a str,
        action: &'static str,
        resources: usize,
        /// How long it took the last time.
        expected_seconds: Option<f64>,
    },
    /// An earlier deploy still works on a stack.
    Attached {
        name: &'a str,
        status: &'a str,
    },
    Resource {
        stack: &'a str,
        logical_id: &'a str,
        resource_type: &'a str,
        status: &'a str,
        reason: Option<&'a str>,
    },
    /// A stack failed for a reason that passes by itself, and is tried once more.
    Again {
        name: &'a str,
        reason: &'a str,
        wait_seconds: u64,
    },
    Failed {
        name: &'a str,
        status: &'a str,
        reason: &'a str,
        diagnosis: &'a [String],
    },
    /// One question that is asked after a deploy, and whether the answer was right.
    Smoke {
        name: &'a str,
        passed: bool,
        detail: &'a str,
    },
    Done {
        changed: bool,
        seconds: f64,
        outputs: &'a Outputs,
    },
}

/// How a deploy tells what it does.
#[derive(Debug, Clone)]
pub struct Reporter {
    pub out: Output,
    pub json: bool,
    live: Live,
}

impl Reporter {
    pub fn new(out: &Output, json: bool) -> Self {
        Self {
            out: out.clone(),
            json,
            live: Live::default(),
        }
    }

    /// Shows a person at a terminal where these stacks are, until the answer is dropped.
    pub fn watch(&self, places: Vec<Place>) -> Watching {
        self.live.watch(&self.out, places, !self.json)
    }

    /// What is done to a stack that the cloud does not know of yet: `packing`; none when that has an end.
    pub fn work(&self, owner: &str, what: Option<&'static str>) {
        self.live.work(owner, what);
    }

    /// How a stack ended of which no event tells.
    pub fn end(&self, owner: &str, how: &'static str) {
        self.live.end(owner, how);
    }

    /// A line for a person; a program has no use for it.
    pub fn tell(&self, verb: &str, text: &str) {
        if !self.json {
            self.out.step(verb, text);
        }
    }

    pub fn report(&self, event: &Event<'_>) {
        // Cargo shows its own progress, on the same terminal.
        match event {
            Event::Build { .. } => self.out.give_way(true),
            Event::Built { .. } => self.out.give_way(false),
            other => self.live.note(other),
        }
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
            other => self.report_from_aws(other),
        }
    }

    /// What only a stage on AWS has to tell.
    fn report_from_aws(&self, event: &Event<'_>) {
        match event {
            Event::Sent {
                service,
                bytes,
                seconds,
                ..
            } => {
                let megabytes = *bytes as f64 / 1e6;
                self.out.step(
                    "sent",
                    &format!("{service} {megabytes:.1} MB ({seconds:.1} s)"),
                );
            }
            Event::Started {
                name,
                action,
                resources,
                expected_seconds,
            } => {
                let expected = expected_seconds.map_or(String::new(), |seconds| {
                    format!(", {seconds:.0} s the last time")
                });
                self.out
                    .step(action, &format!("{name} ({resources} resources{expected})"));
            }
            Event::Attached { name, status } => {
                self.out.step("attached", &format!("{name} is {status}"))
            }
            Event::Resource {
                stack,
                logical_id,
                status,
                reason,
                ..
            } => {
                let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
                self.out
                    .note(&format!("{stack} {logical_id} {status}{reason}"));
            }
            Event::Again {
                name,
                reason,
                wait_seconds,
            } => self
                .out
                .step("again", &format!("{name} in {wait_seconds} s: {reason}")),
            Event::Smoke {
                name,
                passed,
                detail,
            } => {
                self.out.step(
                    if *passed { "checked" } else { "wrong" },
                    &format!("{name}: {detail}"),
                );
            }
            // The table has been shown, and the error that ends the deploy says the rest.
            _ => {}
        }
    }
}
