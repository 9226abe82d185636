//! The events of a stack: each one once, whatever order they come in.

use std::collections::BTreeSet;

use serde::Serialize;

use super::CloudFormation;
use super::deployed::{is_absent, rfc3339};
use crate::errors::Refusal;

const STACK: &str = "AWS::CloudFormation::Stack";

/// From where to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// All that ever happened to the stack: it was made for this.
    Beginning,
    /// What came after the events that were the newest at a moment.
    After {
        known: BTreeSet<String>,
        /// When the newest of them was.
        at: String,
    },
    /// The beginning of the operation that is running, or was the last to run.
    Running,
}

/// Something that happened to a stack or to a resource of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StackEvent {
    pub id: String,
    /// RFC 3339, UTC, with milliseconds.
    pub at: String,
    pub logical_id: String,
    pub physical_id: Option<String>,
    pub resource_type: String,
    /// `CREATE_IN_PROGRESS`, say.
    pub status: String,
    pub reason: Option<String>,
    /// True when it is the stack itself and not one of its resources.
    pub of_stack: bool,
}

impl StackEvent {
    pub fn of(event: &aws_sdk_cloudformation::types::StackEvent) -> Self {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let full = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned);
        let hook = event.hook_status_reason().filter(|_| {
            let status = event.hook_status().map(|status| status.as_str());
            status == Some("HOOK_COMPLETE_FAILED") || status == Some("HOOK_FAILED")
        });
        let own = event.physical_resource_id().unwrap_or_default();
        let of_stack = event.resource_type() == Some(STACK)
            && event.logical_resource_id() == event.stack_name()
            && (own.is_empty() || event.stack_id() == Some(own));
        Self {
            id: text(event.event_id()),
            at: event.timestamp().map(rfc3339).unwrap_or_default(),
            logical_id: text(event.logical_resource_id()),
            physical_id: full(event.physical_resource_id()),
            resource_type: text(event.resource_type()),
            status: text(event.resource_status().map(|status| status.as_str())),
            reason: full(event.resource_status_reason().or(hook)),
            of_stack,
        }
    }

    /// True for the first event of an operation that somebody asked for, and not one that another led to.
    fn begins(&self) -> bool {
        let asked = self
            .reason
            .as_deref()
            .is_none_or(|reason| reason == "User Initiated");
        self.of_stack
            && match self.status.as_str() {
                "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "IMPORT_IN_PROGRESS" => true,
                status => asked && status.ends_with("_IN_PROGRESS") && !status.contains("CLEANUP"),
            }
    }
}

/// Reads on where it stopped.
#[derive(Debug)]
pub(super) struct Feed {
    stack_id: String,
    seen: BTreeSet<String>,
    /// What is earlier than this does not belong to the watch; none until the beginning of what runs has been found.
    floor: Option<String>,
}

impl Feed {
    pub(super) fn new(stack_id: &str, since: Since) -> Self {
        let (seen, floor) = match since {
            Since::Beginning => (BTreeSet::new(), Some(String::new())),
            Since::After { known, at } => (known, Some(at)),
            Since::Running => (BTreeSet::new(), None),
        };
        Self {
            stack_id: stack_id.to_owned(),
            seen,
            floor,
        }
    }

    /// What is new, the oldest first. After an error the next call gives what this one would have.
    pub(super) async fn news(&mut self, from: &CloudFormation) -> Result<Vec<StackEvent>, Refusal> {
        let mut fresh: Vec<StackEvent> = Vec::new();
        let mut floor = self.floor.clone();
        let mut next: Option<String> = None;
        loop {
            let (page, more) = from.events_page(&self.stack_id, next).await?;
            let mut reached = false;
            // Pages go back in time, if not quite: what is new may stand below what was seen, so a page is read to its end.
            for event in page {
                if floor.is_none() && event.begins() {
                    floor = Some(event.at.clone());
                }
                let early = floor.as_ref().is_some_and(|floor| event.at < *floor);
                if early || self.seen.contains(&event.id) {
                    reached = true;
                } else {
                    fresh.push(event);
                }
            }
            next = more.filter(|_| !reached);
            if next.is_none() {
                break;
            }
        }
        // Without a beginning everything there is belongs to it.
        let floor = floor.unwrap_or_default();
        fresh.retain(|event| event.at >= floor);
        self.floor = Some(floor);
        self.seen.extend(fresh.iter().map(|event| event.id.clone()));
        fresh.reverse();
        // Events of one moment keep the order in which they were listed.
        fresh.sort_by(|one, other| one.at.cmp(&other.at));
        fresh.retain(|event| !(event.of_stack && event.status == "REVIEW_IN_PROGRESS"));
        Ok(fresh)
    }
}

impl CloudFormation {
    /// One page, the newest event first, and the token of the next.
    async fn events_page(
        &self,
        stack_id: &str,
        token: Option<String>,
    ) -> Result<(Vec<StackEvent>, Option<String>), Refusal> {
        let call = self.client.describe_stack_events().stack_name(stack_id);
        match call.set_next_token(token).send().await {
            Ok(answer) => {
                let events = answer.stack_events().iter().map(StackEvent::of).collect();
                Ok((events, answer.next_token))
            }
            // A new stack may not have got around to its first event.
            Err(error) => match Refusal::of(&error) {
                refusal if is_absent(&refusal) => Ok((Vec::new(), None)),
                refusal => Err(refusal),
            },
        }
    }

    /// The present, as a place to watch from.
    pub async fn now(&self, stack_id: &str) -> Result<Since, Refusal> {
        let (page, _) = self.events_page(stack_id, None).await?;
        Ok(Since::After {
            at: page
                .iter()
                .map(|event| event.at.clone())
                .max()
                .unwrap_or_default(),
            known: page.into_iter().map(|event| event.id).collect(),
        })
    }

    /// True when something has happened to the stack itself since.
    pub async fn has_begun(&self, stack_id: &str, since: &Since) -> anyhow::Result<bool> {
        let mut feed = Feed::new(stack_id, since.clone());
        let news = feed
            .news(self)
            .await
            .map_err(|refusal| refusal.into_error("read the events of a stack"))?;
        Ok(news.iter().any(|event| event.of_stack))
    }
}
