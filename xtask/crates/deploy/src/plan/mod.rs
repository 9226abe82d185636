//! What a deploy would change: this repository's stacks against what is deployed.

mod against;
mod diff;

pub use against::{Cause, Compared, Fate, InputChange, Rendering, compare};
pub use diff::{Desired, diff, moved_outputs};
