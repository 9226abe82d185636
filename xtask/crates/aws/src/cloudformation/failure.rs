//! Which of many failures came first, and why. What is cancelled because of it is not a cause.

use serde::Serialize;

use super::events::StackEvent;
use crate::explain::explain;
use cloud::FailedResource;

/// How many further failures are told beside the first.
const ALSO_MAX: usize = 2;

/// Why a stack did not get where it was going.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StackFailure {
    /// The resource, or the stack itself when no resource is to blame.
    pub logical_id: String,
    pub physical_id: Option<String>,
    pub resource_type: String,
    pub reason: String,
    /// What failed beside it and was not merely cancelled; failures of the rollback come last.
    pub also: Vec<FailedResource>,
}

impl StackFailure {
    /// The first failing resource with its reason, what that means where it is known, and what failed beside it.
    pub fn words(&self) -> String {
        let mut text = format!(
            "{} ({}): {}",
            self.logical_id, self.resource_type, self.reason
        );
        if let Some(known) = explain(&self.reason) {
            text.push_str(&format!(
                "\n    meaning: {}\n    fix: {}",
                known.meaning, known.fix
            ));
        }
        for other in self.also.iter().take(ALSO_MAX) {
            text.push_str(&format!(
                "\n    also {} ({}): {}",
                other.logical_id, other.resource_type, other.reason
            ));
        }
        if self.also.len() > ALSO_MAX {
            text.push_str(&format!("\n    and {} more", self.also.len() - ALSO_MAX));
        }
        text
    }
}

/// The first cause among the events of one operation, oldest first. None when nothing failed.
pub(super) fn analyse(events: &[StackEvent]) -> Option<StackFailure> {
    let mut causes: Vec<&StackEvent> = Vec::new();
    for event in events.iter().filter(|event| event.is_cause()) {
        if !causes
            .iter()
            .any(|known| known.logical_id == event.logical_id && known.status == event.status)
        {
            causes.push(event);
        }
    }
    let Some((first, rest)) = causes.split_first() else {
        return of_stack(events);
    };
    Some(StackFailure {
        logical_id: first.logical_id.clone(),
        physical_id: first.physical_id.clone(),
        resource_type: first.resource_type.clone(),
        reason: reason(first),
        also: rest
            .iter()
            .map(|event| FailedResource {
                logical_id: event.logical_id.clone(),
                resource_type: event.resource_type.clone(),
                reason: reason(event),
            })
            .collect(),
    })
}

/// The stack's own words, when no resource failed: it was cancelled, or never got to a resource.
fn of_stack(events: &[StackEvent]) -> Option<StackFailure> {
    let gave_up = |event: &&StackEvent| {
        event.of_stack && (event.status.contains("ROLLBACK") || event.status.ends_with("_FAILED"))
    };
    let event = events.iter().find(gave_up)?;
    let cancelled = events
        .iter()
        .any(|event| !event.of_stack && event.status.ends_with("_FAILED"));
    let reason = match event.reason.as_deref() {
        None | Some("User Initiated") if cancelled => "it was cancelled".to_owned(),
        None => "CloudFormation gives no reason".to_owned(),
        Some(reason) => reason.to_owned(),
    };
    Some(StackFailure {
        logical_id: event.logical_id.clone(),
        physical_id: event.physical_id.clone(),
        resource_type: event.resource_type.clone(),
        reason,
        also: Vec::new(),
    })
}

impl StackEvent {
    /// True for the failure of a resource that no other failure led to.
    pub fn is_cause(&self) -> bool {
        !self.of_stack && self.status.ends_with("_FAILED") && !self.is_cancelled()
    }

    /// CloudFormation stops what is under way when a sibling fails, and calls that a failure too.
    fn is_cancelled(&self) -> bool {
        let Some(reason) = self.reason.as_deref() else {
            return false;
        };
        let reason = reason.trim_end_matches('.').to_ascii_lowercase();
        let plain = reason
            .strip_prefix("resource ")
            .and_then(|rest| rest.split_once(' '))
            .is_some_and(|(_, rest)| rest == "cancelled" || rest == "canceled");
        plain || reason.starts_with("the following resource(s) failed")
    }
}

fn reason(event: &StackEvent) -> String {
    match event.reason.as_deref() {
        Some(reason) => plain(reason),
        None => "CloudFormation gives no reason".to_owned(),
    }
}

/// What a resource's handler said, without the envelope: request numbers help nobody on a screen.
fn plain(reason: &str) -> String {
    let Some(inner) = reason.strip_prefix("Resource handler returned message: \"") else {
        return reason.to_owned();
    };
    let Some((said, rest)) = inner.rsplit_once("\" (RequestToken: ") else {
        return reason.to_owned();
    };
    let said = said.split(" (Service: ").next().unwrap_or(said);
    match rest.split_once("HandlerErrorCode: ") {
        Some((_, code)) => format!("{said} ({})", code.trim_end_matches(')')),
        None => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_comes_off() {
        let expected = [
            (
                r#"Resource handler returned message: "Resource of type 'AWS::Logs::LogGroup' already exists." (RequestToken: 0000-1, HandlerErrorCode: AlreadyExists)"#,
                "Resource of type 'AWS::Logs::LogGroup' already exists. (AlreadyExists)",
            ),
            (
                r#"Resource handler returned message: "The specified key \"a\" does not exist. (Service: Lambda, Status Code: 400, Request ID: 1)" (RequestToken: 0000-1, HandlerErrorCode: InvalidRequest)"#,
                r#"The specified key \"a\" does not exist. (InvalidRequest)"#,
            ),
            ("Access denied for Vpc", "Access denied for Vpc"),
            (
                r#"Resource handler returned message: "cut"#,
                r#"Resource handler returned message: "cut"#,
            ),
        ];
        for (reason, wanted) in expected {
            assert_eq!(plain(reason), wanted);
        }
    }
}
