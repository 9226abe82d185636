//! Decide, show, do.

mod desired;
pub mod plan;

pub use desired::desired;
