//! What a deploy is at: one entry for each stack, moved on by events. Pure: the time is given.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::progress::Event;

/// A stack as a deploy begins with it.
#[derive(Debug, Clone)]
pub struct Place {
    pub name: String,
    pub owner: String,
    /// The owners of the stacks that must stand before this one.
    pub after: Vec<String>,
}

/// Every stack of a deploy, each after everything it needs.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub entries: Vec<Entry>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub place: Place,
    pub state: State,
}

/// Where one stack is on its way.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    Waiting,
    /// Something on our side of the cloud: `packing`, `pushing`.
    Working {
        what: &'static str,
        since: Duration,
    },
    /// The cloud works on it.
    Changing(Changing),
    Ended {
        how: &'static str,
        seconds: Option<f64>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Changing {
    /// `creating`, `rolling back`.
    pub what: &'static str,
    pub since: Duration,
    /// How many resources there are; none when nobody has said.
    pub total: Option<usize>,
    pub done: BTreeSet<String>,
    /// In the order in which they began.
    pub running: Vec<String>,
    /// How long it took the last time.
    pub expected_seconds: Option<f64>,
}

impl Changing {
    fn new(what: &'static str, since: Duration) -> Self {
        Self {
            what,
            since,
            total: None,
            done: BTreeSet::new(),
            running: Vec::new(),
            expected_seconds: None,
        }
    }

    fn resource(&mut self, logical_id: &str, status: &str) {
        self.running.retain(|running| running != logical_id);
        if status.ends_with("_IN_PROGRESS") {
            self.done.remove(logical_id);
            self.running.push(logical_id.to_owned());
        } else if status.ends_with("_COMPLETE") {
            self.done.insert(logical_id.to_owned());
        }
    }
}

impl State {
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }

    pub(super) fn has_succeeded(&self) -> bool {
        matches!(self, Self::Ended { how, .. } if !matches!(*how, "failed" | "not begun"))
    }

    /// The cloud's work so far; it begins here when nobody has announced it.
    fn changing(&self, what: &'static str, now: Duration) -> Changing {
        match self {
            Self::Changing(changing) => changing.clone(),
            _ => Changing::new(what, now),
        }
    }
}

impl Board {
    pub(super) fn new(places: Vec<Place>) -> Self {
        let entry = |place| Entry {
            place,
            state: State::Waiting,
        };
        Self {
            entries: places.into_iter().map(entry).collect(),
        }
    }

    /// What is done to a stack before the cloud hears of it; none when it waits again.
    pub(super) fn work(&mut self, owner: &str, what: Option<&'static str>, now: Duration) {
        let Some(state) = self.state(|place| place.owner == owner) else {
            return;
        };
        if matches!(state, State::Waiting | State::Working { .. }) {
            *state = match what {
                Some(what) => State::Working { what, since: now },
                None => State::Waiting,
            };
        }
    }

    /// A stack that comes to nothing.
    pub(super) fn end(&mut self, owner: &str, how: &'static str) {
        if let Some(state) = self.state(|place| place.owner == owner) {
            *state = State::Ended { how, seconds: None };
        }
    }

    /// What an event says of its stack.
    pub(super) fn note(&mut self, event: &Event<'_>, now: Duration) {
        match event {
            Event::Started {
                name,
                action,
                resources,
                expected_seconds,
            } => self.set(
                name,
                State::Changing(Changing {
                    total: Some(*resources),
                    expected_seconds: *expected_seconds,
                    ..Changing::new(doing(action), now)
                }),
            ),
            Event::Attached { name, status } => {
                let what = in_words(status).unwrap_or("changing");
                self.set(name, State::Changing(Changing::new(what, now)));
            }
            Event::Resource {
                stack,
                logical_id,
                status,
                ..
            } => self.resource(stack, logical_id, status, now),
            Event::Stack {
                name,
                result,
                seconds,
                ..
            } => self.set(
                name,
                State::Ended {
                    how: result,
                    seconds: (*result != "unchanged").then_some(*seconds),
                },
            ),
            Event::Removed { name } => self.set(
                name,
                State::Ended {
                    how: "removed",
                    seconds: None,
                },
            ),
            _ => {}
        }
    }

    fn resource(&mut self, stack: &str, logical_id: &str, status: &str, now: Duration) {
        let Some(state) = self.state(|place| place.name == stack) else {
            return;
        };
        let of_stack = logical_id == stack;
        if !of_stack {
            let mut changing = state.changing("changing", now);
            changing.resource(logical_id, status);
            *state = State::Changing(changing);
        } else if let Some(what) = in_words(status) {
            let mut changing = state.changing(what, now);
            // Of a rollback nobody has said how much there is to do, or how long it takes.
            if matches!(what, "rolling back" | "deleting") && changing.what != what {
                changing = Changing::new(what, now);
            }
            changing.what = what;
            *state = State::Changing(changing);
        }
    }

    fn set(&mut self, name: &str, state: State) {
        if let Some(place) = self.state(|place| place.name == name) {
            *place = state;
        }
    }

    fn state(&mut self, which: impl Fn(&Place) -> bool) -> Option<&mut State> {
        let mut entries = self.entries.iter_mut();
        entries
            .find(|entry| which(&entry.place))
            .map(|entry| &mut entry.state)
    }
}

fn doing(action: &str) -> &'static str {
    match action {
        "create" => "creating",
        "update" => "updating",
        _ => "changing",
    }
}

/// What a stack's own status means while it lasts.
fn in_words(status: &str) -> Option<&'static str> {
    let running = status.strip_suffix("_IN_PROGRESS")?;
    Some(match running {
        "UPDATE_COMPLETE_CLEANUP" | "UPDATE_ROLLBACK_COMPLETE_CLEANUP" => "cleaning up",
        _ if running.contains("ROLLBACK") => "rolling back",
        "CREATE" => "creating",
        "DELETE" => "deleting",
        _ => "updating",
    })
}
