//! What a destroy tells: the plan before, and every step, for a person or as one line of JSON.

use serde::Serialize;

#[cfg(feature = "aws")]
use super::removal::Removal;
use words::output::Output;

#[derive(Debug, Serialize)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(super) enum Event<'a> {
    #[cfg(feature = "aws")]
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

#[derive(Debug, Clone)]
pub(super) struct Reporter {
    pub(super) out: Output,
    pub(super) json: bool,
}

impl Reporter {
    pub(super) fn report(&self, event: &Event<'_>) {
        let out = &self.out;
        if self.json {
            return out.json(event);
        }
        match event {
            #[cfg(feature = "aws")]
            Event::Plan { stacks, stays } => self.plan(stacks, stays),
            Event::Removing { name } => out.step("removing", name),
            Event::Emptied { name, count } => out.note(&format!("emptied {name}: {count} deleted")),
            Event::Removed {
                name,
                seconds: None,
            } => out.step("removed", name),
            Event::Removed {
                name,
                seconds: Some(seconds),
            } => {
                let took = out.paint("2", &format!("({seconds:.1} s)"));
                out.step("removed", &format!("{name} {took}"));
            }
            Event::Failed { name, reason } => {
                out.error(&format!("{name} is still there: {reason}"))
            }
            Event::Done { removed: 0, .. } => out.step("done", "nothing was running"),
            Event::Done { what, left, .. } => {
                out.step("done", what);
                for thing in *left {
                    out.note(&format!("stays: {thing}"));
                }
            }
        }
    }

    #[cfg(feature = "aws")]
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
