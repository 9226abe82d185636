//! Effects: one file per outside program or API. Nothing above decides here, nothing here decides.

pub(crate) mod agentcore;
#[cfg(feature = "aws")]
pub(crate) mod aws;
pub(crate) mod cargo;
pub(crate) mod cross;
pub(crate) mod docker;
pub(crate) mod doctor;
pub(crate) mod files;
pub(crate) mod git;
mod payment_peers;
pub(crate) mod registry;
pub(crate) mod shop;
mod test_engine;
pub(crate) mod test_tools;
