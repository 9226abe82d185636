//! Decide, show, do: what a deploy changes, showing it, and carrying it out; on every cloud by the same steps.

mod account;
mod desired;
mod destroy;
pub mod offline;
pub mod plan;
pub mod preview;
mod run;
mod smoke;

pub use desired::desired;
pub use destroy::{DestroyRequest, destroy};
pub use run::{DeployRequest, Deployed, Interrupted, cancel, deploy, preview as preview_of, save};
