//! The first questions to a stage that was just deployed, as its users would ask them. Nothing is bought.

#[cfg(feature = "aws")]
mod aws;
mod paths;

use serde::Serialize;

#[cfg(feature = "aws")]
pub(crate) use aws::check;
pub(crate) use paths::paths;

/// One question and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Check {
    /// `x402-backend, unpaid`
    pub(crate) name: String,
    pub(crate) passed: bool,
    /// What was answered, or what is wrong and the way out.
    pub(crate) detail: String,
}

impl Check {
    fn new(name: String, result: Result<String, String>, way_out: String) -> Self {
        Self {
            name,
            passed: result.is_ok(),
            detail: result.unwrap_or_else(|problem| format!("{problem}; {way_out}")),
        }
    }
}
