//! What a destroy tells: the plan before, and every step, for a person or as one line of JSON.

use serde::Serialize;

use cloud::Removal;
use cloud::progress;
use words::output::Output;

#[derive(Debug, Serialize)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(super) enum DestroyEvent<'a> {
    Plan {
        stacks: &'a [Removal],
        /// What is on no stack's list and stays behind as well.
        stays: &'a [String],
    },
    Removing {
        name: &'a str,
    },
    Emptied {
        name: &'a str,
        count: usize,
    },
    Removed {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
    },
    Failed {
        name: &'a str,
        reason: &'a str,
    },
    Done {
        removed: usize,
        left: &'a [String],
        #[serde(skip)]
        what: &'static str,
    },
}

#[derive(Debug)]
pub(super) struct Reporter {
    pub(super) out: Output,
    json: bool,
    /// For what a cloud tells on the way.
    pub(super) progress: progress::Reporter,
}

impl Reporter {
    pub(super) fn new(out: &Output, json: bool) -> Self {
        Self {
            out: out.clone(),
            json,
            progress: progress::Reporter::new(out, json),
        }
    }

    pub(super) fn report(&self, event: &DestroyEvent<'_>) {
        let out = &self.out;
        if self.json {
            return out.json(event);
        }
        match event {
            DestroyEvent::Plan { stacks, stays } => self.plan(stacks, stays),
            DestroyEvent::Removing { name } => out.step("removing", name),
            DestroyEvent::Emptied { name, count } => {
                out.note(&format!("emptied {name}: {count} deleted"))
            }
            DestroyEvent::Removed {
                name,
                seconds: None,
            } => out.step("removed", name),
            DestroyEvent::Removed {
                name,
                seconds: Some(seconds),
            } => {
                let took = out.paint("2", &format!("({seconds:.1} s)"));
                out.step("removed", &format!("{name} {took}"));
            }
            DestroyEvent::Failed { name, reason } => {
                out.error(&format!("{name} is still there: {reason}"))
            }
            DestroyEvent::Done { removed: 0, .. } => out.step("done", "nothing was running"),
            DestroyEvent::Done { what, left, .. } => {
                out.step("done", what);
                for thing in *left {
                    out.note(&format!("stays: {thing}"));
                }
            }
        }
    }

    fn plan(&self, stacks: &[Removal], stays: &[String]) {
        for stack in stacks {
            let count = match stack.deletes {
                1 => "1 resource".to_owned(),
                count => format!("{count} resources"),
            };
            let verb = self.out.paint("31", "delete");
            self.out.data(&format!("{verb} {:<32} {count}", stack.name));
            for line in stack.lines() {
                self.out.data(&format!("         {line}"));
            }
        }
        for thing in stays {
            self.out.data(&format!("stays  {thing}"));
        }
    }
}
