//! What is deployed: the stacks of a stage as their cloud describes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One stack as its cloud describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployedStack {
    pub name: String,
    /// A service's name, `network` or `artifacts`.
    pub owner: String,
    /// The ARN. It goes on to name this stack after it has been deleted and another has its name.
    pub stack_id: String,
    /// `UPDATE_COMPLETE`, say; see [`crate::condition`].
    pub status: String,
    pub status_reason: Option<String>,
    pub outputs: BTreeMap<String, String>,
    pub parameters: BTreeMap<String, String>,
    /// The hash of everything that the stack was made from, as it was given when the stack was prepared.
    pub inputs_hash: Option<String>,
    /// Termination protection.
    pub protected: bool,
    /// RFC 3339, UTC.
    pub created_at: String,
    pub updated_at: Option<String>,
}
