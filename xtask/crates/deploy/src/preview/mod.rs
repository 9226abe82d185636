//! What a deploy would do, as data: one entry per stack, shown by `plan`, confirmed and carried out by `deploy`.

mod table;

use serde::{Deserialize, Serialize};

use crate::plan::{Cause, InputChange};
use cloud::{Action, Change, DeployedStack, ReadySet, Recovery, StackRequest, changes_in_place};
pub(crate) use table::in_short;
pub use table::show;

/// What becomes of every stack of a stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    pub(crate) stage: String,
    pub(crate) account: String,
    pub(crate) region: String,
    /// What it was compared with, when that was no cloud: a folder of rendered templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) against: Option<String>,
    /// In the order of the deploy; stacks that go come last, in the order in which they are deleted.
    pub(crate) stacks: Vec<StackPreview>,
}

/// What becomes of one stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackPreview {
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) action: StackAction,
    pub(crate) changes: Vec<Change>,
    /// What the deletion of the whole stack takes along and what it leaves, in words.
    #[serde(default)]
    pub(crate) takes: Vec<String>,
    /// True when CloudFormation has said so in a change set; false when it was worked out from the templates.
    pub(crate) exact: bool,
    /// What has to be known first, and is known only once another stack has been deployed.
    pub(crate) causes: Vec<Cause>,
    /// Parameters and ARGs that come from elsewhere than before; only where rendered templates were compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) input_changes: Vec<InputChange>,
    /// The hash of the template and its parameters; absent while a parameter has no value.
    pub(crate) inputs: Option<String>,
    pub(crate) change_set: Option<ReadySet>,
    /// The stack as it was looked at; absent when there is none.
    #[serde(rename = "standing")]
    pub(crate) deployed: Option<Mark>,
    /// In words, where the action alone does not say it.
    pub(crate) note: Option<String>,
    #[serde(skip)]
    pub(crate) recovery: Option<Recovery>,
    #[serde(skip)]
    pub(crate) request: Option<StackRequest>,
}

/// What is done to a stack as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StackAction {
    Nothing,
    Create,
    Update,
    /// What is left of a failed creation is deleted, and the stack is created.
    Recreate,
    /// A rollback that got stuck is brought to its end, and the stack is updated.
    #[serde(rename = "mend")]
    Recover,
    Delete,
}

/// Enough of a stack to tell later that it has not moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    pub(crate) stack_id: String,
    pub(crate) status: String,
    pub(crate) updated_at: Option<String>,
    pub(crate) inputs: Option<String>,
}

impl Mark {
    pub(crate) fn of(deployed: &DeployedStack) -> Self {
        Self {
            stack_id: deployed.stack_id.clone(),
            status: deployed.status.clone(),
            updated_at: deployed.updated_at.clone(),
            inputs: deployed.inputs_hash.clone(),
        }
    }
}

impl Preview {
    /// False when a deploy would find nothing to do.
    pub(crate) fn changes_anything(&self) -> bool {
        self.stacks
            .iter()
            .any(|stack| stack.action != StackAction::Nothing)
    }

    /// The stacks that stay as they are.
    pub(crate) fn unchanged(&self) -> Vec<StackRequest> {
        let stacks = self.stacks.iter();
        let same = stacks.filter(|stack| stack.action == StackAction::Nothing);
        same.filter_map(|stack| stack.request.clone()).collect()
    }

    /// What is lost or made anew, as `stack: resource`; this is what a person has to agree to.
    pub(crate) fn losses(&self) -> Vec<String> {
        self.stacks.iter().flat_map(StackPreview::losses).collect()
    }
}

impl StackPreview {
    /// What is known of a stack from its name and fate alone.
    pub(crate) fn new(name: String, owner: String, action: StackAction) -> Self {
        Self {
            name,
            owner,
            action,
            changes: Vec::new(),
            takes: Vec::new(),
            exact: false,
            causes: Vec::new(),
            input_changes: Vec::new(),
            inputs: None,
            change_set: None,
            deployed: None,
            note: None,
            recovery: None,
            request: None,
        }
    }

    /// The replacements and deletions in this stack. A task definition is a list of versions: a new one takes nothing away.
    pub(crate) fn losses(&self) -> Vec<String> {
        if self.action == StackAction::Delete {
            let whole = format!("{}: the whole stack is deleted", self.name);
            let takes = self.takes.iter();
            return std::iter::once(whole)
                .chain(takes.map(|thing| format!("{}: {thing}", self.name)))
                .collect();
        }
        let lost = self.changes.iter().filter(|change| is_loss(change));
        self.left_behind()
            .into_iter()
            .chain(lost.map(|change| loss(&self.name, change)))
            .collect()
    }

    /// What is left of an earlier deploy and has to go first.
    fn left_behind(&self) -> Option<String> {
        let recovery = self
            .recovery
            .as_ref()
            .filter(|recovery| recovery.deletes())?;
        Some(recovery.sentence(&self.name))
    }
}

/// `turnpike-dev-network: Vpc (AWS::EC2::VPC) is replaced`
pub(crate) fn loss(stack: &str, change: &Change) -> String {
    let what = match change.action {
        Action::Delete => "is deleted",
        Action::MayReplace => "may be replaced",
        _ => "is replaced",
    };
    format!(
        "{stack}: {} ({}) {what}",
        change.logical_id, change.resource_type
    )
}

/// True when something that stands goes away. Where CloudFormation says that it may, but our own table knows that these
/// properties change in place, it does not.
pub(crate) fn is_loss(change: &Change) -> bool {
    match change.action {
        Action::Create | Action::Adopt | Action::Update => false,
        Action::MayReplace if changes_in_place(change) => false,
        Action::MayReplace | Action::Replace | Action::Delete => {
            resource_types::find(&change.resource_type).is_none_or(|known| !known.is_versioned())
        }
    }
}
