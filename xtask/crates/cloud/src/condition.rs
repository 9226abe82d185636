//! What a stack's status means for whoever wants to change it.

/// What can be done with a stack now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It stands, and can be updated. After a rolled back update too.
    Steady,
    /// Something is being done to it: wait for it with [`crate::Cloud::attach`].
    InProgress(Operation),
    /// A change set was made for a new stack and never executed. There is nothing in it: a new change set goes on from here.
    ReviewInProgress,
    /// Its creation failed. There is nothing in it, and it can only be deleted.
    RollbackComplete,
    /// Its creation failed, and so did removing what had been made.
    RollbackFailed,
    /// An update failed with rollback turned off. It can be updated.
    UpdateFailed,
    UpdateRollbackFailed,
    DeleteFailed,
    /// It has been deleted.
    Gone,
}

/// What is being done to a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Create,
    Update,
    Delete,
    Rollback,
}

impl Operation {
    /// `is being created`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Create => "is being created",
            Self::Update => "is being updated",
            Self::Delete => "is being deleted",
            Self::Rollback => "is being rolled back",
        }
    }
}

impl Condition {
    /// True when nothing can be done before the stack has been recovered.
    pub fn is_stuck(self) -> bool {
        matches!(
            self,
            Self::RollbackComplete
                | Self::RollbackFailed
                | Self::UpdateRollbackFailed
                | Self::DeleteFailed
        )
    }
}

/// Reads a status, as DescribeStacks words it.
pub fn condition(status: &str) -> Condition {
    match status {
        "REVIEW_IN_PROGRESS" => Condition::ReviewInProgress,
        "ROLLBACK_COMPLETE" | "CREATE_FAILED" | "IMPORT_ROLLBACK_COMPLETE" => {
            if status.starts_with("IMPORT") {
                return Condition::Steady;
            }
            Condition::RollbackComplete
        }
        "ROLLBACK_FAILED" => Condition::RollbackFailed,
        "UPDATE_FAILED" => Condition::UpdateFailed,
        "UPDATE_ROLLBACK_FAILED" | "IMPORT_ROLLBACK_FAILED" => Condition::UpdateRollbackFailed,
        "DELETE_FAILED" => Condition::DeleteFailed,
        "DELETE_COMPLETE" => Condition::Gone,
        _ if status.ends_with("_IN_PROGRESS") => Condition::InProgress(operation(status)),
        _ => Condition::Steady,
    }
}

fn operation(status: &str) -> Operation {
    if status.contains("ROLLBACK") {
        Operation::Rollback
    } else if status.starts_with("CREATE") || status.starts_with("IMPORT") {
        Operation::Create
    } else if status.starts_with("DELETE") {
        Operation::Delete
    } else {
        Operation::Update
    }
}
