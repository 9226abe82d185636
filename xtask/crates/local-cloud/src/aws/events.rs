//! Facts about the local AWS APIs for the supervisor's log. No fact carries a secret, a prompt or a signature.

use std::collections::BTreeMap;

use tokio::sync::broadcast;

/// How many facts a slow reader may fall behind before it loses the oldest.
const FACTS_KEPT: usize = 256;

/// One line for `supervisor.ndjson`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// `INFO` or `WARN`.
    pub level: &'static str,
    /// A sentence for people.
    pub message: String,
    /// Names for programs, such as `function` or `role`.
    pub fields: BTreeMap<&'static str, String>,
}

impl Fact {
    pub fn info(message: impl Into<String>) -> Fact {
        Fact {
            level: "INFO",
            message: message.into(),
            fields: BTreeMap::new(),
        }
    }

    pub fn warn(message: impl Into<String>) -> Fact {
        Fact {
            level: "WARN",
            message: message.into(),
            fields: BTreeMap::new(),
        }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Fact {
        self.fields.insert(name, value.into());
        self
    }
}

/// Where every part of the local AWS puts its facts.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    sender: broadcast::Sender<Fact>,
}

impl Facts {
    pub(super) fn new() -> Facts {
        Facts {
            sender: broadcast::Sender::new(FACTS_KEPT),
        }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Fact> {
        self.sender.subscribe()
    }

    pub(super) fn tell(&self, fact: Fact) {
        // Without a reader there is nobody to tell, which is not a failure.
        self.sender.send(fact).ok();
    }
}
