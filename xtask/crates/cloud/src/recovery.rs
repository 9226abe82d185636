//! Stacks that are stuck: what has happened, and what has to be done before they can be deployed.

use serde::Serialize;

/// What has to be done to a stack before it can be deployed. To be shown before it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "recovery")]
pub enum Recovery {
    /// Nothing but waiting for what runs already.
    Attach,
    /// It never came to be. What is left of it is deleted, and the deploy makes it anew.
    DeleteAndCreate { left: Vec<FailedResource> },
    /// Its deletion was begun and got stuck. It is tried again, and the deploy makes it anew.
    DeleteAgain { left: Vec<FailedResource> },
    /// The way back to its last good state got stuck at these resources. It is tried again.
    ContinueRollback { stuck: Vec<FailedResource> },
}

impl Recovery {
    /// True when resources are deleted.
    pub fn deletes(&self) -> bool {
        matches!(
            self,
            Self::DeleteAndCreate { .. } | Self::DeleteAgain { .. }
        )
    }

    /// What was found and what will be done, for a person.
    pub fn sentence(&self, stack: &str) -> String {
        match self {
            Self::Attach => {
                format!("{stack}: something is being done to it; wait for it, then go on")
            }
            Self::DeleteAndCreate { left } if left.is_empty() => {
                format!(
                    "{stack}: it never came to be, and nothing is in it; delete it and make it anew"
                )
            }
            Self::DeleteAndCreate { left } => format!(
                "{stack}: it never came to be; delete what is left of it ({}) and make it anew",
                names(left)
            ),
            Self::DeleteAgain { left } => format!(
                "{stack}: its deletion got stuck ({}); delete it and make it anew",
                reasons(left)
            ),
            Self::ContinueRollback { stuck } => format!(
                "{stack}: rolling it back got stuck ({}); go on rolling it back, then update it",
                reasons(stuck)
            ),
        }
    }
}

/// A resource that did not get where it was going.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedResource {
    pub logical_id: String,
    pub resource_type: String,
    pub reason: String,
}

fn names(left: &[FailedResource]) -> String {
    let names: Vec<&str> = left
        .iter()
        .map(|failed| failed.logical_id.as_str())
        .collect();
    names.join(", ")
}

fn reasons(left: &[FailedResource]) -> String {
    let all: Vec<String> = left
        .iter()
        .map(|failed| match failed.reason.is_empty() {
            true => failed.logical_id.clone(),
            false => format!("{}: {}", failed.logical_id, failed.reason),
        })
        .collect();
    all.join("; ")
}
